// One turn: what a part may use to talk, to work and to call tools. All that it does is shown to the client as it happens.
import { methods } from "@agentclientprotocol/sdk"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { ToolsUnreachable } from "./mcp.mjs"
import { run } from "./processes.mjs"
import { readPrompt } from "./prompt.mjs"
import { record, saveSession } from "./sessions.mjs"

const longestShown = 4000
const shown = (text) => (text.length > longestShown ? `${text.slice(0, longestShown)}\n…` : text)
const content = (text) => ({ type: "content", content: { type: "text", text: shown(text) } })

/** The pause between steps in milliseconds, so that people can watch; none unless told. */
const pace = () => {
  const given = Number(process.env.SCRIPTED_AGENT_PACE)
  return Number.isFinite(given) && given > 0 ? given : 0
}

/** The turn of a session; all of its waits end as soon as `signal` is aborted. */
export const makeTurn = ({ client, prompt, session, signal, tools }) => {
  const update = (update) => client.notify(methods.client.session.update, { sessionId: session.id, update })

  /** Says something. */
  const say = async (text) => {
    signal.throwIfAborted()
    record(session, "agent", text)
    saveSession(session)
    await update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: `${text}\n\n` } })
  }

  /** Does something in view: `work` gives a text or contents to show, with what it came to. */
  const step = async ({ input, kind, title }, work) => {
    if (pace() > 0) await sleep(pace(), undefined, { signal })
    signal.throwIfAborted()
    session.calls += 1
    saveSession(session)
    const toolCallId = `${session.id.slice(0, 8)}-${session.calls}`
    await update({
      sessionUpdate: "tool_call",
      toolCallId,
      title,
      kind,
      status: "in_progress",
      ...(input === undefined ? {} : { rawInput: input })
    })
    try {
      const { result, show } = await work()
      const shows = typeof show === "string" ? [content(show)] : (show ?? [])
      await update({ sessionUpdate: "tool_call_update", toolCallId, status: "completed", content: shows })
      return result
    } catch (error) {
      await update({
        sessionUpdate: "tool_call_update",
        toolCallId,
        status: "failed",
        content: [content(signal.aborted ? "cut off" : error.message)]
      })
      throw error
    } finally {
      saveSession(session)
    }
  }

  /** Calls one of Squadron's tools. */
  const call = (name, input = {}) =>
    step({ input, kind: "other", title: name }, async () => {
      if (tools === null) throw new ToolsUnreachable("the session has no tools of Squadron")
      const result = await tools.call(name, input, signal)
      return { result, show: result.text }
    })

  /** Runs a program in the workspace and shows its output; gives exit code and output. */
  const execute = (title, command, args, cwd = session.cwd) =>
    step({ kind: "execute", title }, async () => {
      const result = await run(command, args, { cwd, signal })
      return {
        result,
        show: `${result.stdout}${result.stderr}${result.code === 0 ? "" : `\nexit code ${result.code}`}`
      }
    })

  const pathOf = (path) => join(session.cwd, path)
  const read = (path) => readFileSync(pathOf(path), "utf8")

  /** Writes a file of the workspace; shows the difference. */
  const edit = (path, newText) =>
    step({ kind: "edit", title: `edit ${path}` }, async () => {
      const oldText = read(path)
      writeFileSync(pathOf(path), newText)
      return { result: undefined, show: [{ type: "diff", path: pathOf(path), oldText, newText }] }
    })

  return {
    ...readPrompt(prompt),
    cwd: session.cwd,
    /** What the part remembers from turn to turn; it is on disk after each step. */
    memory: session.memory,
    signal,
    tools,
    say,
    call,
    edit,
    execute,
    read,
    /** Runs a program without showing it. */
    run: (command, args, cwd = session.cwd) => run(command, args, { cwd, signal })
  }
}
