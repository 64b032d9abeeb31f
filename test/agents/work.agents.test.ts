import { existsSync, readFileSync } from "node:fs"
import { connect } from "node:net"
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { Capabilities } from "../../src/services/Capabilities.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { assign, assignWith, prompt, toolLines } from "./Developer.ts"
import { leaders, networkOf } from "./processes.ts"
import { Place, repository, stage } from "./Stage.ts"
import { agentTest, agentUnderTest, openNetwork, testUnless } from "./underTest.ts"

/** The code that a connection to an address of nobody's fails with, as the machine that is meant for examples has. */
const reach = Effect.callback<string>((resume) => {
  const socket = connect({ host: "192.0.2.1", port: 443, timeout: 5000 })
  const end = (code: string) => {
    socket.destroy()
    resume(Effect.succeed(code))
  }
  socket.on("connect", () => end("connected"))
  socket.on("timeout", () => end("no answer"))
  socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
})

describe("the network", () => {
  testUnless(
    openNetwork,
    "has loopback and nothing else",
    Effect.gen(function* () {
      const interfaces = Object.entries(networkInterfaces()).filter(([, addresses]) => addresses?.length !== 0)
      assert.deepStrictEqual(
        interfaces.map(([name]) => name),
        ["lo"]
      )
      assert.strictEqual(yield* reach, "ENETUNREACH")
    })
  )
})

describe("an agent at work", () => {
  agentTest("edits a file in its workspace and commits it", stage, (sandbox) =>
    Effect.gen(function* () {
      const { model, openRun, recipe } = yield* assign
      const { stateDir } = yield* Place
      const workspaces = yield* Workspaces
      const commands = [
        "printf 'hello\\n' > hello.txt",
        "git add hello.txt",
        "git commit -q -m 'Say hello'",
        `ls ${stateDir} > .git/seen`
      ]
      model.write("Write hello.txt", [{ call: recipe.shell(commands.join(" && ")) }, { say: "It says hello." }])
      const run = yield* openRun()
      const result = yield* run.turn(prompt("Write hello.txt"))

      // that it has ended its turn says nothing of its success
      assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" }, result.transcript)
      assert.include(result.transcript, "It says hello.")
      assert.strictEqual(readFileSync(join(run.workspace.path, "hello.txt"), "utf8"), "hello\n")
      const work = yield* workspaces.inspect(run.workspace)
      assert.deepStrictEqual(
        work.commits.map(({ subject }) => subject),
        ["Say hello"]
      )
      assert.deepStrictEqual(work.files, ["hello.txt"])
      assert.isFalse(work.dirty)

      const [leader = 0, ...others] = yield* leaders
      assert.deepStrictEqual(others, [])
      const seen = readFileSync(join(run.workspace.path, ".git", "seen"), "utf8").split("\n")
      assert.strictEqual(seen.includes("squadron.db"), sandbox === "off", seen.join(" "))
      if (sandbox === "off") assert.strictEqual(networkOf(leader), networkOf(process.pid))
    })
  )

  agentTest("calls Squadron's tools with the token of its run, which ends with the run", stage, () =>
    Effect.gen(function* () {
      const { agent, issue, model, openRun, recipe } = yield* assign
      const forge = yield* LocalForge
      model.write("Greet them", [
        { call: recipe.tool("comment", { body: "Hello to all of you." }) },
        { call: recipe.tool("report_done", { summary: "said hello" }) },
        { say: "I reported it." }
      ])
      let listed: boolean | null = null
      const token = yield* Effect.scoped(
        Effect.gen(function* () {
          const run = yield* openRun()
          const result = yield* run.turn(prompt("Greet them"), (now) => {
            listed = now
            assert.deepStrictEqual(model.about("Greet them"), [])
          })
          assert.deepStrictEqual(
            result.outcome,
            { _tag: "Completed", evidence: { summary: "said hello", commits: [] } },
            result.transcript
          )
          assert.isTrue(listed)
          assert.deepStrictEqual(run.grant.denied, [])
          return Redacted.value(run.grant.token)
        })
      )
      assert.deepStrictEqual(yield* toolLines(agent.id), [
        "tool.called comment on acme/shop#1: 20 characters",
        "tool.called report_done"
      ])
      const comments = yield* forge.comments(repository, issue.number)
      assert.deepStrictEqual(
        comments.map(({ body }) => body),
        ["Hello to all of you."]
      )

      // what the agent was given is good for nothing any more
      assert.isUndefined((yield* Capabilities).find(token))
      const { address } = yield* HttpServer.HttpServer
      const port = "port" in address ? address.port : 0
      const { status } = yield* Effect.promise((signal) =>
        fetch(`http://127.0.0.1:${port}/mcp`, {
          method: "POST",
          signal,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} })
        })
      )
      assert.strictEqual(status, 401)
    })
  )

  agentTest("under `permissions: deny` reports through Squadron's tools, and changes nothing", stage, () =>
    Effect.gen(function* () {
      const { recipe } = agentUnderTest
      const { agent, model, openRun } = yield* assignWith({ permissions: "deny", mode: recipe.askingMode })
      const workspaces = yield* Workspaces
      // the reports first: some agents end their turn when they are denied something
      model.write("Greet them", [
        { call: recipe.tool("comment", { body: "Hello to all of you." }) },
        { call: recipe.tool("report_no_work", { reason: "they were greeted" }) },
        { call: recipe.shell("printf 'hello\\n' > hello.txt") },
        { say: "I may not." }
      ])
      const run = yield* openRun()
      const result = yield* run.turn(prompt("Greet them"))
      assert.deepStrictEqual(result.outcome, { _tag: "NoWorkNeeded", reason: "they were greeted" }, result.transcript)
      assert.deepStrictEqual(yield* toolLines(agent.id), [
        "tool.called comment on acme/shop#1: 20 characters",
        "tool.called report_no_work"
      ])
      assert.isAtLeast(model.given("Greet them"), 3)
      const work = yield* workspaces.inspect(run.workspace)
      assert.isFalse(work.dirty, result.transcript)
      assert.isFalse(existsSync(join(run.workspace.path, "hello.txt")), result.transcript)
    })
  )
})
