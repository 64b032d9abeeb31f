import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { makeBudget, slowness } from "../../../../src/adapters/forge/github/budget.ts"
import { makePace } from "../../../../src/adapters/forge/github/pace.ts"
import { Duration } from "effect"

const answer = (remaining: number, headers: Readonly<Record<string, string>> = {}, status = 200) => ({
  status,
  text: "",
  headers: {
    date: new Date(0).toUTCString(),
    "x-ratelimit-limit": "1000",
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": "3600",
    ...headers
  }
})

describe("GitHub's budget", () => {
  it("slows down step by step below a fifth, and is at full speed again above a half only", () => {
    const steps = [500, 200, 199, 100, 99, 50, 49, 10, 9, 0].map((left) => slowness(left / 1000, 1))
    assert.deepStrictEqual(steps, [1, 1, 2, 2, 4, 4, 6, 6, 10, 10])
    assert.deepStrictEqual(
      [0.15, 0.25, 0.4, 0.5, 0.51].map((left) => slowness(left, 10)),
      [2, 2, 2, 2, 1]
    )
  })

  it.effect("is not asked where nothing is left, and says when to come again", () =>
    Effect.gen(function* () {
      const budget = makeBudget()
      budget.observe(answer(0), "core", 0)
      yield* TestClock.adjust("10 minutes")
      const fault = yield* Effect.flip(budget.check("GET /x", "core"))
      assert.deepInclude(fault, { status: null, retryable: true, retryAfter: 3_000_000 })
      yield* budget.check("POST /graphql", "graphql")
      yield* TestClock.adjust("50 minutes")
      yield* budget.check("GET /x", "core")
      assert.strictEqual(budget.slowness(3_600_000), 1)
    })
  )

  it.effect("goes by GitHub's clock where ours is wrong", () =>
    Effect.gen(function* () {
      const budget = makeBudget()
      // GitHub's clock is a day ahead
      const reset = { date: new Date(86_400_000).toUTCString(), "x-ratelimit-reset": "86460" }
      budget.observe(answer(0, reset), "core", 0)
      const fault = yield* Effect.flip(budget.check("GET /x", "core"))
      assert.strictEqual(fault.retryAfter, 60_000)
    })
  )

  it.effect("holds everything back for as long as a secondary limit asks", () =>
    Effect.gen(function* () {
      const budget = makeBudget()
      budget.observe(answer(900, { "retry-after": "90" }, 403), "core", 0)
      for (const resource of ["core", "graphql"]) {
        const fault = yield* Effect.flip(budget.check("GET /x", resource))
        assert.strictEqual(fault.retryAfter, 90_000)
      }
      yield* TestClock.adjust("90 seconds")
      yield* budget.check("GET /x", "core")
    })
  )

  it.effect("lets one write go at a time, a pause apart, and twice the pause where a fifth is left", () =>
    Effect.gen(function* () {
      const budget = makeBudget()
      const pace = makePace(Duration.seconds(1), budget)
      const done: Array<number> = []
      const write = (number: number) =>
        pace.write(
          "POST /x",
          Effect.sync(() => done.push(number))
        )
      const fiber = yield* Effect.forkChild(Effect.forEach([1, 2, 3], write, { concurrency: "unbounded" }))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(done, [1])
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(done, [1])
      budget.observe(answer(150), "core", 999)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(done, [1, 2])
      yield* TestClock.adjust(1999)
      assert.deepStrictEqual(done, [1, 2])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(done, [1, 2, 3])
      yield* Fiber.join(fiber)
    })
  )

  it.effect("tells who would wait for more than half a minute to come again", () =>
    Effect.gen(function* () {
      const pace = makePace(Duration.seconds(1), makeBudget())
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 40 }), () => Effect.result(pace.write("POST /x", Effect.void)), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("2 minutes")
      const refused = (yield* Fiber.join(all)).flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
      assert.strictEqual(refused.length, 8)
      assert.isTrue(refused.every(({ retryAfter, retryable }) => retryable && (retryAfter ?? 0) > 30_000))
      yield* pace.write("POST /x", Effect.void)
    })
  )

  it.effect("reads without a pause at full speed, and with one where little is left", () =>
    Effect.gen(function* () {
      const budget = makeBudget()
      const pace = makePace(Duration.seconds(1), budget)
      for (let count = 0; count < 20; count++) yield* pace.read
      budget.observe(answer(5), "core", 0)
      yield* pace.read
      const fiber = yield* Effect.forkChild(pace.read)
      yield* TestClock.adjust(999)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* Fiber.join(fiber)
    })
  )
})
