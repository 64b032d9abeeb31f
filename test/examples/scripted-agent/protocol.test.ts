import * as acp from "@agentclientprotocol/sdk"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  commit,
  git,
  labeled,
  preparedIssue,
  promptsOf,
  sampleRepository,
  testsOf,
  workspaceOf,
  write
} from "./Sample.ts"
import { loadSession, newHome, newSession, prompted, said, serversOf, startAgent } from "./ScriptedAgent.ts"
import { callsOf, type Tool, toolServer } from "./ToolServer.ts"

const done = () => "done"
const tools: Readonly<Record<string, Tool>> = {
  read_subject: () => "See the prompt.",
  push_work: done,
  open_pull_request: done,
  report_done: done,
  report_no_work: done,
  ask_person: done
}

const bug = preparedIssue("1-credit-note")
const prompts = promptsOf({ tools: ["push", "open_pull_request"], ...bug, news: [labeled(bug, "bug")] })

const isRunning = (pid: string): boolean => {
  try {
    process.kill(Number(pid), 0)
    // A zombie that nobody has waited for yet is dead, too.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

/** A workspace whose tests hang, with a child that ignores signals; `pid` is written there once it runs. */
const hangingWorkspace = Effect.gen(function* () {
  const workspace = yield* workspaceOf(yield* sampleRepository)
  const pid = join(workspace, "..", "pid")
  write(
    workspace,
    "test/hang.js",
    `import { spawn } from "node:child_process"
import { renameSync, writeFileSync } from "node:fs"
import { test } from "node:test"
test("hangs", async () => {
  const child = spawn("sh", ["-c", "trap '' TERM INT; sleep 1000"])
  writeFileSync(${JSON.stringify(`${pid}.new`)}, String(child.pid))
  renameSync(${JSON.stringify(`${pid}.new`)}, ${JSON.stringify(pid)})
  await new Promise((resolve) => setTimeout(resolve, 1_000_000))
})
`
  )
  commit(workspace)
  const running = Effect.suspend(() => (existsSync(pid) ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.tapError(() => Effect.sleep("20 millis")),
    Effect.eventually,
    Effect.timeout("60 seconds"),
    Effect.orDie
  )
  const dead = Effect.suspend(() => (isRunning(readFileSync(pid, "utf8")) ? Effect.fail("not yet") : Effect.void)).pipe(
    Effect.tapError(() => Effect.sleep("20 millis")),
    Effect.eventually,
    Effect.timeout("30 seconds"),
    Effect.orDie
  )
  return { workspace, running, dead }
})

describe("the scripted agent", { timeout: 120_000 }, () => {
  it.layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    it.effect("says in its first words that it is a script", () =>
      Effect.gen(function* () {
        const { initialized } = yield* startAgent("pm", yield* newHome)
        assert.deepStrictEqual(initialized.agentInfo, {
          name: "scripted-agent",
          title: "Scripted agent, no model (pm)",
          version: "1"
        })
        assert.isTrue(initialized.agentCapabilities?.loadSession)
        assert.isTrue(initialized.agentCapabilities?.mcpCapabilities?.http)
      })
    )

    it.effect("refuses a part that it does not have", () =>
      Effect.sync(() => {
        const program = fileURLToPath(new URL("../../../examples/scripted-agent/main.mjs", import.meta.url))
        const { status, stderr } = spawnSync(process.execPath, [program, "ceo"], { encoding: "utf8" })
        assert.strictEqual(status, 2)
        assert.include(stderr, "pm, reviewer, security-reviewer")
      })
    )

    for (const answer of ["json", "stream"] as const) {
      it.effect(`shakes hands with its tools before the first prompt, answers as ${answer}`, () =>
        Effect.gen(function* () {
          const server = yield* toolServer(tools, answer)
          const agent = yield* startAgent("pm", yield* newHome)
          const home = yield* newHome
          const session = yield* newSession(agent, home, server)
          assert.deepStrictEqual(server.methods, [
            "initialize",
            "notifications/initialized",
            "tools/list",
            "tools/list"
          ])
          yield* prompted(agent, session, "## New")
          assert.deepStrictEqual(server.faults, [])
          assert.deepStrictEqual(
            server.calls.map(({ name }) => name),
            ["read_subject", "report_no_work"]
          )
        })
      )
    }

    it.effect("goes on without tools that cannot be reached, and fails at the first that it needs", () =>
      Effect.gen(function* () {
        const home = yield* newHome
        const agent = yield* startAgent("pm", home)
        const { sessionId } = yield* Effect.promise(() =>
          agent.agent.request(acp.methods.agent.session.new, {
            cwd: home,
            mcpServers: [{ type: "http", name: "squadron", url: "http://127.0.0.1:9/mcp", headers: [] }]
          })
        )
        const error = yield* Effect.flip(
          Effect.tryPromise(() =>
            agent.agent.request(acp.methods.agent.session.prompt, {
              sessionId,
              prompt: [{ type: "text", text: "## New" }]
            })
          )
        )
        assert.include(String(error.cause), "the session has no tools of Squadron")
        const failed = agent.updates.find((update) => update.sessionUpdate === "tool_call_update")
        assert.deepInclude(failed, {
          status: "failed",
          content: [{ type: "content", content: { type: "text", text: "the session has no tools of Squadron" } }]
        })
        assert.include(agent.stderr(), "http://127.0.0.1:9/mcp does not answer")
      })
    )

    it.effect("shows what it does: tool calls that end, edits as differences", () =>
      Effect.gen(function* () {
        const workspace = yield* workspaceOf(yield* sampleRepository)
        const server = yield* toolServer(tools)
        const agent = yield* startAgent("developer", yield* newHome)
        yield* prompted(agent, yield* newSession(agent, workspace, server), prompts.whole)
        const begun = agent.updates.flatMap((update) =>
          update.sessionUpdate === "tool_call" ? [[update.toolCallId, update.title] as const] : []
        )
        const ended = agent.updates.flatMap((update) =>
          update.sessionUpdate === "tool_call_update" ? [[update.toolCallId, update.status] as const] : []
        )
        assert.deepStrictEqual(
          begun.map(([, title]) => title),
          [
            "read_subject",
            "npm test",
            "edit src/money.js",
            "edit CHANGELOG.md",
            "git commit: Round half cents below zero away from zero",
            "npm test",
            "push_work",
            "open_pull_request",
            "report_done"
          ]
        )
        assert.deepStrictEqual(
          ended,
          begun.map(([id]) => [id, "completed"])
        )
        const [diff] = agent.updates.flatMap((update) =>
          update.sessionUpdate === "tool_call_update"
            ? (update.content ?? []).filter((content) => content.type === "diff")
            : []
        )
        assert.strictEqual(diff?.path, join(workspace, "src/money.js"))
        assert.include(diff?.newText, "Math.sign")
      })
    )

    it.effect("stops in the middle of a test run when it is cancelled, ends what it started, and can go on", () =>
      Effect.gen(function* () {
        const { dead, running, workspace } = yield* hangingWorkspace
        const server = yield* toolServer(tools)
        const agent = yield* startAgent("developer", yield* newHome)
        const session = yield* newSession(agent, workspace, server)
        const turn = yield* Effect.forkChild(prompted(agent, session, prompts.whole))
        yield* running
        yield* Effect.promise(() => agent.agent.notify(acp.methods.agent.session.cancel, { sessionId: session }))
        assert.strictEqual(yield* Effect.timeout(Fiber.join(turn), "10 seconds"), "cancelled")
        yield* dead
        git(workspace, "rm", "--quiet", "-f", "test/hang.js")
        commit(workspace)
        assert.strictEqual(yield* prompted(agent, session, prompts.news), "end_turn")
        assert.lengthOf(callsOf(server, "report_done"), 1)
        assert.isTrue(testsOf(workspace).passed)
      })
    )

    it.effect("stops waiting for a tool when it is cancelled", () =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const server = yield* toolServer({
          ...tools,
          read_subject: () => {
            Deferred.doneUnsafe(asked, Effect.void)
            return new Promise<string>(() => {})
          }
        })
        const home = yield* newHome
        const agent = yield* startAgent("pm", home)
        const session = yield* newSession(agent, home, server)
        const turn = yield* Effect.forkChild(prompted(agent, session, "## New"))
        yield* Deferred.await(asked)
        yield* Effect.promise(() => agent.agent.notify(acp.methods.agent.session.cancel, { sessionId: session }))
        assert.strictEqual(yield* Effect.timeout(Fiber.join(turn), "10 seconds"), "cancelled")
      })
    )

    it.effect("stops in a pause when it is cancelled", () =>
      Effect.gen(function* () {
        const server = yield* toolServer(tools)
        const home = yield* newHome
        const agent = yield* startAgent("pm", home, { SCRIPTED_AGENT_PACE: "1000000" })
        const session = yield* newSession(agent, home, server)
        const turn = yield* Effect.forkChild(prompted(agent, session, "## New"))
        yield* agent.saw((update) => update.sessionUpdate === "agent_message_chunk")
        yield* Effect.promise(() => agent.agent.notify(acp.methods.agent.session.cancel, { sessionId: session }))
        assert.strictEqual(yield* Effect.timeout(Fiber.join(turn), "10 seconds"), "cancelled")
        assert.deepStrictEqual(server.calls, [])
      })
    )

    it.effect("ends with all that it started when its client goes", () =>
      Effect.gen(function* () {
        const { dead, running, workspace } = yield* hangingWorkspace
        const server = yield* toolServer(tools)
        const agent = yield* startAgent("developer", yield* newHome)
        const session = yield* newSession(agent, workspace, server)
        yield* Effect.forkChild(Effect.exit(prompted(agent, session, prompts.whole)))
        yield* running
        agent.close()
        assert.strictEqual(yield* agent.exited, 0)
        yield* dead
      })
    )

    it.effect("is killed in the middle of its edits, and another process loads the session and finishes", () =>
      Effect.gen(function* () {
        const workspace = yield* workspaceOf(yield* sampleRepository)
        const home = yield* newHome
        const server = yield* toolServer(tools)
        const first = yield* startAgent("developer", home)
        const session = yield* newSession(first, workspace, server)
        yield* Effect.forkChild(Effect.exit(prompted(first, session, prompts.whole)))
        yield* first.saw((update) => update.sessionUpdate === "tool_call" && update.title === "edit CHANGELOG.md")
        first.kill("SIGKILL")
        assert.strictEqual(yield* first.exited, null)
        const second = yield* startAgent("developer", home)
        yield* loadSession(second, session, workspace, server)
        assert.include(said(second), "Before any change: 12 passed, 1 failed")
        assert.isTrue(
          second.updates.some(
            (update) =>
              update.sessionUpdate === "user_message_chunk" &&
              update.content.type === "text" &&
              update.content.text.includes(bug.title)
          )
        )
        assert.strictEqual(yield* prompted(second, session, prompts.news), "end_turn")
        assert.lengthOf(callsOf(server, "report_done"), 1)
        assert.strictEqual(git(workspace, "status", "--porcelain"), "")
        assert.isTrue(testsOf(workspace).passed)
      })
    )

    it.effect("remembers after a kill what it did, and does it once", () =>
      Effect.gen(function* () {
        const workspace = yield* workspaceOf(yield* sampleRepository)
        const home = yield* newHome
        const reported = yield* Deferred.make<void>()
        const waiting = yield* toolServer({
          ...tools,
          report_done: () => {
            Deferred.doneUnsafe(reported, Effect.void)
            return new Promise<string>(() => {})
          }
        })
        const first = yield* startAgent("developer", home)
        const session = yield* newSession(first, workspace, waiting)
        yield* Effect.forkChild(Effect.exit(prompted(first, session, prompts.whole)))
        yield* Deferred.await(reported)
        first.kill("SIGKILL")
        yield* first.exited
        const head = git(workspace, "rev-parse", "HEAD")
        const server = yield* toolServer(tools)
        const second = yield* startAgent("developer", home)
        yield* loadSession(second, session, workspace, server)
        yield* prompted(second, session, prompts.news)
        assert.strictEqual(git(workspace, "rev-parse", "HEAD"), head)
        assert.deepStrictEqual(callsOf(server, "open_pull_request"), [])
        assert.lengthOf(callsOf(server, "report_done"), 1)
      })
    )

    it.effect("does not load a session of another part, of another folder, or of nobody", () =>
      Effect.gen(function* () {
        const home = yield* newHome
        const server = yield* toolServer(tools)
        const session = yield* newSession(yield* startAgent("pm", home), home, server)
        const pm = yield* startAgent("pm", home)
        writeFileSync(
          join(home, "outside.json"),
          JSON.stringify({ id: "../outside", part: "pm", cwd: home, history: [] })
        )
        const developer = yield* startAgent("developer", home)
        for (const [agent, sessionId, cwd] of [
          [developer, session, home],
          [pm, session, join(home, "other")],
          [pm, "00000000-0000-0000-0000-000000000000", home],
          [pm, "../outside", home]
        ] as const) {
          const request = { sessionId, cwd, mcpServers: serversOf(server) }
          const error = yield* Effect.flip(
            Effect.tryPromise(() => agent.agent.request(acp.methods.agent.session.load, request))
          )
          assert.include(String(error.cause), "Resource not found")
        }
      })
    )
  })
})
