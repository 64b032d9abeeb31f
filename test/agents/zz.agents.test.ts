import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { assign, prompt } from "./Developer.ts"
import { longStory } from "./Model.ts"
import { stage } from "./Stage.ts"

describe("loop", () => {
  for (let i = 0; i < 50; i++) {
    it.live(`loop ${i}`, () =>
      Effect.gen(function* () {
        const { model, openRun } = yield* assign
        model.write("Say one", [{ say: "1" }])
        model.write("Say two", [{ say: longStory, slowly: true }])
        model.write("Say three", [{ say: "3" }])
        const run = yield* openRun()
        const one = yield* run.turn(prompt("Say one"))
        assert.strictEqual(one.outcome._tag, "TurnEnded", one.stderr)
        const t = yield* Effect.forkChild(run.turn(prompt("Say two")))
        yield* model.speaking("Say two")
        yield* Fiber.interrupt(t)
        const next = yield* Effect.timeout(run.turn(prompt("Say three")), 15000)
        assert.strictEqual(next.outcome._tag, "TurnEnded", next.stderr)
        assert.include(next.transcript, "3")
      }).pipe(Effect.provide(stage("off"))), 100_000)
  }
})
