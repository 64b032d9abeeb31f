// Programs that the agent starts: git, npm, node. Each has a process group of its own, which ends with it.
import { spawn } from "node:child_process"
import { delimiter, dirname } from "node:path"

/** What is kept of a program's output, in characters: the beginning, which names the file, and the end. */
const kept = 512 * 1024

// What would point git, npm or node's test runner elsewhere than we do.
const misleading = /^(?:GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR)|NODE_(?!EXTRA_CA_CERTS$).*|npm_.*)$/i

const environment = () => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !misleading.test(name))),
  // The node that runs this script is also the one that tests run with.
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? "/usr/bin:/bin"}`,
  LC_ALL: "C.UTF-8",
  GIT_EDITOR: "true",
  GIT_TERMINAL_PROMPT: "0",
  NO_COLOR: "1",
  CI: "1",
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false"
})

/** A program that could not be started, or one that ended otherwise than it had to. */
export class ProgramFailed extends Error {}

/**
 * Runs a program to its end; gives its exit code and output. Once `signal` is aborted it ends at once, with all that
 * it started, and the promise is rejected with the signal's reason.
 */
export const run = (command, args, { cwd, signal }) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const child = spawn(command, args, { cwd, detached: true, env: environment(), stdio: ["ignore", "pipe", "pipe"] })
    const output = { stdout: "", stderr: "" }
    const endFamily = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
      } catch {
        // All of them have ended.
      }
    }
    const abort = () => {
      endFamily()
      reject(signal.reason)
    }
    signal.addEventListener("abort", abort, { once: true })
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (chunk) => {
        if (output[name].length < kept) output[name] += chunk.slice(0, kept - output[name].length)
      })
    }
    child.on("error", (error) => {
      signal.removeEventListener("abort", abort)
      reject(new ProgramFailed(`${command} could not be started: ${error.message}`))
    })
    // Whatever it left running would hold the pipes open.
    child.on("exit", endFamily)
    child.on("close", (code) => {
      signal.removeEventListener("abort", abort)
      resolve({ code: code ?? 1, ...output })
    })
  })
