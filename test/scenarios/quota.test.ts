import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Outcome } from "../../src/domain/Outcome.ts"
import { EventBus } from "../../src/services/EventBus.ts"
import { Store } from "../../src/services/Store.ts"
import { testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"

const done = Outcome.cases.Completed.make({ evidence: { summary: "done" } })

describe("an account without quota", () => {
  it.effect("keeps every agent of its role from starting until the quota is back, and uses no retry", () =>
    Effect.gen(function* () {
      const turns = yield* Ref.make<ReadonlyArray<string>>([])
      const limited = Outcome.cases.QuotaLimited.make({ resetAt: 60_000 })
      yield* Effect.gen(function* () {
        const bus = yield* EventBus
        const store = yield* Store
        yield* bus.publish(customEvent({ issue: 1 }))
        yield* until(Effect.map(store.counts, ({ agents }) => agents.waiting === 1))
        yield* bus.publish(customEvent({ issue: 2 }))
        yield* until(Effect.map(store.counts, ({ agents }) => agents.ready === 1))
        yield* TestClock.adjust(59_999)
        assert.strictEqual((yield* Ref.get(turns)).length, 1)
        yield* TestClock.adjust(1)
        yield* until(Effect.map(store.counts, ({ agents }) => agents.done === 2))
        assert.deepStrictEqual((yield* Ref.get(turns)).toSorted(), [
          "acme/widgets#1",
          "acme/widgets#1",
          "acme/widgets#2"
        ])
        const [first] = yield* store.agents({ limit: 1, role: "worker" })
        assert.strictEqual(first?.counters.retries, 0)
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: {
              worker: ({ agent }) =>
                Effect.map(
                  Ref.getAndUpdate(turns, (all) => [...all, `acme/widgets#${agent.subject.number}`]),
                  (before) => (before.length === 0 ? limited : done)
                )
            }
          })
        )
      )
    })
  )
})
