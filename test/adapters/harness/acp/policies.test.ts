import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, FileSystem } from "effect"
import type { Outcome } from "../../../../src/domain/Outcome.ts"
import {
  answer,
  assertTag,
  faulty,
  type Given,
  layer,
  makeGrant,
  makeWorkspace,
  oneOutcome,
  oneTurn,
  openRun,
  scripted,
  test,
  toolServer
} from "./Agents.ts"

const kinds = (...given: ReadonlyArray<string>): string =>
  JSON.stringify(given.map((kind, index) => ({ optionId: `${index}-${kind}`, name: "Yes, allow", kind })))

describe("a request for permission", () => {
  const decided = (name: string, given: Given, options: string, expected: object | string, messages = [answer("no")]) =>
    test(
      name,
      Effect.gen(function* () {
        const result = yield* oneTurn(faulty("asks", options), given, { messages })
        const outcome = typeof expected === "string" ? { outcome: "selected", optionId: expected } : expected
        assert.include(result.transcript, JSON.stringify(outcome))
      })
    )

  const all = kinds("reject_always", "allow_always", "reject_once", "allow_once")
  decided("is allowed once rather than always", { permissions: "allow" }, all, "3-allow_once")
  decided(
    "is allowed always where there is no other way",
    { permissions: "allow" },
    kinds("reject_once", "allow_always"),
    "1-allow_always"
  )
  decided("is rejected once rather than always", { permissions: "deny" }, all, "2-reject_once")
  decided(
    "is rejected always where there is no other way",
    { permissions: "deny" },
    kinds("allow_once", "reject_always"),
    "1-reject_always"
  )
  decided("has the answer `cancelled` where no option fits", { permissions: "deny" }, kinds("allow_once", "later"), {
    outcome: "cancelled"
  })
  decided("has an answer where nothing is offered", { permissions: "allow" }, "[]", { outcome: "cancelled" })
  decided("has an answer where what is offered is nonsense", { permissions: "allow" }, '{"a":1}', {
    outcome: "cancelled"
  })
  decided("is rejected until a person was asked", { permissions: "ask" }, all, "2-reject_once")
  decided("is allowed after a person's yes", { permissions: "ask" }, all, "3-allow_once", [
    answer("no"),
    answer("  Yes, go on.")
  ])
  decided("is rejected where the newest answer is no yes", { permissions: "ask" }, all, "2-reject_once", [
    answer("allow"),
    answer("yesterday I said no")
  ])

  test(
    "that a person is to decide is the turn's question",
    Effect.gen(function* () {
      const outcome = yield* oneOutcome(faulty("asks", all), { permissions: "ask" })
      const { question } = assertTag(outcome, "NeedsInput")
      for (const part of ["Delete the build folder", "(delete)", "/build", "rm -r build", "Yes, allow", "`allow`"]) {
        assert.include(question, part)
      }
    })
  )

  test(
    "that a person has allowed asks nobody again in this turn, but in the next",
    Effect.gen(function* () {
      const opened = yield* openRun(faulty("asks", all), { permissions: "ask" })
      const allowed = yield* opened.turn({ messages: [answer("allow")] })
      assert.deepStrictEqual(allowed.outcome, { _tag: "TurnEnded" })
      assertTag((yield* opened.turn()).outcome, "NeedsInput")
    })
  )
})

describe("how a turn ends", () => {
  const ends = (name: string, command: ReadonlyArray<string>, expected: Outcome) =>
    test(
      name,
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* oneOutcome(command), expected)
      })
    )

  ends("max_tokens", faulty("stop-reason", "max_tokens"), { _tag: "TurnCap", progressed: true })
  ends("max_turn_requests", faulty("stop-reason", "max_turn_requests"), { _tag: "TurnCap", progressed: true })
  ends("refusal", faulty("stop-reason", "refusal"), {
    _tag: "Refused",
    reason: "the agent's model refused to go on"
  })
  ends("cancelled, though nobody asked for it", faulty("stop-reason", "cancelled"), { _tag: "TurnEnded" })
  ends("HTTP 429 with a time to wait", faulty("error", "-32603", "Internal error", '{"status":429,"retry_after":7}'), {
    _tag: "RateLimited",
    retryAfter: 7000
  })

  test(
    "an error that says nothing more is a crash with the error's words, and the session goes on",
    Effect.gen(function* () {
      const opened = yield* openRun(faulty("error", "-32603", "The model has a headache", '{"details":"HTTP 500"}'))
      const result = yield* opened.turn()
      const { exit, stderr } = assertTag(result.outcome, "Crashed")
      assert.strictEqual(exit, null)
      assert.match(stderr, /`session\/prompt` with: The model has a headache \(HTTP 500\)/)
      // it cannot be known whether the agent took the prompt
      assert.strictEqual(result.session, null)
      assertTag((yield* opened.turn()).outcome, "Crashed")
    })
  )

  test(
    "an agent that wants to be signed in says how",
    Effect.gen(function* () {
      const { reason } = assertTag(
        yield* oneOutcome(faulty("session-error", "-32000", "Authentication required")),
        "NotAuthorized"
      )
      assert.match(reason, /`session\/new` with: Authentication required/)
      assert.match(reason, /`env`.*Log in with Example/)
    })
  )
})

describe("an agent's tools", () => {
  const mcp = { url: "http://127.0.0.1:1/mcp", port: 1 }

  test(
    "that it does not list are missed before the first prompt",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const grant = yield* makeGrant
      const fs = yield* FileSystem.FileSystem
      const { message } = assertTag(yield* oneOutcome(scripted({ mute: true }), { workspace, grant }), "ProtocolError")
      assert.match(message, /the agent did not list its tools: nothing came within 1000 ms/)
      const log = yield* fs.readFileString(`${workspace.home}/log`)
      assert.include(log, '"url":"http://127.0.0.1:1/mcp"')
      assert.include(log, '"headers":[{"name":"Authorization","value":"Bearer secret-token"}]')
      assert.notInclude(log, "prompt")
    }),
    { mcp, deadlines: { tools: 1000 } }
  )

  it.live(
    "that it lists let the turn begin",
    () =>
      Effect.gen(function* () {
        const grant = yield* makeGrant
        const server = yield* toolServer(grant)
        const mcp = { url: `http://127.0.0.1:${server.port}/mcp`, port: server.port }
        const outcome = yield* Effect.provide(oneOutcome(scripted(), { grant }), layer({ mcp }))
        assert.deepStrictEqual(outcome, { _tag: "TurnEnded" })
        assert.deepStrictEqual(server.seen, ["Bearer secret-token"])
      }),
    60_000
  )

  test(
    "that it cannot have are missed at once",
    Effect.gen(function* () {
      const grant = yield* makeGrant
      const { message } = assertTag(yield* oneOutcome(faulty("no-mcp"), { grant }), "ProtocolError")
      assert.match(message, /did not list its tools: it takes no MCP servers over HTTP/)
    }),
    { mcp }
  )

  test(
    "are not asked for where a run has none",
    Effect.gen(function* () {
      assertTag(yield* oneOutcome(faulty("no-mcp")), "TurnEnded")
    }),
    { mcp }
  )

  test(
    "what it reported by them is the outcome of that turn only; what it may not use comes before",
    Effect.gen(function* () {
      const grant = yield* makeGrant
      Deferred.doneUnsafe(grant.listed, Effect.void)
      const opened = yield* openRun(faulty("stop-reason", "end_turn"), { grant })
      const report = (outcome: Outcome, denied: ReadonlyArray<string> = []) =>
        opened.turn({
          // after the turn's start, as a tool call would
          briefing: Effect.sync(() => {
            grant.reported = outcome
            grant.denied = denied
            return { whole: "w", news: "n" }
          })
        })
      const done: Outcome = { _tag: "NoWorkNeeded", reason: "it is there" }
      assert.deepStrictEqual((yield* report(done)).outcome, done)
      assert.deepStrictEqual((yield* opened.turn()).outcome, { _tag: "TurnEnded" })
      assert.deepStrictEqual((yield* report(done, ["push", "push", "review"])).outcome, {
        _tag: "ToolsDenied",
        tools: ["push", "review"]
      })
    }),
    { mcp }
  )
})
