/** Runs that stand still at one of their waits, so that a test can stop them just there. */
import { assert } from "@effect/vitest"
import { Deferred, Effect, Layer, Queue, Ref } from "effect"
import { TestClock } from "effect/testing"
import { defaultLimits } from "../../src/domain/Role.ts"
import { Harness, resultOf } from "../../src/services/Harness.ts"
import type { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { allRouted, done, rolesOf, squadronWith } from "./Scenario.ts"

/** The waits of a run, in their order. */
export type Stage = "claim" | "inbox" | "opening" | "turn" | "commit" | "between" | "release"

export const where: { readonly [Name in Stage]: string } = {
  claim: "while its permit is written down",
  inbox: "while its inbox is read",
  opening: "while it opens",
  turn: "during its turn",
  commit: "during its commit",
  between: "between two turns",
  release: "while its session closes"
}

/** The agent that the first event brings to life. */
export const id = "worker-1-e1"
export const limits = { ...defaultLimits, wallClock: 60_000 }

const nothing = { sessions: 0, sessionsClosed: 0, turns: 0, turnsClosed: 0 }

/** A run that stands still at one place until it is let go, and counts what it opened and released. */
export const standingAt = Effect.fnUntraced(function* (stage: Stage) {
  // the clock's first sleep must not be in a finalizer
  yield* TestClock.adjust(0)
  const reached = yield* Queue.unbounded<void>()
  const letGo = yield* Deferred.make<void>()
  const counted = yield* Ref.make(nothing)
  const count = (key: keyof typeof nothing) => Ref.update(counted, (all) => ({ ...all, [key]: all[key] + 1 }))
  let standing = true
  const stand = (here: Stage) =>
    Effect.suspend(() => {
      if (here !== stage || !standing) return Effect.void
      standing = false
      return Effect.andThen(Queue.offer(reached, undefined), Deferred.await(letGo))
    })
  const asked = yield* Deferred.make<void>()
  const more = yield* Deferred.make<void>()
  // armed by the turn's end: the next decision is its commit, the next look into the inbox comes after it
  let armed = false
  const harness = Layer.succeed(
    Harness,
    Harness.of({
      open: Effect.fnUntraced(function* () {
        yield* Effect.acquireRelease(count("sessions"), () => Effect.andThen(count("sessionsClosed"), stand("release")))
        yield* stand("opening")
        return {
          turn: () =>
            Effect.acquireUseRelease(
              count("turns"),
              () =>
                Effect.gen(function* () {
                  yield* stand("turn")
                  // only a run that is cut off has a row while its session closes
                  if (stage === "release" && standing) return yield* Effect.never
                  yield* Deferred.succeed(asked, undefined)
                  if (stage === "between") yield* Deferred.await(more)
                  armed = true
                  return resultOf(done)
                }),
              () => count("turnsClosed")
            )
        }
      })
    })
  )
  const store = Layer.effect(
    Store,
    Effect.map(Store, (store) =>
      Store.of({
        ...store,
        decide: (agents, decide) =>
          Effect.andThen(armed ? stand("commit") : Effect.void, store.decide(agents, decide)).pipe(
            // the answer is under way, the row runs already
            Effect.tap(() => (!armed && agents.length === 1 && agents[0] === id ? stand("claim") : Effect.void))
          ),
        unread: (...given) => Effect.andThen(stand(armed ? "between" : "inbox"), store.unread(...given))
      })
    )
  )
  /** Brings the run to its place; between two turns it is only with another message. */
  const brought = (squadron: Squadron["Service"]) =>
    Effect.gen(function* () {
      yield* squadron.publish(customEvent())
      if (stage === "between") {
        yield* Deferred.await(asked)
        yield* squadron.publish(customEvent())
        yield* allRouted
        yield* Deferred.succeed(more, undefined)
      }
      if (stage === "release") {
        while ((yield* Ref.get(counted)).turns === 0) yield* Effect.yieldNow
        yield* TestClock.adjust(limits.wallClock)
      }
      yield* Queue.take(reached)
    })
  return { stage, harness, store, brought, letGo: Deferred.succeed(letGo, undefined), counted: Ref.get(counted) }
})
export type Standing = Effect.Success<ReturnType<typeof standingAt>>

/** With one permit, so that one which is not given back stops everything. */
export const layerOf = ({ harness, store }: Standing, filename = ":memory:") =>
  squadronWith({ roles: rolesOf([{ name: "worker", limits }]), squad: { concurrency: 1 }, harness, store, filename })

/** Whatever was opened by the run is closed, once. */
export const allReleased = Effect.fnUntraced(function* ({ counted, stage }: Standing) {
  const { sessions, sessionsClosed, turns, turnsClosed } = yield* counted
  const before = stage === "claim" || stage === "inbox"
  assert.isAtMost(sessions, before ? 1 : Number.POSITIVE_INFINITY)
  if (!before) assert.deepStrictEqual([sessions, turns], [1, stage === "opening" ? 0 : 1])
  assert.deepStrictEqual([sessionsClosed, turnsClosed], [sessions, turns])
})
