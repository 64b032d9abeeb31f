import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { testSquadronLayer, until } from "../../src/app/testSquadron.ts"
import { event } from "../../src/domain/makeEvent.ts"
import { Outcome } from "../../src/domain/Outcome.ts"
import { EventBus } from "../../src/services/EventBus.ts"
import { Store } from "../../src/services/Store.ts"

it.effect("a session is known from its beginning on, so that a turn that is cut off can go on in it", () =>
  Effect.gen(function* () {
    yield* TestClock.adjust(0)
    const agents = {
      worker: (input: { readonly remember?: ((session: string) => Effect.Effect<void>) | undefined }) =>
        Effect.andThen(input.remember?.("session-1") ?? Effect.void, Effect.never).pipe(
          Effect.as(Outcome.cases.TurnEnded.make({}))
        )
    }
    yield* Effect.gen(function* () {
      const bus = yield* EventBus
      const store = yield* Store
      yield* bus.publish(event({ key: "a", name: "ping", repository: "acme/app", issue: 1 }))
      yield* until(
        Effect.map(
          store.agents({ limit: 1 }),
          ([agent]) => agent?.status === "running" && agent.session === "session-1"
        )
      )
      const [run] = yield* store.openRuns
      assert.strictEqual(run?.n, 1)
    }).pipe(Effect.provide(testSquadronLayer({ agents })))
  })
)
