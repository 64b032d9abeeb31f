import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { AgentStatus } from "../../src/domain/Agent.ts"
import { Outcome } from "../../src/domain/Outcome.ts"
import { defaultLimits } from "../../src/domain/Role.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import {
  allRouted,
  asks,
  assigned,
  blockedOn,
  closed,
  crash,
  done,
  heldAgent,
  nobodyRuns,
  openIssue,
  rolesOf,
  said,
  squadronWith,
  untilStatus,
  watchInvariants
} from "./Scenario.ts"

const one = { concurrency: 1 }
const held = Effect.map(
  Squadron.use((squadron) => squadron.status),
  ({ permits }) => permits.held
)

describe("permits", () => {
  it.effect("no more agents run at once than the squad allows, and all get their turn", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const seen = yield* watchInvariants
        for (let number = 1; number <= 7; number++) yield* squadron.publish(customEvent({ issue: number }))
        yield* allRouted
        for (let n = 0; n < 7; n++) yield* (yield* worker.turn).answer(done)
        yield* squadron.idle
        assert.deepStrictEqual({ ...seen }, { peak: 3, problems: [] })
        assert.strictEqual(yield* held, 0)
      }).pipe(
        Effect.scoped,
        Effect.provide(testSquadronLayer({ agents: { worker: worker.agent }, squad: { concurrency: 3 } }))
      )
    })
  )

  it.effect("a turn that ends without a word gives its permit and its row back", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([Outcome.cases.TurnEnded.make({})])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("An issue")
        yield* squadron.publish(customEvent())
        yield* untilStatus("worker-1-e2", "waiting")
        yield* nobodyRuns
        assert.strictEqual(yield* held, 0)
        yield* squadron.publish(customEvent({ issue: 2 }))
        yield* untilStatus("worker-2-e3", "done")
        yield* TestClock.adjust("1 second")
        yield* untilStatus("worker-1-e2", "done")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent }, squad: one })))
    })
  )

  it.effect("an agent that escalates, and one whose tools were denied three times, hold nothing", () =>
    Effect.gen(function* () {
      const denied = Outcome.cases.ToolsDenied.make({ tools: ["merge"] })
      const worker = yield* scriptedAgent([Outcome.cases.Refused.make({ reason: "no" }), denied, denied, denied])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* untilStatus("worker-1-e1", "escalated")
        yield* squadron.publish(customEvent({ issue: 2 }))
        yield* untilStatus("worker-2-e2", "paused")
        yield* nobodyRuns
        assert.strictEqual(yield* held, 0)
        yield* squadron.publish(customEvent({ issue: 3 }))
        yield* untilStatus("worker-3-e3", "done")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent }, squad: one })))
    })
  )

  it.effect("a turn that is ended at its limit gives back its permit and what it had opened", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* worker.turn
        yield* TestClock.adjust(defaultLimits.wallClock)
        yield* untilStatus("worker-1-e1", "waiting")
        yield* nobodyRuns
        assert.deepStrictEqual([yield* held, yield* worker.opened, yield* worker.closed], [0, 1, 1])
        yield* squadron.publish(customEvent({ issue: 2 }))
        yield* (yield* worker.turn).answer(done)
        yield* untilStatus("worker-2-e2", "done")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent }, squad: one })))
    })
  )

  it.effect("a session that cannot be opened leaves neither a permit taken nor a row that runs", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      const functions = Harness.layerFunctions({ worker: worker.agent })
      let opens = 0
      const harness = Layer.effect(
        Harness,
        Effect.map(Harness, (harness) =>
          Harness.of({
            open: (...given) => (opens++ === 0 ? Effect.die(new Error("no such program")) : harness.open(...given))
          })
        )
      ).pipe(Layer.provide(functions))
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* untilStatus("worker-1-e1", "waiting")
        yield* nobodyRuns
        assert.strictEqual(yield* held, 0)
        const [run] = yield* Store.use((store) => store.runs("worker-1-e1"))
        assert.strictEqual(run?.outcome?._tag, "Crashed")
        assert.strictEqual(run?.turns, 0)
        yield* TestClock.adjust("10 seconds")
        yield* untilStatus("worker-1-e1", "done")
      }).pipe(Effect.provide(squadronWith({ roles: rolesOf([{ name: "worker" }]), squad: one, harness })))
    })
  )

  it.effect("ending a sleeping agent, or one that has ended, adds no permit", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* (yield* worker.turn).answer(done)
        yield* untilStatus("worker-1-e1", "sleeping")
        yield* nobodyRuns
        yield* squadron.cancel("worker-1-e1", "")
        assert.strictEqual((yield* Effect.flip(squadron.cancel("worker-1-e1", "")))._tag, "NotPossible")
        const seen = yield* watchInvariants
        for (let number = 2; number <= 5; number++) yield* squadron.publish(customEvent({ issue: number }))
        for (let n = 0; n < 4; n++) yield* (yield* worker.turn).answer(done)
        yield* squadron.idle
        assert.deepStrictEqual({ ...seen }, { peak: 1, problems: [] })
      }).pipe(
        Effect.scoped,
        Effect.provide(
          testSquadronLayer({
            agents: { worker: worker.agent },
            roles: [{ name: "worker", lifetime: "subject" }],
            squad: one
          })
        )
      )
    })
  )

  it.effect(
    "every way to start an agent takes a permit: a command, a timer, an answer, a closed blocker, a retry",
    () =>
      Effect.gen(function* () {
        const worker = yield* scriptedAgent([
          crash,
          asks("which?"),
          blockedOn("2"),
          Outcome.cases.Refused.make({ reason: "no" })
        ])
        const busy = yield* heldAgent
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          const seen = yield* watchInvariants
          const id = "worker-1-e3"
          // at each way, somebody else holds the only permit first
          const waitsItsTurn = Effect.fnUntraced(function* <E, R>(
            start: Effect.Effect<unknown, E, R>,
            to: AgentStatus
          ) {
            yield* squadron.publish(customEvent({ issue: 9 }))
            const other = yield* busy.turn
            yield* start
            yield* untilStatus(id, "ready")
            yield* other.answer(done)
            yield* untilStatus(id, to)
          })
          yield* openIssue("The work")
          yield* openIssue("Its blocker")
          yield* squadron.publish(said("@squadron worker: do it"))
          yield* untilStatus(id, "waiting")
          yield* waitsItsTurn(TestClock.adjust("10 seconds"), "asking")
          yield* waitsItsTurn(Effect.forkChild(squadron.answer(id, "this"), { startImmediately: true }), "blocked")
          yield* waitsItsTurn(squadron.publish(closed(2)), "escalated")
          yield* waitsItsTurn(Effect.forkChild(squadron.retry(id), { startImmediately: true }), "done")
          yield* squadron.idle
          assert.deepStrictEqual({ ...seen }, { peak: 1, problems: [] })
        }).pipe(
          Effect.scoped,
          Effect.provide(
            testSquadronLayer({
              agents: { worker: worker.agent, busy: busy.agent },
              roles: [{ name: "worker", on: [] }, { name: "busy" }],
              squad: one
            })
          )
        )
      })
  )

  it.effect("an event behind many that wait for a permit is routed at once, and may be the one that frees it", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* worker.turn
        for (let number = 2; number <= 20; number++) yield* squadron.publish(customEvent({ issue: number }))
        yield* squadron.publish(assigned(1, "grace"))
        yield* untilStatus("worker-1-e1", "cancelled")
        yield* until(Effect.map(worker.closed, (n) => n === 1))
        assert.strictEqual((yield* worker.turn).input.agent.id, "worker-2-e2")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent }, squad: one })))
    })
  )
})
