import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { change } from "../../src/domain/changeAgent.ts"
import { Outcome } from "../../src/domain/Outcome.ts"
import * as Step from "../../src/domain/Step.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import {
  agentOf,
  allRouted,
  asks,
  assigned,
  blockedOn,
  closed,
  comments,
  done,
  heldAgent,
  nobodyRuns,
  openIssue,
  repository,
  untilStatus,
  watchInvariants
} from "./Scenario.ts"

describe("lifecycle", () => {
  it.effect("a decision on an older version of an agent is refused, whole, and changes nothing", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        yield* squadron.publish(customEvent())
        yield* squadron.idle
        const current = yield* agentOf("worker-1-e1")
        const stale = change({ ...current, version: current.version - 1 }, 0, { note: "old news" })
        const journal = yield* store.journal({ limit: 100 })
        const refused = yield* Effect.flip(
          store.commit(
            Step.make({
              agents: [{ agent: stale, expected: current.version - 1 }],
              journal: [
                { kind: "agent.changed", at: 0, event: null, agent: current.id, text: "old news", verdicts: [] }
              ]
            })
          )
        )
        assert.strictEqual(refused._tag, "StaleVersion")
        assert.deepStrictEqual(yield* agentOf("worker-1-e1"), current)
        assert.deepStrictEqual(yield* store.journal({ limit: 100 }), journal)
      }).pipe(
        Effect.provide(
          testSquadronLayer({ agents: { worker: worker.agent }, roles: [{ name: "worker", lifetime: "subject" }] })
        )
      )
    })
  )

  it.effect("what a person decides during a turn is not overwritten by what the turn knew", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const seen = yield* watchInvariants
        yield* openIssue("The work")
        yield* openIssue("Its blocker")
        yield* squadron.publish(customEvent())
        const first = yield* worker.turn
        // both want the agent at the same moment
        const [paused] = yield* Effect.all([squadron.pause("worker-1-e3", ""), first.answer(blockedOn("2"))], {
          concurrency: 2
        })
        assert.include(["paused", "blocked"], paused.status)
        yield* nobodyRuns
        const after = yield* agentOf("worker-1-e3")
        assert.deepStrictEqual(after.status, paused.status)
        assert.deepStrictEqual(seen.problems, [])
      }).pipe(Effect.scoped, Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect(
    "waiting for itself, directly or through others, is refused to the agent; two ways to one blocker are not",
    () =>
      Effect.gen(function* () {
        const worker = yield* heldAgent
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          for (const title of ["one", "two", "three", "four"]) yield* openIssue(title)
          const start = Effect.fnUntraced(function* (issue: number, ...on: ReadonlyArray<string>) {
            yield* squadron.publish(customEvent({ issue }))
            const turn = yield* worker.turn
            yield* turn.answer(blockedOn(...on))
            return turn.input.agent.id
          })
          yield* untilStatus(yield* start(3, "4"), "blocked")
          yield* untilStatus(yield* start(2, "3", "4"), "blocked")
          yield* start(4, "#4")
          const self = yield* worker.turn
          assert.match(self.input.notice, /acme\/widgets#4 cannot wait for itself/)
          yield* self.answer(blockedOn("2"))
          const through = yield* worker.turn
          assert.match(through.input.notice, /#4 → acme\/widgets#2 → acme\/widgets#[34]/)
          yield* through.answer(blockedOn("77"))
          const nowhere = yield* worker.turn
          assert.match(nowhere.input.notice, /there is no acme\/widgets#77/)
          yield* nowhere.answer(done)
          yield* squadron.idle
        }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
      })
  )

  it.effect("the last blocker that closes wakes the agent, one of two does not", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        for (const title of ["one", "two", "three"]) yield* openIssue(title)
        yield* squadron.publish(customEvent())
        const turn = yield* worker.turn
        const { id } = turn.input.agent
        yield* turn.answer(blockedOn("2", "3"))
        yield* untilStatus(id, "blocked")
        yield* squadron.publish(closed(2))
        yield* allRouted
        assert.deepInclude(yield* agentOf(id), { status: "blocked", blockedOn: [`${repository}#3`] })
        yield* squadron.publish(closed(3))
        const woken = yield* worker.turn
        assert.deepStrictEqual(
          woken.input.messages.map(({ event }) => event.detail._tag),
          ["issue.closed"]
        )
        yield* woken.answer(done)
        yield* untilStatus(id, "done")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("a finished agent leaves no row that runs, no permit, no timer and nothing open", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        yield* openIssue("The work")
        yield* squadron.publish(customEvent())
        const turn = yield* worker.turn
        yield* turn.answer({ outcome: done, actions: [{ action: { _tag: "comment", body: "All done" } }] })
        yield* squadron.idle
        const { permits, agents } = yield* squadron.status
        assert.deepStrictEqual([permits.held, agents.running, agents.done], [0, 0, 1])
        assert.deepStrictEqual([yield* worker.opened, yield* worker.closed], [1, 1])
        assert.deepStrictEqual(yield* store.timers(10), [])
        assert.deepStrictEqual(yield* comments(1), ["All done"])
        assert.deepStrictEqual(
          (yield* store.runs(turn.input.agent.id)).map(({ outcome }) => outcome?._tag),
          ["Completed"]
        )
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("an agent that needs a person says why on its subject, labels it, and does not run meanwhile", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([Outcome.cases.Refused.make({ reason: "it would delete `users`" })])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const pool = yield* AgentPool
        const forge = yield* LocalForge
        yield* openIssue("The work")
        yield* squadron.publish(customEvent())
        yield* squadron.idle
        assert.strictEqual((yield* agentOf("worker-1-e2")).status, "escalated")
        assert.deepStrictEqual((yield* forge.issue(repository, 1)).labels, ["needs-human"])
        assert.include((yield* comments(1)).join(), "it would delete `users`")
        yield* TestClock.adjust("30 days")
        assert.deepStrictEqual(yield* pool.running, [])
        yield* squadron.retry("worker-1-e2")
        yield* untilStatus("worker-1-e2", "done")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("hundreds of sleeping agents hold no fiber, no permit and no timer", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const pool = yield* AgentPool
        const store = yield* Store
        yield* Effect.forEach(
          Array.from({ length: 300 }, (_, index) => customEvent({ issue: index + 1 })),
          squadron.publish,
          { concurrency: "unbounded" }
        )
        yield* squadron.idle
        assert.strictEqual((yield* store.counts).agents.sleeping, 300)
        assert.deepStrictEqual([(yield* pool.running).length, (yield* store.timers(10)).length], [0, 0])
      }).pipe(
        Effect.provide(
          testSquadronLayer({ agents: { worker: worker.agent }, roles: [{ name: "worker", lifetime: "subject" }] })
        )
      )
    })
  )

  it.effect(
    "an issue given to a person stops its agents, at work or waiting, and says so; given to Squadron it does not",
    () =>
      Effect.gen(function* () {
        const worker = yield* heldAgent
        const other = yield* scriptedAgent([asks("which?")])
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          yield* openIssue("The work")
          yield* squadron.publish(customEvent())
          const turn = yield* worker.turn
          yield* untilStatus("other-1-e2", "asking")
          yield* squadron.publish(assigned(1, "squadron"))
          yield* allRouted
          assert.strictEqual((yield* agentOf(turn.input.agent.id)).status, "running")
          yield* squadron.publish(assigned(1, "grace"))
          yield* untilStatus(turn.input.agent.id, "cancelled")
          yield* squadron.idle
          assert.strictEqual((yield* agentOf("other-1-e2")).status, "cancelled")
          assert.strictEqual(yield* worker.closed, 1)
          const said = (yield* comments(1)).filter((body) => body.startsWith("grace takes over"))
          assert.strictEqual(said.length, 1)
          yield* squadron.publish(assigned(1, "grace"))
          yield* squadron.idle
          assert.strictEqual((yield* comments(1)).filter((body) => body.startsWith("grace takes over")).length, 1)
        }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent, other: other.agent } })))
      })
  )

  it.effect("an issue that closes ends the agents that wait or sleep on it", () =>
    Effect.gen(function* () {
      const sleeper = yield* scriptedAgent([])
      const asker = yield* scriptedAgent([asks("which?")])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* untilStatus("sleeper-1-e1", "sleeping")
        yield* untilStatus("asker-1-e1", "asking")
        yield* squadron.publish(closed(1))
        yield* allRouted
        assert.strictEqual((yield* agentOf("sleeper-1-e1")).status, "done")
        assert.strictEqual((yield* agentOf("asker-1-e1")).status, "cancelled")
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: { sleeper: sleeper.agent, asker: asker.agent },
            roles: [{ name: "sleeper", lifetime: "subject" }, { name: "asker" }]
          })
        )
      )
    })
  )

  it.effect("an agent that a person paused in the middle of its work goes on with it", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* (yield* worker.turn).answer(Outcome.cases.Completed.make({ evidence: { summary: "" } }))
        assert.match((yield* worker.turn).input.notice, /without saying what was done/)
        assert.strictEqual((yield* squadron.pause("worker-1-e1", "")).status, "paused")
        yield* squadron.resume("worker-1-e1")
        yield* (yield* worker.turn).answer(done)
        yield* untilStatus("worker-1-e1", "done")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )
})
