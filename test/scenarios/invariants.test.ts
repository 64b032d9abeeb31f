import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Outcome } from "../../src/domain/Outcome.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import type { FunctionAgent } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { testSquadronLayer } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import {
  allRouted,
  asks,
  assigned,
  blockedOn,
  closed,
  crash,
  done,
  keysOf,
  labeled,
  openIssue,
  said,
  watchInvariants
} from "./Scenario.ts"

/** The same numbers for the same seed. */
const dice = (seed: number) => {
  let state = seed
  return (sides: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

const outcomes: ReadonlyArray<Outcome | "die" | "interrupt" | "never"> = [
  done,
  done,
  crash,
  asks("which?"),
  blockedOn("2"),
  blockedOn("3", "4"),
  Outcome.cases.NoWorkNeeded.make({ reason: "nothing" }),
  Outcome.cases.TurnEnded.make({}),
  Outcome.cases.Completed.make({ evidence: { summary: "" } }),
  Outcome.cases.ToolsDenied.make({ tools: ["merge"] }),
  Outcome.cases.RateLimited.make({ retryAfter: 30_000 }),
  Outcome.cases.BudgetExhausted.make({ kind: "cost" }),
  Outcome.cases.Refused.make({ reason: "no" }),
  "die",
  "interrupt",
  "never"
]

const rounds = 60
const issues = 6

describe("whatever happens", () => {
  for (const seed of [1, 2, 3, 5, 8, 13]) {
    it.effect(`permits, versions, moves and places stay right, and no message is lost (seed ${seed})`, () =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        const roll = dice(seed)
        const alive = yield* Ref.make(0)
        const peak = yield* Ref.make(0)
        const shown = yield* Ref.make<ReadonlySet<string>>(new Set())
        const agent: FunctionAgent = (input) =>
          Effect.gen(function* () {
            yield* Ref.update(shown, (keys) => new Set([...keys, ...keysOf(input)]))
            const now = yield* Ref.updateAndGet(alive, (n) => n + 1)
            yield* Ref.update(peak, (n) => Math.max(n, now))
            yield* Effect.yieldNow
            const next = outcomes[roll(outcomes.length)] ?? done
            if (next === "die") return yield* Effect.die(new Error("a bug"))
            if (next === "interrupt") return yield* Effect.interrupt
            return next === "never" ? yield* Effect.never : next
          }).pipe(Effect.ensuring(Ref.update(alive, (n) => n - 1)))
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          const store = yield* Store
          const pool = yield* AgentPool
          const seen = yield* watchInvariants
          for (let n = 1; n <= issues; n++) yield* openIssue(`issue ${n}`)
          for (let n = 0; n < rounds; n++) {
            const number = 1 + roll(issues)
            const events = [
              customEvent({ issue: number }),
              labeled(number, "bug"),
              said("@squadron a: go", { number }),
              closed(number),
              assigned(number, "ada")
            ]
            for (let more = 0; more <= roll(3); more++)
              yield* squadron.publish(events[roll(40) === 0 ? 4 : roll(4)] ?? customEvent())
            const [someone] = yield* store.agents({ limit: 1, live: true })
            if (someone !== undefined && roll(2) === 0) {
              const wishes = [
                squadron.pause,
                squadron.cancel,
                squadron.resume,
                squadron.retry,
                squadron.answer
              ] as const
              const wish = wishes[roll(20) === 0 ? 1 : ([0, 2, 3, 4][roll(4)] ?? 0)] ?? squadron.retry
              yield* Effect.exit(wish(someone.id, "please"))
            }
            yield* TestClock.adjust([0, 1_000, 20_000, 400_000, 1_900_000][roll(5)] ?? 0)
            assert.isAtMost((yield* pool.running).length, 2)
          }
          yield* allRouted
          for (let n = 0; n < 40; n++) yield* TestClock.adjust("10 minutes")
          yield* squadron.drain
          assert.deepStrictEqual(seen.problems, [])
          assert.isAtMost(seen.peak, 2)
          assert.deepStrictEqual(
            [yield* Ref.get(alive), (yield* pool.running).length, (yield* store.openRuns).length],
            [0, 0, 0]
          )
          assert.isAtMost(yield* Ref.get(peak), 2)
          // each message was shown, or waits with an agent that can still be woken, or its agent was stopped
          const told = yield* Ref.get(shown)
          for (const held of yield* store.agents({ limit: 1000 })) {
            const inbox = yield* store.inbox(held.id, { limit: 1000 })
            const read = inbox.filter(({ status }) => status === "read")
            assert.deepStrictEqual(
              read.filter(({ event }) => !told.has(event.key)),
              []
            )
            assert.strictEqual(inbox.filter(({ status }) => status === "set_aside").length, held.setAside)
            if (held.status === "done")
              assert.deepStrictEqual(
                inbox.filter(({ status }) => status === "unread"),
                []
              )
            assert.strictEqual(inbox.filter(({ status }) => status === "unread").length, held.unread)
          }
        }).pipe(
          Effect.scoped,
          Effect.provide(
            testSquadronLayer({
              agents: { a: agent, b: agent },
              roles: [
                { name: "a", lifetime: "subject" },
                { name: "b", on: [{ event: "issue.labeled" }, { event: "custom" }], priority: 1 }
              ],
              squad: { concurrency: 2 }
            })
          )
        )
      })
    )
  }
})
