import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { assertTag, makeWorkspace, oneTurn, openRun, scripted, test } from "./Agents.ts"

/** What the scripted agent was asked, in order. */
const logOf = Effect.fnUntraced(function* (home: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.readFileString(`${home}/log`)).trim().split("\n")
})

const promptsOf = (log: ReadonlyArray<string>) => log.filter((line) => line.startsWith("prompt "))

describe("a session", () => {
  test(
    "an agent edits a file with permission, and its words, thoughts, plan and tool calls can be read",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const workspace = yield* makeWorkspace
      const result = yield* oneTurn(scripted(), { workspace })
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" })
      assert.strictEqual(yield* fs.readFileString(`${workspace.path}/hello.txt`), "whole 1\n")
      assert.match(result.session ?? "", /^session-\d+$/)
      assert.strictEqual(
        result.transcript,
        [
          `[session ${result.session} new]`,
          "[thought] Let me see.",
          "I will write it.",
          "[plan]",
          "  [>] Write",
          "  [ ] Check",
          "[tool] Write hello.txt (edit): pending",
          "[tool] Write hello.txt: completed"
        ].join("\n")
      )
      assert.deepStrictEqual(result.usage, {
        source: "estimated",
        inputTokens: 1000,
        outputTokens: null,
        cost: { amount: 0.25, currency: "USD" }
      })
      const [initialize] = yield* logOf(workspace.home)
      assert.match(
        initialize ?? "",
        /^initialize 1 squadron \{"fs":\{"readTextFile":false,"writeTextFile":false\},"terminal":false/
      )
    })
  )

  test(
    "one process and one session for all turns of a run: the whole first, then the news",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const opened = yield* openRun(scripted(), { workspace })
      const first = yield* opened.turn()
      const second = yield* opened.turn()
      assert.strictEqual(second.session, first.session)
      assert.notInclude(second.transcript, "[session")
      assert.deepStrictEqual(second.usage?.cost, { amount: 0.25, currency: "USD" })
      const log = yield* logOf(workspace.home)
      assert.strictEqual(log.filter((line) => line.startsWith("new ")).length, 1)
      assert.deepStrictEqual(promptsOf(log), ["prompt whole 1", "prompt news 2"])
    })
  )

  test(
    "what the agent measured wins over estimates",
    Effect.gen(function* () {
      const usage = { totalTokens: 12, inputTokens: 7, outputTokens: 5 }
      const result = yield* oneTurn(scripted({ usage }))
      assert.deepStrictEqual(result.usage, {
        source: "measured",
        inputTokens: 7,
        outputTokens: 5,
        cost: { amount: 0.25, currency: "USD" }
      })
    })
  )

  test(
    "a briefing that cannot be made is the turn's outcome, and the next turn tells the whole",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const opened = yield* openRun(scripted(), { workspace })
      const first = yield* opened.turn({ briefing: Effect.fail({ _tag: "RateLimited", retryAfter: 5 }) })
      assert.deepStrictEqual(first.outcome, { _tag: "RateLimited", retryAfter: 5 })
      // the agent knows nothing of it yet
      assert.strictEqual(first.session, null)
      yield* opened.turn()
      assert.deepStrictEqual(promptsOf(yield* logOf(workspace.home)), ["prompt whole 2"])
    })
  )
})

describe("a session whose agent ended", () => {
  test(
    "is gone on with by the next turn where it was told the whole, else begun anew",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const opened = yield* openRun(scripted({ resume: true, dieOn: ["whole 1", "news 3"] }), { workspace })
      assertTag((yield* opened.turn()).outcome, "Crashed")
      assertTag((yield* opened.turn()).outcome, "TurnEnded")
      assertTag((yield* opened.turn()).outcome, "Crashed")
      assertTag((yield* opened.turn()).outcome, "TurnEnded")
      const log = (yield* logOf(workspace.home)).map((line) => line.replace(/^(initialize|new|resume) .*/, "$1"))
      assert.deepStrictEqual(
        log,
        [
          ["initialize", "new", "prompt whole 1"],
          ["initialize", "new", "prompt whole 2", "prompt news 3"],
          ["initialize", "resume", "prompt news 4"]
        ].flat()
      )
    })
  )
})

describe("a session of an earlier run", () => {
  /** One run, then another that is to go on with its session. */
  const twoRuns = Effect.fnUntraced(function* (first: object, second: object) {
    const workspace = yield* makeWorkspace
    const before = yield* oneTurn(scripted(first), { workspace })
    const after = yield* oneTurn(scripted(second), { workspace, session: before.session })
    const log = yield* logOf(workspace.home)
    const restart = log.findLastIndex((line) => line.startsWith("initialize"))
    return { before, after, log: log.slice(restart + 1) }
  })

  test(
    "is resumed where the agent can, and told the news",
    Effect.gen(function* () {
      const { after, before, log } = yield* twoRuns({ resume: true }, { resume: true, load: true })
      assert.deepStrictEqual(log, [`resume ${before.session}`, "prompt news 1"])
      assert.strictEqual(after.session, before.session)
      assert.include(after.transcript, `[session ${before.session} resumed]`)
    })
  )

  test(
    "is loaded where it cannot be resumed, and what is replayed is no part of the turn",
    Effect.gen(function* () {
      const { after, before, log } = yield* twoRuns({}, { load: true })
      assert.deepStrictEqual(log, [`load ${before.session}`, "prompt news 1"])
      assert.strictEqual(after.session, before.session)
      assert.include(after.transcript, `[session ${before.session} loaded, 1 messages replayed]`)
      assert.notInclude(after.transcript, "whole 1")
    })
  )

  test(
    "is loaded where the agent only says that it can resume",
    Effect.gen(function* () {
      const { before, log } = yield* twoRuns({}, { resume: false, load: true })
      assert.deepStrictEqual(log, ["unknown session/resume", `load ${before.session}`, "prompt news 1"])
    })
  )

  test(
    "is told the whole again by an agent that loads it without saying what was",
    Effect.gen(function* () {
      const { after, before, log } = yield* twoRuns({}, { load: true, replay: false })
      assert.deepStrictEqual(log, [`load ${before.session}`, "prompt whole 1"])
      assert.strictEqual(after.session, before.session)
    })
  )

  test(
    "gives way to a new one where nothing helps, which is told the whole",
    Effect.gen(function* () {
      const { after, before, log } = yield* twoRuns({}, { resume: true, load: true, broken: true })
      assert.deepStrictEqual(
        log.map((line) => line.replace(/ .*/, "")),
        ["resume", "load", "new", "prompt"]
      )
      assert.include(log, "prompt whole 1")
      assert.notStrictEqual(after.session, before.session)
      assert.include(after.transcript, "new, since the one before could not be continued")
    })
  )

  test(
    "is not even asked for of an agent that can neither",
    Effect.gen(function* () {
      const { log } = yield* twoRuns({}, {})
      assert.deepStrictEqual(
        log.map((line) => line.replace(/ .*/, "")),
        ["new", "prompt"]
      )
    })
  )

  test(
    "what an agent was seen to lack is not asked of it again",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const command = scripted({ resume: false })
      const first = yield* oneTurn(command, { workspace, session: "gone" })
      yield* oneTurn(command, { workspace, session: first.session })
      const refused = (yield* logOf(workspace.home)).filter((line) => line === "unknown session/resume")
      assert.strictEqual(refused.length, 1)
    })
  )
})

describe("a session's mode", () => {
  test(
    "is set where it is among the agent's modes",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const command = scripted({ modes: ["ask", "code"] })
      assertTag((yield* oneTurn(command, { workspace, mode: "code" })).outcome, "TurnEnded")
      assert.include(yield* logOf(workspace.home), "mode code")
    })
  )

  test(
    "is left alone where it is set already",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      yield* oneTurn(scripted({ modes: ["ask", "code"] }), { workspace, mode: "ask" })
      assert.notInclude((yield* logOf(workspace.home)).join("\n"), "mode")
    })
  )

  test(
    "is set as an option where the agent has it as one",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      yield* oneTurn(scripted({ configModes: ["slow", "fast"] }), { workspace, mode: "fast" })
      assert.include(yield* logOf(workspace.home), "option approval fast")
    })
  )

  test(
    "that it does not have is an error that names those that it has",
    Effect.gen(function* () {
      const { message } = assertTag(
        (yield* oneTurn(scripted({ modes: ["ask", "code"] }), { mode: "yolo" })).outcome,
        "ProtocolError"
      )
      assert.match(message, /no mode `yolo`; it has `ask`, `code`/)
      const none = assertTag((yield* oneTurn(scripted(), { mode: "yolo" })).outcome, "ProtocolError")
      assert.match(none.message, /has no modes/)
    })
  )
})
