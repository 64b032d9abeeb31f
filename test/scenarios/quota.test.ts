import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Outcome } from "../../src/domain/Outcome.ts"
import { EventBus } from "../../src/services/EventBus.ts"
import { Squadron } from "../../src/services/Squadron.ts"
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

describe("an agent that may not do its work", () => {
  it.effect("keeps every agent of its role from starting until a person resumes it, however long that takes", () =>
    Effect.gen(function* () {
      const turns = yield* Ref.make(0)
      yield* Effect.gen(function* () {
        const bus = yield* EventBus
        const squadron = yield* Squadron
        const store = yield* Store
        yield* bus.publish(customEvent({ issue: 1 }))
        yield* until(Effect.map(store.counts, ({ agents }) => agents.paused === 1))
        const [first] = yield* store.agents({ limit: 1, status: "paused" })
        assert.match(first?.note ?? "", /no key; no worker starts until this one is resumed/)
        yield* bus.publish(customEvent({ issue: 1, key: "again" }))
        yield* bus.publish(customEvent({ issue: 2 }))
        yield* until(Effect.map(store.counts, ({ agents }) => agents.ready === 1))
        yield* squadron.idle
        yield* TestClock.adjust("365 days")
        yield* squadron.idle
        assert.strictEqual(yield* Ref.get(turns), 1)
        yield* squadron.resume(first?.id ?? "")
        yield* until(Effect.map(store.counts, ({ agents }) => agents.done === 2))
        assert.strictEqual(yield* Ref.get(turns), 3)
        assert.deepStrictEqual(yield* store.timers(9), [])
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: {
              worker: () =>
                Effect.map(
                  Ref.getAndUpdate(turns, (n) => n + 1),
                  (n) => (n === 0 ? Outcome.cases.NotAuthorized.make({ reason: "no key" }) : done)
                )
            }
          })
        )
      )
    })
  )
})
