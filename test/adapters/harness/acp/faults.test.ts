import { afterEach, assert, beforeEach, describe, vi } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import type { Outcome } from "../../../../src/domain/Outcome.ts"
import {
  assertTag,
  faulty,
  living,
  oneOutcome,
  oneTurn,
  openRun,
  pidsOf,
  survivors,
  test,
  untilThere
} from "./Agents.ts"

const assertNoneLeft = Effect.map(survivors, (pids) => assert.deepStrictEqual(pids, []))

const problem = (outcome: Outcome): string => assertTag(outcome, "ProtocolError").message

// what the protocol's library cannot make sense of must not reach the daemon's own stderr
const printed = vi.spyOn(console, "error")
beforeEach(() => void printed.mockClear())
afterEach(() => assert.deepStrictEqual(printed.mock.calls, []))

describe("an agent that is untidy", () => {
  test(
    "noise, two kinds of line ends, characters and messages in pieces: all that it means arrives",
    Effect.gen(function* () {
      const result = yield* oneTurn(faulty("noisy"))
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" })
      assert.strictEqual(result.transcript, "[session s1 new]\nGrüße 🦆!")
      assert.strictEqual(result.session, "s1")
    })
  )

  test(
    "updates of unknown kinds are counted, answers that nobody asked for and vendors' notifications skipped",
    Effect.gen(function* () {
      const result = yield* oneTurn(faulty("unknown-updates"))
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" })
      assert.strictEqual(result.transcript, "[session s1 new]\nKnown.\n[skipped 4 updates of unknown kinds]")
    })
  )

  test(
    "a second answer to session/new changes nothing",
    Effect.gen(function* () {
      const result = yield* oneTurn(faulty("two-sessions"))
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" })
      assert.include(result.transcript, "in s1")
      assert.strictEqual(result.session, "s1")
    })
  )

  test(
    "requests for files, terminals and unknown things are refused as unknown",
    Effect.gen(function* () {
      const result = yield* oneTurn(faulty("greedy"))
      assert.deepStrictEqual(
        result.transcript.split("\n").slice(1),
        ["fs/read_text_file", "fs/write_text_file", "terminal/create", "_vendor/thing"].map(
          (method) => `${method} -32601`
        )
      )
    })
  )
})

describe("an agent that breaks the protocol", () => {
  const message = (name: string, command: ReadonlyArray<string>, expected: RegExp, limits = {}) =>
    test(
      name,
      Effect.gen(function* () {
        assert.match(problem(yield* oneOutcome(command, { limits })), expected)
        yield* assertNoneLeft
      })
    )

  message("a message of 40 MiB ends the turn", faulty("long-line"), /sent a message of more than 16777216 bytes/, {
    output: 100 * 1024 * 1024
  })
  message("another version of the protocol", faulty("other-version"), /speaks version 2 of ACP, Squadron speaks 1/)
  message("an unknown stop reason is named", faulty("stop-reason", "martian"), /the stop reason `martian`/)
  message("no stop reason", faulty("stop-reason"), /no stop reason/)
  message("a flood of requests for permission", faulty("permission-flood"), /asked for permission more than 1000 times/)
  message("an answer that is result and error at once", faulty("bad-answer"), /`session\/prompt` with neither/)
  message("a session without an id", faulty("bad-session"), /without a session's id/)
  message("an output that closes while it runs on", faulty("closes-output"), /closed its standard output and runs on/)
  message("noise without end, and no ear for complaints", faulty("deaf"), /does not read its standard input/)
  message("more words than its role's output limit", faulty("chatty"), /more than 50000 bytes in one turn/, {
    output: 50_000
  })
  message("files beyond all measure", faulty("long-line"), /sent more than 6400000 bytes in one turn/, {
    output: 100_000
  })
})

describe("an agent that does not answer", () => {
  test(
    "initialize: the deadline and what it printed are told",
    Effect.gen(function* () {
      const told = problem(yield* oneOutcome(faulty("no-initialize")))
      assert.match(told, /did not answer `initialize` within 4000 ms/)
      assert.match(told, /waiting for the moon/)
      yield* assertNoneLeft
    }),
    { deadlines: { initialize: 4000 } }
  )

  test(
    "session/new",
    Effect.gen(function* () {
      assert.match(problem(yield* oneOutcome(faulty("no-session"))), /did not answer `session\/new` within 1500 ms/)
      yield* assertNoneLeft
    }),
    { deadlines: { session: 1500 } }
  )

  test(
    "silence: the turn is cancelled, then its processes are ended",
    Effect.gen(function* () {
      const opened = yield* openRun(faulty("silent-but-cancels"), { limits: { stall: 1500 } })
      const result = yield* opened.turn()
      assert.deepStrictEqual(result.outcome, { _tag: "Stalled", silentFor: 1500 })
      // it had the time to say so
      assert.include(result.transcript, "Thinking, cancelled")
      assert.strictEqual(result.session, "s1")
      // at once, not with the run
      yield* assertNoneLeft
    })
  )

  test(
    "one that ignores cancel, the end of its input and SIGTERM is ended all the same",
    Effect.gen(function* () {
      const result = yield* oneTurn(faulty("stubborn"), { limits: { stall: 1500 } })
      assertTag(result.outcome, "Stalled")
      assert.strictEqual(pidsOf(result).length, 1, result.transcript)
      assert.deepStrictEqual(living(pidsOf(result)), [])
    }),
    { deadlines: { cancel: 500 } }
  )

  test(
    "one that never stops talking has its longest time",
    Effect.gen(function* () {
      const opened = yield* openRun(faulty("talks-on"), { limits: { wallClock: 4000, stall: 60_000 } })
      const result = yield* opened.turn()
      assert.deepStrictEqual(result.outcome, { _tag: "TimedOut", limit: 4000 })
      // at once, not with the run
      yield* assertNoneLeft
    }),
    { deadlines: { cancel: 500 } }
  )
})

describe("an agent that ends", () => {
  test(
    "in the midst of a turn: its exit code and its last words",
    Effect.gen(function* () {
      const result = yield* oneTurn(faulty("dies", "7"))
      assert.deepStrictEqual(result.outcome, { _tag: "Crashed", exit: 7, stderr: "out of luck" })
      assert.strictEqual(result.exit, 7)
      assert.strictEqual(result.stderr, "out of luck")
      assert.include(result.transcript, "About to")
    })
  )

  test(
    "by a signal",
    Effect.gen(function* () {
      const { exit, stderr } = assertTag(yield* oneOutcome(faulty("dies", "signal")), "Crashed")
      assert.strictEqual(exit, null)
      assert.include(stderr, "killed by SIGKILL")
    })
  )

  test(
    "with half an answer, which does not count",
    Effect.gen(function* () {
      assertTag(yield* oneOutcome(faulty("half-line")), "Crashed")
    })
  )

  test(
    "while a grandchild holds its output",
    Effect.gen(function* () {
      const result = yield* oneTurn(faulty("dies-held"))
      assert.strictEqual(assertTag(result.outcome, "Crashed").exit, 7)
      assert.strictEqual(pidsOf(result).length, 1, result.transcript)
      assert.deepStrictEqual(living(pidsOf(result)), [])
    })
  )

  test(
    "before it began",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* oneOutcome(faulty("dies-at-start")), {
        _tag: "Crashed",
        exit: 3,
        stderr: "cannot find my configuration"
      })
    })
  )

  test(
    "the next turn of the run starts it again",
    Effect.gen(function* () {
      const opened = yield* openRun(faulty("dies", "7"))
      assertTag((yield* opened.turn()).outcome, "Crashed")
      const second = yield* opened.turn()
      assertTag(second.outcome, "Crashed")
      assert.include(second.transcript, "About to")
    })
  )
})

describe("what an agent leaves behind", () => {
  test(
    "grandchildren in sessions of their own are dead when the run's scope is closed, and no record is left",
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const opened = yield* Scope.provide(openRun(faulty("forks")), scope)
      const result = yield* opened.turn()
      const pids = pidsOf(result)
      assert.strictEqual(pids.length, 4, result.transcript)
      assert.deepStrictEqual(living(pids), pids)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(living(pids), [])
      yield* assertNoneLeft
    })
  )

  test(
    "an interrupted turn is cancelled, and closing the scope ends an agent that does not care",
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const opened = yield* Scope.provide(openRun(faulty("deaf-to-cancel")), scope)
      const fiber = yield* Effect.forkChild(opened.turn())
      const { home } = opened.place.workspace ?? assert.fail()
      yield* untilThere(`${home}/prompted`)
      yield* Fiber.interrupt(fiber)
      // it was told, and given time
      yield* untilThere(`${home}/cancelled`)
      assert.strictEqual((yield* survivors).length, 1)
      yield* Scope.close(scope, Exit.void)
      yield* assertNoneLeft
    }),
    { deadlines: { cancel: 1000 } }
  )

  test(
    "an interrupted turn waits no longer than until the agent has stopped",
    Effect.gen(function* () {
      const opened = yield* openRun(faulty("silent-but-cancels"))
      const fiber = yield* Effect.forkChild(opened.turn())
      const { home } = opened.place.workspace ?? assert.fail()
      yield* untilThere(`${home}/prompted`)
      yield* Fiber.interrupt(fiber)
      // the session is as good as before
      assert.strictEqual((yield* survivors).length, 1)
    }),
    // longer than the test may take
    { deadlines: { cancel: 600_000 } }
  )

  test(
    "closing the scope ends a turn that runs in another fiber",
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const begun = yield* Deferred.make<void>()
      const opened = yield* Scope.provide(openRun(faulty("silent")), scope)
      const fiber = yield* Effect.forkChild(
        opened.turn({ briefing: Effect.as(Deferred.succeed(begun, undefined), { whole: "w", news: "n" }) })
      )
      yield* Deferred.await(begun)
      yield* Scope.close(scope, Exit.void)
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual(result.outcome, { _tag: "Interrupted", reason: "its session was closed" })
      yield* assertNoneLeft
      // and no turn comes after it
      assertTag((yield* opened.turn()).outcome, "Interrupted")
      yield* assertNoneLeft
    }),
    { deadlines: { cancel: 300 } }
  )
})
