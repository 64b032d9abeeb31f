import { StringDecoder } from "node:string_decoder"
import { Effect, Schema } from "effect"
import { configEnvironment } from "../../git/isolation.ts"
import { hand } from "../../process/Hand.ts"

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
    const output = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") }
    const said = { stdout: "", stderr: "" }
    const fail = (why: string): void => resume(Effect.fail(new GitFault({ reason: `git cannot be run: ${why}` })))
    let pid: number | null = null
    let isOver = false
    let ended: number | null = null
    const kill = (): void => {
      if (pid === null || isOver) return
      try {
        process.kill(-pid, "SIGKILL")
      } catch {
        // it has ended meanwhile
      }
    }
    let unwanted = false
    hand.start(
      { program: "git", args, env: environment(options.settings ?? []), input: "" },
      {
        begun: (begun) => {
          pid = begun.pid
          if (unwanted) kill()
        },
        refused: fail,
        lost: fail,
        output: (bytes, source) => {
          said[source] = `${said[source]}${output[source].write(bytes)}`.slice(-kept)
        },
        exited: (code) => (ended = code),
        closed: () => {
          isOver = true
          resume(Effect.succeed({ code: ended ?? 128, ...said }))
        }
      }
    )
    return Effect.sync(() => {
      unwanted = true
      kill()
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: `${options.seconds} seconds`,
      orElse: () =>
        Effect.fail(new GitFault({ reason: `git ${args[0] ?? ""} did not end within ${options.seconds} s` }))
    })
  )
