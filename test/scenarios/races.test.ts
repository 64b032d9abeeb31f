import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { customEvent } from "../support/TestSquadron.ts"
import {
  allRouted,
  blockedOn,
  done,
  heldAgent,
  openIssue,
  repository,
  rolesOf,
  squadronWith,
  untilStatus
} from "./Scenario.ts"

/** A store that stops before the next decision on this agent, once it is armed, until it is let go. */
const holding = Effect.gen(function* () {
  const reached = yield* Deferred.make<void>()
  const letGo = yield* Deferred.make<void>()
  let armed: string | undefined
  const layer = Layer.effect(
    Store,
    Effect.map(Store, (store) =>
      Store.of({
        ...store,
        decide: (agents, decide) =>
          Effect.suspend(() => {
            if (armed === undefined || agents.length !== 1 || agents[0] !== armed) return store.decide(agents, decide)
            armed = undefined
            return Deferred.succeed(reached, undefined).pipe(
              Effect.andThen(Deferred.await(letGo)),
              Effect.andThen(store.decide(agents, decide))
            )
          })
      })
    )
  )
  const arm = (agent: string) =>
    Effect.sync(() => {
      armed = agent
    })
  return { layer, arm, reached: Deferred.await(reached), letGo: Deferred.succeed(letGo, undefined) }
})

const close = (number: number) =>
  LocalForge.use((forge) => forge.close({ repository, number, author: "ada", reason: "completed" }))

describe("races", () => {
  it.effect("a blocker that closes between the look at it and the commit wakes its agent all the same", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      const store = yield* holding
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        for (const title of ["The work", "Its blocker", "Another"]) yield* openIssue(title)
        yield* squadron.publish(customEvent())
        const turn = yield* worker.turn
        const { id } = turn.input.agent
        yield* allRouted
        yield* store.arm(id)
        yield* turn.answer(blockedOn("2", "3"))
        yield* store.reached
        // both were open a moment ago; nobody is blocked yet, so the event wakes nobody
        yield* close(2)
        yield* allRouted
        assert.strictEqual((yield* Store.use(({ agent }) => agent(id))).status, "running")
        yield* store.letGo
        yield* untilStatus(id, "blocked")
        yield* close(3)
        const next = yield* worker.turn
        assert.deepStrictEqual([yield* worker.opened, yield* worker.closed], [2, 1])
        yield* next.answer(done)
        yield* untilStatus(id, "done")
      }).pipe(
        Effect.provide(
          squadronWith({
            roles: rolesOf([{ name: "worker" }]),
            harness: Harness.layerFunctions({ worker: worker.agent }),
            store: store.layer
          })
        )
      )
    })
  )

  it.effect("the only blocker that closes between the look at it and the commit wakes its agent, too", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      const store = yield* holding
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        for (const title of ["The work", "Its blocker"]) yield* openIssue(title)
        yield* squadron.publish(customEvent())
        const turn = yield* worker.turn
        const { id } = turn.input.agent
        yield* allRouted
        yield* store.arm(id)
        yield* turn.answer(blockedOn("2"))
        yield* store.reached
        yield* close(2)
        yield* allRouted
        yield* store.letGo
        const next = yield* worker.turn
        assert.deepStrictEqual([yield* worker.opened, yield* worker.closed], [2, 1])
        yield* next.answer(done)
        yield* untilStatus(id, "done")
      }).pipe(
        Effect.provide(
          squadronWith({
            roles: rolesOf([{ name: "worker" }]),
            harness: Harness.layerFunctions({ worker: worker.agent }),
            store: store.layer
          })
        )
      )
    })
  )
})
