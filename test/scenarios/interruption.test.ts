import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, FileSystem, Layer, Queue, Ref, Scope } from "effect"
import { TestClock } from "effect/testing"
import { NodeServices } from "@effect/platform-node"
import { sqliteStoreLayer } from "../../src/app/layers.ts"
import type { AgentStatus } from "../../src/domain/Agent.ts"
import { defaultLimits } from "../../src/domain/Role.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Harness, resultOf } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { testSquadronLayer } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { allRouted, done, heldAgent, rolesOf, squadronWith, untilStatus } from "./Scenario.ts"

type Stage = "opening" | "turn" | "commit" | "between"
const id = "worker-1-e1"
const limits = { ...defaultLimits, wallClock: 60_000 }

const nothing = { sessions: 0, sessionsClosed: 0, turns: 0, turnsClosed: 0 }

/** A run that stands still at one place until it is let go, and counts what it opened and released. */
const standingAt = Effect.fnUntraced(function* (stage: Stage) {
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
        yield* Effect.acquireRelease(count("sessions"), () => count("sessionsClosed"))
        yield* stand("opening")
        return {
          turn: () =>
            Effect.acquireUseRelease(
              count("turns"),
              () =>
                Effect.gen(function* () {
                  yield* stand("turn")
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
        decide: (...given) => Effect.andThen(armed ? stand("commit") : Effect.void, store.decide(...given)),
        unread: (...given) => Effect.andThen(armed ? stand("between") : Effect.void, store.unread(...given))
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
      yield* Queue.take(reached)
    })
  return { harness, store, brought, letGo: Deferred.succeed(letGo, undefined), counted: Ref.get(counted) }
})
type Standing = Effect.Success<ReturnType<typeof standingAt>>

const layerOf = ({ harness, store }: Standing, filename = ":memory:") =>
  squadronWith({ roles: rolesOf([{ name: "worker", limits }]), harness, store, filename })

/** Whatever was opened by the run is closed, once. */
const allReleased = Effect.fnUntraced(function* (standing: Standing, stage: Stage) {
  const { sessions, sessionsClosed, turns, turnsClosed } = yield* standing.counted
  assert.deepStrictEqual([sessions, turns], [1, stage === "opening" ? 0 : 1])
  assert.deepStrictEqual([sessionsClosed, turnsClosed], [sessions, turns])
})

const byAPerson = (stage: Stage, way: "cancel" | "pause", to: AgentStatus) =>
  Effect.gen(function* () {
    const standing = yield* standingAt(stage)
    yield* Effect.gen(function* () {
      const squadron = yield* Squadron
      const store = yield* Store
      const pool = yield* AgentPool
      yield* standing.brought(squadron)
      const asked = yield* Effect.forkChild(squadron[way](id, "enough"), { startImmediately: true })
      yield* untilStatus(id, to)
      if (stage === "commit" || stage === "between") yield* standing.letGo
      assert.strictEqual((yield* Fiber.join(asked)).status, to)
      assert.deepStrictEqual(yield* pool.running, [])
      yield* allReleased(standing, stage)
      assert.strictEqual((yield* store.counts).agents.running, 0)
      assert.deepStrictEqual(yield* store.openRuns, [])
      const runs = yield* store.runs(id)
      assert.strictEqual(runs.length, 1)
      assert.isNotNull(runs[0]?.closedAt)
      assert.strictEqual(runs[0]?.outcome?._tag, stage === "commit" ? "Completed" : "Cancelled")
    }).pipe(Effect.provide(layerOf(standing)))
  })

const byClosing = (stage: Stage, to: AgentStatus) =>
  Effect.gen(function* () {
    const standing = yield* standingAt(stage)
    const filename = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/squadron.db`
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layerOf(standing, filename), scope)
    yield* Effect.provideContext(standing.brought(Context.get(context, Squadron)), context)
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    yield* standing.letGo
    yield* Fiber.join(closing)
    yield* allReleased(standing, stage)
    const left = yield* Effect.provide(
      Effect.flatMap(Store, (store) => store.agent(id)),
      Layer.orDie(sqliteStoreLayer({ filename }))
    )
    assert.strictEqual(left.status, to)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const byDraining = (stage: Stage, to: AgentStatus) =>
  Effect.gen(function* () {
    const standing = yield* standingAt(stage)
    yield* Effect.gen(function* () {
      const squadron = yield* Squadron
      const pool = yield* AgentPool
      const store = yield* Store
      yield* standing.brought(squadron)
      const draining = yield* Effect.forkChild(squadron.drain, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      if (stage === "commit") yield* standing.letGo
      yield* Fiber.join(draining)
      yield* allReleased(standing, stage)
      assert.deepStrictEqual([(yield* store.agent(id)).status, yield* pool.running], [to, []])
      // nothing starts any more
      yield* squadron.publish(customEvent({ issue: 2 }))
      yield* allRouted
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* pool.running, [])
    }).pipe(Effect.provide(layerOf(standing)))
  })

const where = {
  opening: "while it opens",
  turn: "during its turn",
  commit: "during its commit",
  between: "between two turns"
}
const stages: ReadonlyArray<Stage> = ["opening", "turn", "commit", "between"]

describe("interruption", () => {
  for (const stage of stages) {
    it.effect(`a run that is cancelled ${where[stage]} gives all back, once`, () =>
      byAPerson(stage, "cancel", "cancelled")
    )
    it.effect(`a run that is paused ${where[stage]} gives all back, once`, () => byAPerson(stage, "pause", "paused"))
    it.effect(`a run whose squadron is closed ${where[stage]} gives all back, once, and its row does not run`, () =>
      byClosing(stage, stage === "commit" ? "done" : "ready")
    )
    it.effect(
      `a run that does not end in time at a stop ${where[stage]} gives all back, once, and nothing starts after it`,
      () => byDraining(stage, stage === "commit" ? "done" : "ready")
    )
  }

  for (const stage of ["opening", "turn"] as const) {
    it.effect(`a run that reaches its limit ${where[stage]} gives all back, once, and is tried again`, () =>
      Effect.gen(function* () {
        const standing = yield* standingAt(stage)
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          const pool = yield* AgentPool
          yield* standing.brought(squadron)
          yield* TestClock.adjust("1 minute")
          yield* untilStatus(id, "waiting")
          yield* pool.drained
          yield* allReleased(standing, stage)
          yield* TestClock.adjust("10 seconds")
          yield* untilStatus(id, "done")
        }).pipe(Effect.provide(layerOf(standing)))
      })
    )
  }

  it.effect("one run's slow release does not keep another past its limit", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const gate = yield* Deferred.make<void>()
      const other = yield* heldAgent
      const slow = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* slow.turn
        yield* other.turn
        yield* TestClock.adjust("1 minute")
        yield* TestClock.adjust("1 second")
        yield* untilStatus("other-1-e1", "waiting")
        yield* Deferred.succeed(gate, undefined)
        yield* untilStatus("slow-1-e1", "waiting")
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: {
              slow: (input) => Effect.onExit(slow.agent(input), () => Deferred.await(gate)),
              other: other.agent
            },
            roles: [
              { name: "slow", limits },
              { name: "other", limits: { ...limits, wallClock: 61_000 } }
            ]
          })
        )
      )
    })
  )

  it.effect("an agent that is cancelled before it has a permit never runs", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        const first = yield* worker.turn
        yield* squadron.publish(customEvent({ issue: 2 }))
        yield* untilStatus("worker-2-e2", "ready")
        yield* squadron.cancel("worker-2-e2", "")
        yield* first.answer(done)
        yield* squadron.idle
        assert.strictEqual(yield* worker.opened, 1)
        assert.deepStrictEqual(yield* Store.use((store) => store.runs("worker-2-e2")), [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent }, squad: { concurrency: 1 } })))
    })
  )
})
