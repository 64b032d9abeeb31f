import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cli } from "./runCli.ts"

const commands = [
  "init",
  "start",
  "status",
  "watch",
  "events",
  "publish",
  "agents",
  "actions",
  "inbox",
  "explain",
  "cancel",
  "pause",
  "resume",
  "retry",
  "answer",
  "backup",
  "journal",
  "issue"
]
const actionsCommands = ["list", "retry"]
const journalCommands = ["list", "verify"]
const issueCommands = ["create", "list", "show", "comment", "label", "close", "reopen"]

describe("squadron --help", () => {
  it.effect("lists every command", () =>
    Effect.gen(function* () {
      const { exit, out } = yield* cli(["--help"])
      assert.strictEqual(exit, 0)
      for (const command of commands) assert.match(out, new RegExp(`^  ${command} `, "m"))
      assert.include(out, "--completions")
    })
  )

  it.effect("shows what each command is for, with examples that name it", () =>
    Effect.gen(function* () {
      const paths = [
        ...commands.map((name) => [name]),
        ...issueCommands.map((name) => ["issue", name]),
        ...actionsCommands.map((name) => ["actions", name]),
        ...journalCommands.map((name) => ["journal", name])
      ]
      for (const path of paths) {
        const { exit, out } = yield* cli([...path, "--help"])
        assert.strictEqual(exit, 0)
        assert.match(out, /^DESCRIPTION\n  \S/, path.join(" "))
        const examples = out.split("\nEXAMPLES\n")[1] ?? ""
        assert.include(examples, `squadron ${path.join(" ")}`)
      }
    })
  )

  it.effect("comes without colours where nobody sees them", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["--help"])
      assert.notInclude(out, "\u001b")
    })
  )

  it.effect("writes completions for the shell that is named", () =>
    Effect.gen(function* () {
      const { out } = yield* cli(["--completions", "bash"])
      assert.include(out, "squadron")
      assert.include(out, "explain")
    })
  )
})

describe("a mistyped command line", () => {
  it.effect("gets the nearest command, and no page of help", () =>
    Effect.gen(function* () {
      const { err, exit, out } = yield* cli(["statsu"])
      assert.strictEqual(exit, 1)
      assert.match(err, /Did you mean this\?\s+status/)
      assert.include(err, "See: squadron --help")
      assert.strictEqual(out, "")
    })
  )

  it.effect("gets the nearest flag", () =>
    Effect.gen(function* () {
      const { err, exit } = yield* cli(["agents", "--stauts", "asking"])
      assert.strictEqual(exit, 1)
      assert.match(err, /--stauts[^]*--status/)
      assert.include(err, "See: squadron agents --help")
    })
  )

  it.effect("is told what a value must look like", () =>
    Effect.gen(function* () {
      assert.include((yield* cli(["issue", "show", "seven"])).err, "12, #12 or owner/name#12")
      assert.include((yield* cli(["agents", "--status", "busy"])).err, "asking")
      assert.strictEqual((yield* cli(["events", "--limit", "0"])).exit, 1)
      assert.include((yield* cli(["actions", "list", "--status", "broken"])).err, "failed")
      assert.strictEqual((yield* cli(["actions", "retry", "last"])).exit, 1)
    })
  )
})

describe("without a daemon", () => {
  it.effect("every command says how to start one, in one line, and ends with code 3", () =>
    Effect.gen(function* () {
      const invocations = [
        ["status"],
        ["watch"],
        ["events"],
        ["agents"],
        ["actions", "list"],
        ["actions", "retry", "1"],
        ["actions", "retry", "--all"],
        ["inbox", "a"],
        ["explain", "e1"],
        ["explain", "a"],
        ["cancel", "a"],
        ["pause", "a"],
        ["resume", "a"],
        ["retry", "a"],
        ["answer", "a", "yes"],
        ["publish", "x"],
        ["issue", "list"],
        ["issue", "create", "t"],
        ["issue", "show", "1"],
        ["backup", "copy.db"],
        ["journal", "list"],
        ["journal", "verify"]
      ]
      for (const args of invocations) {
        const { err, exit, out } = yield* cli(args, { SQUADRON_URL: "http://127.0.0.1:9" })
        assert.strictEqual(
          err,
          "No squadron runs at http://127.0.0.1:9. Start one with: squadron start",
          args.join(" ")
        )
        assert.strictEqual(exit, 3)
        assert.strictEqual(out, "")
      }
    })
  )

  it.effect("a flag says more than the environment", () =>
    Effect.gen(function* () {
      const { err } = yield* cli(["--url", "http://127.0.0.1:1/", "status"], { SQUADRON_URL: "http://127.0.0.1:9" })
      assert.include(err, "http://127.0.0.1:1.")
    })
  )
})
