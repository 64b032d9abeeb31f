import { assert, describe } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Outcome } from "../../src/domain/Outcome.ts"
import { defaultLimits } from "../../src/domain/Role.ts"
import { scriptedAgent, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { crashed, newFile, started, test } from "./Restart.ts"
import {
  allRouted,
  asks,
  blockedOn,
  closed,
  crash,
  done,
  heldAgent,
  keysOf,
  recordingForge,
  untilStatus
} from "./Scenario.ts"

describe("recovery", () => {
  for (const how of ["closed", "killed"] as const) {
    test(
      `a squadron that was ${how} in the middle of a turn goes on with it, and tells the agent that it may have acted`,
      Effect.gen(function* () {
        const before = yield* heldAgent
        const after = yield* heldAgent
        const first = yield* started(yield* newFile, { agents: { worker: before.agent } })
        yield* first.squadron.publish(customEvent({ key: "a" }))
        const cut = yield* before.turn
        yield* first.squadron.publish(customEvent({ key: "b" }))
        yield* first.within(allRouted)
        const file = how === "killed" ? yield* crashed(first.filename) : first.filename
        if (how === "closed") yield* first.stop
        const second = yield* started(file, { agents: { worker: after.agent } })
        const turn = yield* after.turn
        assert.deepStrictEqual(keysOf(cut.input), ["a"])
        assert.deepStrictEqual(keysOf(turn.input), ["a", "b"])
        assert.match(turn.input.notice, /cut off.*may have acted/)
        assert.strictEqual(turn.input.agent.counters.retries, 0)
        yield* turn.answer(done)
        yield* second.squadron.idle
        const runs = yield* second.store.runs(cut.input.agent.id)
        assert.deepStrictEqual(
          runs.map(({ outcome }) => outcome?._tag),
          ["Completed", "Interrupted"]
        )
        assert.deepStrictEqual(yield* second.store.openRuns, [])
        assert.strictEqual((yield* second.squadron.status).permits.held, 0)
      })
    )
  }

  test(
    "an event that was acknowledged before a kill is routed after it, once, and its redelivery is a duplicate",
    Effect.gen(function* () {
      const before = yield* heldAgent
      const worker = yield* scriptedAgent([])
      const first = yield* started(yield* newFile, { agents: { worker: before.agent } })
      const keys = ["a", "b", "c"]
      for (const key of keys) yield* first.squadron.publish(customEvent({ key, issue: keys.indexOf(key) + 1 }))
      // some may be routed by now, some may not: after the kill nobody can tell the difference
      const second = yield* started(yield* crashed(first.filename), { agents: { worker: worker.agent } })
      for (const key of keys)
        assert.strictEqual((yield* second.squadron.publish(customEvent({ key })))._tag, "Duplicate")
      yield* second.squadron.idle
      assert.deepStrictEqual((yield* worker.turns).flatMap(keysOf).toSorted(), keys)
      const routed = (yield* second.store.journal({ limit: 100 })).filter(({ kind }) => kind === "event.routed")
      assert.deepStrictEqual(routed.map(({ event }) => event).toSorted(), [1, 2, 3])
    })
  )

  test(
    "a timer keeps its time over a restart, and one that came due meanwhile is due at the start",
    Effect.gen(function* () {
      const limited = Outcome.cases.RateLimited.make({ retryAfter: 3_600_000 })
      const before = yield* scriptedAgent([limited])
      const after = yield* scriptedAgent([limited])
      const last = yield* scriptedAgent([])
      const first = yield* started(yield* newFile, { agents: { worker: before.agent } })
      yield* first.squadron.publish(customEvent())
      yield* first.within(untilStatus("worker-1-e1", "waiting"))
      yield* first.stop
      const second = yield* started(first.filename, { agents: { worker: after.agent } })
      yield* TestClock.adjust(3_599_999)
      assert.deepStrictEqual(yield* after.turns, [])
      yield* TestClock.adjust(1)
      yield* second.within(until(Effect.map(after.turns, (turns) => turns.length === 1)))
      yield* second.within(untilStatus("worker-1-e1", "waiting"))
      yield* second.stop
      yield* TestClock.adjust("30 days")
      const third = yield* started(first.filename, { agents: { worker: last.agent } })
      yield* third.within(untilStatus("worker-1-e1", "done"))
      assert.strictEqual((yield* last.turns).length, 1)
    })
  )

  test(
    "retries that were used before a restart stay used",
    Effect.gen(function* () {
      const before = yield* scriptedAgent([crash, crash])
      const after = yield* scriptedAgent([crash, crash])
      const first = yield* started(yield* newFile, { agents: { worker: before.agent } })
      yield* first.squadron.publish(customEvent())
      yield* first.within(untilStatus("worker-1-e1", "waiting"))
      yield* TestClock.adjust("10 seconds")
      yield* first.within(until(Effect.map(before.turns, (turns) => turns.length === 2)))
      yield* first.within(untilStatus("worker-1-e1", "waiting"))
      yield* first.stop
      const second = yield* started(first.filename, { agents: { worker: after.agent } })
      for (let n = 0; n < 5; n++) yield* TestClock.adjust("1 minute")
      yield* second.within(untilStatus("worker-1-e1", "escalated"))
      assert.strictEqual((yield* after.turns).length, 2)
    })
  )

  test(
    "an action that waited in the outbox is performed after a restart, once",
    Effect.gen(function* () {
      const forge = yield* recordingForge
      const worker = yield* scriptedAgent([
        { outcome: done, actions: [{ action: { _tag: "comment", body: "hello" } }] }
      ])
      // the first squadron never hears whether it was done
      yield* Ref.set(forge.faults, ["never"])
      const first = yield* started(yield* newFile, { agents: { worker: worker.agent }, forge: forge.layer })
      yield* first.squadron.publish(customEvent())
      yield* forge.tried
      yield* first.stop
      assert.deepStrictEqual(yield* forge.acted, [])
      const second = yield* started(first.filename, { agents: { worker: worker.agent }, forge: forge.layer })
      yield* second.squadron.idle
      yield* second.stop
      const third = yield* started(first.filename, { agents: { worker: worker.agent }, forge: forge.layer })
      yield* third.squadron.idle
      assert.strictEqual((yield* forge.acted).length, 1)
      assert.strictEqual((yield* third.squadron.status).actionsQueued, 0)
    })
  )

  test(
    "sleeping, asking and blocked agents are as they were, and what wakes them still does",
    Effect.gen(function* () {
      const forge = yield* recordingForge
      const roles = ["sleeper", "asker", "waiter"].map((name) => ({ name, lifetime: "subject" as const }))
      const before = {
        sleeper: (yield* scriptedAgent([])).agent,
        asker: (yield* scriptedAgent([asks("which?")])).agent,
        waiter: (yield* scriptedAgent([blockedOn("2")])).agent
      }
      const asker = yield* scriptedAgent([])
      const waiter = yield* scriptedAgent([])
      const first = yield* started(yield* newFile, { agents: before, roles, forge: forge.layer })
      yield* first.squadron.publish(customEvent())
      yield* first.squadron.idle
      const agents = yield* first.store.agents({ limit: 10 })
      assert.sameMembers(
        agents.map(({ status }) => status),
        ["sleeping", "asking", "blocked"]
      )
      yield* first.stop
      const second = yield* started(first.filename, {
        agents: { sleeper: before.sleeper, asker: asker.agent, waiter: waiter.agent },
        roles,
        forge: forge.layer
      })
      yield* second.squadron.idle
      assert.deepStrictEqual(yield* second.store.agents({ limit: 10 }), agents)
      yield* second.squadron.answer("asker-1-e1", "the blue one")
      yield* second.squadron.publish(closed(2))
      yield* second.squadron.idle
      assert.deepStrictEqual(
        (yield* asker.turns).map(({ messages }) => messages.map(({ text }) => text)),
        [["the blue one"]]
      )
      assert.strictEqual((yield* waiter.turns).length, 1)
    })
  )

  test(
    "an agent whose role is no longer declared is parked, and does not keep the others from going on",
    Effect.gen(function* () {
      const gone = yield* heldAgent
      const kept = yield* heldAgent
      const after = yield* scriptedAgent([])
      const first = yield* started(yield* newFile, { agents: { gone: gone.agent, kept: kept.agent } })
      yield* first.squadron.publish(customEvent())
      yield* gone.turn
      yield* kept.turn
      const second = yield* started(yield* crashed(first.filename), { agents: { kept: after.agent } })
      yield* second.within(untilStatus("kept-1-e1", "done"))
      yield* second.within(untilStatus("gone-1-e1", "paused"))
      assert.match((yield* second.store.agent("gone-1-e1")).note, /no longer declared/)
    })
  )

  test(
    "killed again and again in the same turn, it is neither lost nor given up",
    Effect.gen(function* () {
      let file = yield* newFile
      for (let n = 0; n < 5; n++) {
        const worker = yield* heldAgent
        const squadron = yield* started(file, { agents: { worker: worker.agent } })
        if (n === 0) yield* squadron.squadron.publish(customEvent({ key: "a" }))
        assert.deepStrictEqual(keysOf((yield* worker.turn).input), ["a"])
        file = yield* crashed(file)
        yield* squadron.stop
      }
      const worker = yield* scriptedAgent([])
      const last = yield* started(file, { agents: { worker: worker.agent } })
      yield* last.squadron.idle
      assert.strictEqual((yield* last.store.agent("worker-1-e1")).status, "done")
      assert.deepStrictEqual((yield* worker.turns).map(keysOf), [["a"]])
    })
  )

  test(
    "a turn that was cut off by a kill keeps its own limit after it",
    Effect.gen(function* () {
      const before = yield* heldAgent
      const after = yield* heldAgent
      const roles = [{ name: "worker", limits: { ...defaultLimits, wallClock: 60_000 } }]
      const first = yield* started(yield* newFile, { agents: { worker: before.agent }, roles })
      yield* first.squadron.publish(customEvent())
      yield* before.turn
      const second = yield* started(yield* crashed(first.filename), { agents: { worker: after.agent }, roles })
      yield* after.turn
      yield* TestClock.adjust("1 minute")
      yield* second.within(untilStatus("worker-1-e1", "waiting"))
    })
  )
})
