import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { event, EventBus, Outcome, Store } from "squadron"
import { scriptedAgent, testSquadronLayer, until } from "squadron/testing"

it.effect("an agent that crashes is tried again ten seconds later, and sees its message again", () =>
  Effect.gen(function* () {
    const script = yield* scriptedAgent([Outcome.cases.Crashed.make({ exit: 1, stderr: "no network" })])
    yield* Effect.gen(function* () {
      const bus = yield* EventBus
      const store = yield* Store
      yield* bus.publish(event({ key: "a", name: "ping", repository: "acme/app", issue: 1 }))
      yield* until(Effect.map(store.counts, ({ agents }) => agents.waiting === 1))
      yield* TestClock.adjust("10 seconds")
      yield* until(Effect.map(store.counts, ({ agents }) => agents.done === 1))
      const turns = yield* script.turns
      assert.deepStrictEqual(
        turns.map(({ messages }) => messages.map(({ event }) => event.key)),
        [["a"], ["a"]]
      )
    }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: script.agent } })))
  })
)
