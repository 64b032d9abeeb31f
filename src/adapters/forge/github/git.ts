import { spawn } from "node:child_process"
import { Effect, Schema } from "effect"
import { configEnvironment } from "../../git/isolation.ts"

/** Output of git that is kept, in bytes; the rest is dropped. */
const kept = 64 * 1024

/** Git could not be run to its end. */
export class GitFault extends Schema.TaggedError<GitFault>()("GitFault", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

export type GitRun = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** What git and its helpers may take from our own environment: where programs are, and how the network is reached. */
const passed = [
  "PATH",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "http_proxy",
  "https_proxy",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "no_proxy",
  "NO_PROXY",
  "all_proxy",
  "ALL_PROXY"
]

const environment = (settings: ReadonlyArray<readonly [string, string]>): Record<string, string> => ({
  ...Object.fromEntries(passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
  // nobody's own settings, no hooks, no questions, no helper that knows other credentials
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "true",
  ...configEnvironment([["core.hooksPath", "/dev/null"], ["credential.helper", ""], ["gc.auto", "0"], ...settings])
})

/**
 * Runs git to its end. Interrupted or too slow, it and all that it started are killed.
 *
 * `settings` are git's own, such as `http.extraHeader`; they are given by environment.
 */
export const runGit = (
  args: ReadonlyArray<string>,
  options: { readonly settings?: ReadonlyArray<readonly [string, string]>; readonly seconds: number }
): Effect.Effect<GitRun, GitFault> =>
  Effect.callback<GitRun, GitFault>((resume) => {
    const child = spawn("git", args, {
      env: environment(options.settings ?? []),
      // a group of its own, so that one signal reaches its helpers too
      detached: true,
      stdio: ["ignore", "pipe", "pipe"]
    })
    const output = { stdout: "", stderr: "" }
    for (const source of ["stdout", "stderr"] as const) {
      child[source].setEncoding("utf8")
      child[source].on("data", (text: string) => {
        output[source] = `${output[source]}${text}`.slice(-kept)
      })
    }
    child.once("error", (cause) => resume(Effect.fail(new GitFault({ reason: `git cannot be run: ${cause.message}` }))))
    child.once("close", (code) => resume(Effect.succeed({ code: code ?? 128, ...output })))
    return Effect.sync(() => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, "SIGKILL")
      } catch {
        // it has ended meanwhile
      }
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: `${options.seconds} seconds`,
      orElse: () =>
        Effect.fail(new GitFault({ reason: `git ${args[0] ?? ""} did not end within ${options.seconds} s` }))
    })
  )
