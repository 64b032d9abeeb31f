import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { ForgeError } from "../../src/domain/Errors.ts"
import * as Step from "../../src/domain/Step.ts"
import { Forge } from "../../src/services/Forge.ts"
import type { FunctionAnswer } from "../../src/services/Harness.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { done, openIssue, recordingForge, repository, rolesOf, squadronWith, untilStatus } from "./Scenario.ts"

const saying = (...bodies: ReadonlyArray<string>): FunctionAnswer => ({
  outcome: done,
  actions: bodies.map((body) => ({ action: { _tag: "comment", body } }))
})
const roles = rolesOf([{ name: "worker" }])
/** Until the outbox has done or given up all, however long that takes by the clock. */
const throughWithAll = Effect.raceFirst(
  until(
    Effect.map(
      Store.use((store) => store.counts),
      ({ actionsQueued }) => actionsQueued === 0
    )
  ),
  Effect.forever(TestClock.adjust("10 seconds"))
)

describe("retried actions", () => {
  it.effect("a failed action that a person retries is done once, when its cause is mended, and not again", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([
        { outcome: done, actions: [{ action: { _tag: "comment", body: "late" }, issue: 2 }] }
      ])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        const forge = yield* LocalForge
        const saidThere = Effect.map(forge.comments(repository, 2), (all) => all.map(({ body }) => body))
        yield* openIssue("An issue")
        yield* squadron.publish(customEvent())
        yield* squadron.idle
        const [failed] = yield* store.actions({ limit: 10, status: "failed" })
        const id = failed?.id ?? 0
        assert.match(failed?.error ?? "", /no issue acme\/widgets#2/)
        // not mended yet: it fails anew
        assert.deepInclude(yield* squadron.retryAction(id), { id, key: failed?.key ?? "", status: "queued", error: "" })
        yield* squadron.idle
        assert.strictEqual((yield* squadron.status).actionsFailed, 1)
        yield* openIssue("Another")
        yield* squadron.retryAction(id)
        yield* squadron.idle
        assert.deepStrictEqual(yield* saidThere, ["late"])
        assert.deepInclude(yield* Effect.flip(squadron.retryAction(id)), {
          _tag: "ActionNotFailed",
          action: id,
          status: "done"
        })
        assert.deepInclude(yield* Effect.flip(squadron.retryAction(id + 100)), { _tag: "ActionNotFound" })
        yield* squadron.idle
        assert.deepStrictEqual(yield* saidThere, ["late"])
        assert.strictEqual((yield* squadron.status).actionsFailed, 0)
        assert.deepStrictEqual(
          (yield* store.journal({ agent: "worker-1-e2", limit: 50 }))
            .map(({ kind }) => kind)
            .filter((kind) => kind.startsWith("action."))
            .toReversed(),
          ["action.failed", "action.retried", "action.failed", "action.retried", "action.done"]
        )
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("a retried action comes before what its subject has still queued, and after what was done meanwhile", () =>
    Effect.gen(function* () {
      const forge = yield* recordingForge
      const worker = yield* scriptedAgent([saying("first", "second")])
      yield* Ref.set(
        forge.faults,
        Array.from({ length: 10 }, () => "before" as const)
      )
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        yield* squadron.publish(customEvent())
        yield* untilStatus("worker-1-e1", "done")
        yield* throughWithAll
        const [failed] = yield* store.actions({ limit: 10, status: "failed" })
        assert.deepInclude(failed, { action: { _tag: "comment" as const, body: "first" }, attempts: 10 })
        const { subject } = customEvent()
        const third = { key: "third", subject, agent: null, depth: 1, action: { _tag: "reopen_issue" as const } }
        // in one transaction, so that the outbox finds both
        yield* Effect.all([store.commit(Step.make({ actions: [third] })), squadron.retryAction(failed?.id ?? 0)], {
          concurrency: "unbounded"
        })
        yield* squadron.idle
        assert.deepStrictEqual(
          (yield* forge.acted).map(({ action }) => ("body" in action ? action.body : action._tag)),
          ["second", "first", "reopen_issue"]
        )
        assert.deepStrictEqual(
          (yield* store.actions({ limit: 10 })).map(({ attempts }) => attempts),
          [1, 1, 11]
        )
      }).pipe(
        Effect.provide(
          squadronWith({ roles, harness: Harness.layerFunctions({ worker: worker.agent }), forge: forge.layer })
        )
      )
    })
  )

  it.effect("an action that was done though all of its answers were lost is found by its mark when it is retried", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([saying("once")])
      let lost = 0
      const deaf = Layer.effect(
        Forge,
        Effect.map(Forge, (forge) =>
          Forge.of({
            ...forge,
            perform: (action) =>
              Effect.flatMap(forge.perform(action), (result) =>
                lost++ < 10
                  ? Effect.fail(new ForgeError({ reason: "no answer", retryable: true, retryAfter: null }))
                  : Effect.succeed(result)
              )
          })
        )
      ).pipe(Layer.provide(LocalForge.layerForge))
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        const forge = yield* LocalForge
        yield* openIssue("An issue")
        yield* squadron.publish(customEvent())
        yield* untilStatus("worker-1-e2", "done")
        yield* throughWithAll
        const [failed] = yield* store.actions({ limit: 10, status: "failed" })
        yield* squadron.retryAction(failed?.id ?? 0)
        yield* squadron.idle
        assert.strictEqual(lost, 11)
        assert.deepStrictEqual(
          (yield* store.actions({ limit: 10 })).map(({ status }) => status),
          ["done"]
        )
        assert.deepStrictEqual(
          (yield* forge.comments(repository, 1)).map(({ body }) => body),
          ["once"]
        )
      }).pipe(
        Effect.provide(squadronWith({ roles, harness: Harness.layerFunctions({ worker: worker.agent }), forge: deaf }))
      )
    })
  )
})
