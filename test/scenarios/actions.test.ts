import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { StoreUnavailable } from "../../src/domain/Errors.ts"
import { Outcome } from "../../src/domain/Outcome.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Forge } from "../../src/services/Forge.ts"
import type { FunctionAnswer } from "../../src/services/Harness.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { crash, done, openIssue, recordingForge, repository, rolesOf, squadronWith, untilStatus } from "./Scenario.ts"

const saying = (...bodies: ReadonlyArray<string>): FunctionAnswer => ({
  outcome: done,
  actions: bodies.map((body) => ({ action: { _tag: "comment", body } }))
})
const roles = rolesOf([{ name: "worker" }])
const nothingQueued = until(
  Effect.map(
    Store.use((store) => store.counts),
    ({ actionsQueued }) => actionsQueued === 0
  )
)

describe("actions", () => {
  it.effect("an action whose answer was lost is not done twice", () =>
    Effect.gen(function* () {
      const forge = yield* recordingForge
      const worker = yield* scriptedAgent([saying("one", "two")])
      yield* Ref.set(forge.faults, ["after", "after", "before"])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* untilStatus("worker-1-e1", "done")
        for (let n = 0; n < 6; n++) yield* TestClock.adjust("10 seconds")
        yield* nothingQueued
        assert.deepStrictEqual(
          (yield* forge.acted).map(({ action }) => action),
          [
            { _tag: "comment", body: "one" },
            { _tag: "comment", body: "two" }
          ]
        )
      }).pipe(
        Effect.provide(
          squadronWith({ roles, harness: Harness.layerFunctions({ worker: worker.agent }), forge: forge.layer })
        )
      )
    })
  )

  it.effect("an action that was done, but whose noting failed, reaches the real forge once", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([saying("once")])
      let failed = 0
      const store = Layer.effect(
        Store,
        Effect.map(Store, (store) =>
          Store.of({
            ...store,
            commit: (step) =>
              Effect.suspend(() =>
                step.settled.length > 0 && failed++ < 3
                  ? Effect.fail(new StoreUnavailable({ reason: "disk full" }))
                  : store.commit(step)
              )
          })
        )
      )
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const forge = yield* LocalForge
        yield* openIssue("An issue")
        yield* squadron.publish(customEvent())
        yield* untilStatus("worker-1-e2", "done")
        for (let n = 0; n < 5; n++) yield* TestClock.adjust("1 second")
        yield* squadron.idle
        assert.isAbove(failed, 3)
        assert.deepStrictEqual(
          (yield* forge.comments(repository, 1)).map(({ body }) => body),
          ["once"]
        )
      }).pipe(Effect.provide(squadronWith({ roles, harness: Harness.layerFunctions({ worker: worker.agent }), store })))
    })
  )

  it.effect("a forge that is down keeps nobody from working, and hears all in order when it is back", () =>
    Effect.gen(function* () {
      const forge = yield* recordingForge
      const worker = yield* scriptedAgent([saying("1", "2"), saying("3")])
      yield* Ref.set(
        forge.faults,
        Array.from({ length: 5 }, () => "before" as const)
      )
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const pool = yield* AgentPool
        for (let n = 1; n <= 2; n++) {
          yield* squadron.publish(customEvent())
          yield* untilStatus(`worker-1-e${n}`, "done")
        }
        yield* pool.drained
        assert.deepStrictEqual(yield* forge.acted, [])
        for (let n = 0; n < 10; n++) yield* TestClock.adjust("10 seconds")
        yield* nothingQueued
        assert.deepStrictEqual(
          (yield* forge.acted).map(({ action }) => ("body" in action ? action.body : "")),
          ["1", "2", "3"]
        )
        assert.strictEqual((yield* squadron.status).actionsFailed, 0)
      }).pipe(
        Effect.provide(
          squadronWith({ roles, harness: Harness.layerFunctions({ worker: worker.agent }), forge: forge.layer })
        )
      )
    })
  )

  it.effect("an action that the forge never answers is tried again, and keeps no other subject waiting", () =>
    Effect.gen(function* () {
      const forge = yield* recordingForge
      const worker = yield* scriptedAgent([saying("one"), saying("two")])
      yield* Ref.set(forge.faults, ["never"])
      const said = Effect.map(forge.acted, (acted) =>
        acted.map(({ action, subject }) => [subject.number, "body" in action ? action.body : ""])
      )
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent({ issue: 1 }))
        yield* forge.tried
        yield* squadron.publish(customEvent({ issue: 2 }))
        yield* until(Effect.map(said, (all) => all.length > 0))
        assert.deepStrictEqual(yield* said, [[2, "two"]])
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual((yield* said).length, 1)
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust("1 second")
        yield* nothingQueued
        assert.deepStrictEqual(yield* said, [
          [2, "two"],
          [1, "one"]
        ])
      }).pipe(
        Effect.provide(
          squadronWith({ roles, harness: Harness.layerFunctions({ worker: worker.agent }), forge: forge.layer })
        )
      )
    })
  )

  it.effect("a forge that never says whether an issue is open keeps no turn from being written down", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const silent = Layer.effect(
        Forge,
        Effect.map(Forge, (forge) =>
          Forge.of({ ...forge, issue: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never) })
        )
      ).pipe(Layer.provide(LocalForge.layerForge))
      const worker = yield* scriptedAgent([Outcome.cases.TurnEnded.make({})])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* Deferred.await(asked)
        assert.strictEqual((yield* squadron.status).agents.running, 1)
        yield* Effect.raceFirst(
          untilStatus("worker-1-e1", "waiting", "done"),
          Effect.forever(TestClock.adjust("10 seconds"))
        )
      }).pipe(
        Effect.provide(
          squadronWith({ roles, harness: Harness.layerFunctions({ worker: worker.agent }), forge: silent })
        )
      )
    })
  )

  it.effect("an action that can never be done is given up with its reason, and the next one is done", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([
        {
          outcome: done,
          actions: [
            { action: { _tag: "comment", body: "lost" }, issue: 99 },
            { action: { _tag: "comment", body: "kept" } }
          ]
        }
      ])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const forge = yield* LocalForge
        yield* openIssue("An issue")
        yield* squadron.publish(customEvent())
        yield* squadron.idle
        const failed = (yield* Store.use((store) => store.actions({ limit: 10 }))).find(
          ({ status }) => status === "failed"
        )
        assert.match(failed?.error ?? "", /no issue acme\/widgets#99/)
        assert.deepStrictEqual(
          (yield* forge.comments(repository, 1)).map(({ body }) => body),
          ["kept"]
        )
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect(
    "what an agent wanted in a turn that crashed is not done, and what it wanted in the next is done once",
    () =>
      Effect.gen(function* () {
        const worker = yield* scriptedAgent([
          { outcome: crash, actions: [{ action: { _tag: "comment", body: "half" } }] },
          saying("whole")
        ])
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          const forge = yield* LocalForge
          yield* openIssue("An issue")
          yield* squadron.publish(customEvent())
          yield* untilStatus("worker-1-e2", "waiting")
          yield* TestClock.adjust("10 seconds")
          yield* squadron.idle
          assert.deepStrictEqual(
            (yield* forge.comments(repository, 1)).map(({ body }) => body),
            ["whole"]
          )
        }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
      })
  )
})
