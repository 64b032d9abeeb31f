import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { born } from "../../src/domain/changeAgent.ts"
import { makeRole } from "../../src/domain/Role.ts"
import * as Step from "../../src/domain/Step.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import {
  allRouted,
  asks,
  blockedOn,
  crash,
  done,
  heldAgent,
  keysOf,
  labeled,
  nobodyRuns,
  openIssue,
  repository,
  said,
  untilStatus,
  watchInvariants
} from "./Scenario.ts"

describe("duplicates", () => {
  it.effect("fifty events on one subject at once make one agent, which sees each of them once", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const seen = yield* watchInvariants
        const keys = Array.from({ length: 50 }, (_, index) => `once:${index}`)
        yield* Effect.forEach(keys, (key) => squadron.publish(customEvent({ key })), { concurrency: "unbounded" })
        yield* squadron.idle
        const turns = yield* worker.turns
        assert.sameMembers(turns.flatMap(keysOf), keys)
        assert.strictEqual(new Set(turns.map(({ agent }) => agent.id)).size, 1)
        assert.deepStrictEqual({ ...seen }, { peak: 1, problems: [] })
      }).pipe(
        Effect.scoped,
        Effect.provide(
          testSquadronLayer({ agents: { worker: worker.agent }, roles: [{ name: "worker", lifetime: "subject" }] })
        )
      )
    })
  )

  it.effect("a role that has finished on a subject starts again there, as another agent", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        for (const key of ["first", "second", "third"]) {
          yield* squadron.publish(customEvent({ key }))
          yield* squadron.idle
        }
        const ended = yield* store.agents({ limit: 10, status: "done" })
        assert.sameMembers(
          ended.map(({ id }) => id),
          ["worker-1-e1", "worker-1-e2", "worker-1-e3"]
        )
        assert.deepStrictEqual((yield* worker.turns).map(keysOf), [["first"], ["second"], ["third"]])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("whatever wakes an agent at the same moment, it has one session", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const pool = yield* AgentPool
        yield* squadron.publish(customEvent())
        yield* (yield* worker.turn).answer(asks("which?"))
        yield* untilStatus("worker-1-e1", "asking")
        yield* nobodyRuns
        const wakes: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          squadron.answer("worker-1-e1", "this"),
          squadron.publish(said("@squadron worker: go on")),
          squadron.publish(customEvent({ key: "more" })),
          squadron.retry("worker-1-e1")
        ]
        yield* Effect.forEach(wakes, (wake) => Effect.exit(wake), { concurrency: "unbounded" })
        yield* allRouted
        const turn = yield* worker.turn
        assert.strictEqual((yield* pool.running).length, 1)
        assert.strictEqual(yield* worker.opened, 2)
        yield* turn.answer(done)
        yield* Effect.forkChild(Effect.forever(Effect.flatMap(worker.turn, (next) => next.answer(done))))
        yield* squadron.idle
        const messages = yield* Store.use((store) => store.inbox("worker-1-e1", { limit: 10 }))
        assert.deepStrictEqual(
          messages.filter(({ status }) => status !== "read"),
          []
        )
        assert.strictEqual(yield* worker.opened, yield* worker.closed)
      }).pipe(Effect.scoped, Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("two agents of one role on one subject cannot be stored, and the second alone is refused", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const store = yield* Store
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* worker.turn
        const event = yield* store.event(1)
        const role = makeRole({ name: "worker", harness: { _tag: "function", name: "worker" } })
        const second = { ...born(role, { ...event, seq: 99 }), id: "worker-1-e99" }
        const elsewhere = {
          ...born(role, { ...event, seq: 98, subject: { ...event.subject, number: 2 } }),
          unread: 0,
          status: "paused" as const
        }
        const [clash, other] = yield* Effect.all(
          [
            Effect.exit(store.commit(Step.make({ agents: [{ agent: second, expected: null }] }))),
            Effect.exit(store.commit(Step.make({ agents: [{ agent: elsewhere, expected: null }] })))
          ],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual([clash._tag, other._tag], ["Failure", "Success"])
        assert.deepStrictEqual(yield* store.agentsById(["worker-1-e99"]), [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect(
    "a blocker that closes while its agent is still reporting it makes no second session and no endless wait",
    () =>
      Effect.gen(function* () {
        const worker = yield* heldAgent
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          const store = yield* Store
          yield* openIssue("The work")
          yield* openIssue("Its blocker")
          yield* squadron.publish(customEvent())
          const turn = yield* worker.turn
          yield* LocalForge.use((forge) => forge.close({ repository, number: 2, author: "ada", reason: "completed" }))
          yield* allRouted
          assert.strictEqual(yield* worker.opened, 1)
          yield* turn.answer(blockedOn("2"))
          const next = yield* worker.turn
          assert.deepStrictEqual([yield* worker.opened, yield* worker.closed], [2, 1])
          yield* next.answer(done)
          yield* untilStatus("worker-1-e3", "done")
          assert.strictEqual((yield* store.counts).agents.blocked, 0)
        }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
      })
  )

  it.effect("the same label twice on an issue is two messages to one agent", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        yield* squadron.publish(labeled(1, "bug"))
        const first = yield* worker.turn
        yield* squadron.publish(labeled(1, "bug"))
        yield* allRouted
        yield* first.answer(done)
        const second = yield* worker.turn
        yield* second.answer(done)
        yield* squadron.idle
        assert.deepStrictEqual([first.input.messages.length, second.input.messages.length], [1, 1])
        assert.strictEqual(first.input.agent.id, second.input.agent.id)
        assert.strictEqual((yield* store.agents({ limit: 10 })).length, 1)
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: { worker: worker.agent },
            roles: [{ name: "worker", on: [{ event: "issue.labeled", label: "bug" }] }]
          })
        )
      )
    })
  )

  it.effect("a delivery that comes again, at once or later, is routed once", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const publish = squadron.publish(customEvent({ key: "delivery" }))
        const answers = yield* Effect.all([publish, publish, publish], { concurrency: "unbounded" })
        assert.deepStrictEqual(answers.map(({ _tag }) => _tag).toSorted(), ["Accepted", "Duplicate", "Duplicate"])
        yield* squadron.idle
        assert.deepStrictEqual(yield* publish, { _tag: "Duplicate", seq: 1 })
        yield* squadron.idle
        assert.deepStrictEqual((yield* worker.turns).map(keysOf), [["delivery"]])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("a message to an agent that waits for its retry neither starts it early nor starts a second one", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([crash])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const pool = yield* AgentPool
        yield* squadron.publish(customEvent({ key: "a" }))
        yield* untilStatus("worker-1-e1", "waiting")
        yield* squadron.publish(customEvent({ key: "b" }))
        yield* allRouted
        assert.deepStrictEqual(yield* pool.running, [])
        yield* TestClock.adjust("10 seconds")
        yield* until(Effect.map(worker.turns, (turns) => turns.length === 3))
        yield* squadron.idle
        assert.deepStrictEqual((yield* worker.turns).map(keysOf), [["a"], ["a"], ["b"]])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )
})
