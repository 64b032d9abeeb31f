// What a puppet can do: { sh }, { tool: [name, input] }, { say }, { wait: file }, { hang }, { exit: code }.
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { ToolRefused } from "../../../../examples/scripted-agent/mcp.mjs"
import { run } from "../../../../examples/scripted-agent/processes.mjs"
import { folder, note } from "./notes.mjs"

/** What the prompt says of commits, for the shell. */
const tell = ({ base, conflictsWith, head, movedTo }) => {
  for (const [name, value] of Object.entries({ BASE: base, CONFLICT: conflictsWith, HEAD: head, MOVED: movedTo })) {
    if (value !== undefined) process.env[name] = value
  }
}

const one = async (step, { cwd, say, signal, tools }) => {
  if (step.sh !== undefined) {
    const { code, stderr, stdout } = await run("sh", ["-c", step.sh], { cwd, signal })
    note({ sh: step.sh, code, out: stdout, err: stderr })
    return code === 0
  }
  if (step.tool !== undefined) {
    const [name, input = {}] = step.tool
    try {
      const { text } = await tools.call(name, input, signal)
      note({ tool: name, text })
    } catch (error) {
      if (!(error instanceof ToolRefused)) throw error
      note({ tool: name, refused: error.message })
    }
    return true
  }
  if (step.say !== undefined) await say(step.say)
  if (step.wait !== undefined) {
    note({ waits: step.wait })
    while (!existsSync(resolve(folder, step.wait))) await sleep(50, undefined, { signal })
  }
  if (step.hang === true) {
    note({ hangs: true })
    await sleep(3_600_000, undefined, { signal })
  }
  if (step.exit !== undefined) process.exit(step.exit)
  return true
}

/** Does the steps in their order. After a command that fails nothing is done but to ask a person. */
export const doSteps = async (steps, turn) => {
  tell(turn.place)
  for (const step of steps) {
    if (await one(step, turn)) continue
    await turn.tools.call("ask_person", { question: `This failed: ${JSON.stringify(step)}` }, turn.signal)
    return
  }
  note({ ends: true })
}
