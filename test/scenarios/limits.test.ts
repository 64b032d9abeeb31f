import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { defaultLimits } from "../../src/domain/Role.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Squads } from "../../src/services/Squads.ts"
import { scriptedAgent, testSquadronLayer } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { allRouted, done, heldAgent, untilStatus } from "./Scenario.ts"

const one = { concurrency: 1 }

describe("limits of concurrency", () => {
  it.effect("a role at its own limit does not keep another role from running", () =>
    Effect.gen(function* () {
      const slow = yield* heldAgent
      const quick = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const pool = yield* AgentPool
        for (let number = 1; number <= 4; number++)
          yield* squadron.publish(customEvent({ issue: number, name: "slow" }))
        const first = yield* slow.turn
        yield* squadron.publish(customEvent({ issue: 9, name: "quick" }))
        yield* untilStatus("quick-9-e5", "done")
        assert.deepStrictEqual((yield* pool.running).filter(({ role }) => role === "slow").length, 1)
        yield* first.answer(done)
        for (let n = 0; n < 3; n++) yield* (yield* slow.turn).answer(done)
        yield* squadron.idle
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: { slow: slow.agent, quick: quick.agent },
            roles: [
              {
                name: "slow",
                on: [{ event: "custom", name: "slow" }],
                priority: 9,
                limits: { ...defaultLimits, concurrency: 1 }
              },
              { name: "quick", on: [{ event: "custom", name: "quick" }] }
            ]
          })
        )
      )
    })
  )

  it.effect("a role's own limit holds, too, where many of its agents may start at the same moment", () =>
    Effect.gen(function* () {
      const busy = yield* heldAgent
      const many = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const pool = yield* AgentPool
        const { current, replace } = yield* Squads
        yield* squadron.publish(customEvent({ issue: 9, name: "busy" }))
        const first = yield* busy.turn
        for (let number = 1; number <= 5; number++)
          yield* squadron.publish(customEvent({ issue: number, name: "many" }))
        yield* allRouted
        yield* replace({ ...(yield* current), concurrency: 10 })
        yield* first.answer(done)
        const turns = [yield* many.turn, yield* many.turn]
        yield* untilStatus("busy-9-e1", "done")
        yield* pool.stopped("busy-9-e1")
        for (let n = 0; n < 5; n++) {
          assert.isAtMost((yield* pool.running).length, 2)
          yield* (turns.shift() ?? (yield* many.turn)).answer(done)
        }
        yield* squadron.idle
        assert.strictEqual(yield* many.opened, 5)
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: { busy: busy.agent, many: many.agent },
            roles: [
              { name: "busy", on: [{ event: "custom", name: "busy" }] },
              {
                name: "many",
                on: [{ event: "custom", name: "many" }],
                limits: { ...defaultLimits, concurrency: 2 }
              }
            ],
            squad: one
          })
        )
      )
    })
  )

  it.effect("a smaller limit set while agents run is kept from the next start on, and nobody is lost", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        for (let number = 1; number <= 3; number++) yield* squadron.publish(customEvent({ issue: number }))
        const running = [yield* worker.turn, yield* worker.turn, yield* worker.turn]
        const { replace, current } = yield* Squads
        yield* replace({ ...(yield* current), concurrency: 1 })
        for (let number = 4; number <= 6; number++) yield* squadron.publish(customEvent({ issue: number }))
        for (const turn of running) yield* turn.answer(done)
        const pool = yield* AgentPool
        for (let n = 0; n < 3; n++) {
          const turn = yield* worker.turn
          assert.strictEqual((yield* pool.running).length, 1)
          yield* turn.answer(done)
        }
        yield* squadron.idle
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )
})
