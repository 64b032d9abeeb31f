import { type ChildProcess, spawn } from "node:child_process"
import { Duration, Effect, Schema } from "effect"
import { homeVariable, runVariable } from "../harness/ProcessRecords.ts"

/** Git said no, was ended by us, or could not be started. */
export class GitFailed extends Schema.TaggedError<GitFailed>()("GitFailed", {
  /** The subcommand. */
  command: Schema.String,
  /** Its exit code, null where it has none. */
  code: Schema.NullOr(Schema.Int),
  /** What it said, or what happened to it. */
  said: Schema.String
}) {
  override get message() {
    return `git ${this.command}: ${this.said}`
  }
}

export type GitCall = {
  readonly args: ReadonlyArray<string>
  /** The repository, by its git dir. */
  readonly gitDir?: string | undefined
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Settings for this call alone. They go through the environment, so a secret among them is in no argument. */
  readonly config?: ReadonlyArray<readonly [name: string, value: string]> | undefined
  /** A string's characters are bytes, as in everything that git prints here: file names need not be UTF-8. */
  readonly input?: string | undefined
  /** Gets stdout as it comes, instead of the result; answers whether it wants more. */
  readonly onOutput?: ((bytes: Buffer) => boolean) | undefined
  /** Exit codes that are no failure besides 0. */
  readonly accept?: ReadonlyArray<number> | undefined
  /** 10 minutes unless told. */
  readonly timeout?: Duration.Input | undefined
}

/** `stdout` and `stderr` are strings of bytes. */
export type GitSaid = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs git apart from anyone's settings. An interrupted call ends git and all that it started, and waits for that. */
export type Git = (call: GitCall) => Effect.Effect<GitSaid, GitFailed>

/** The run that every git of ours names in its environment. */
export const gitRun = "git"

/** What git needs of the daemon's environment: its programs, the way out, and who is trusted there. */
const inherited = [
  "PATH",
  "TMPDIR",
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH",
  "SSH_AUTH_SOCK",
  "SYSTEMROOT"
]

const fixed: Readonly<Record<string, string>> = {
  LC_ALL: "C",
  // No file of a person's, such as .netrc or .gitconfig, may have a say.
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_NO_LAZY_FETCH: "1",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_DEFAULT_REF_FORMAT: "files"
}

const settings: ReadonlyArray<readonly [string, string]> = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.untrackedCache", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  ["credential.helper", ""],
  ["protocol.ext.allow", "never"],
  // Clones borrow objects that no ref of the mirror may name any more.
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["submodule.recurse", "false"],
  ["fetch.recurseSubmodules", "false"],
  // Whoever else changes refs in the mirror is a git of ours and soon done; see `pastStaleLocks`.
  ["core.packedRefsTimeout", "5000"],
  ["core.filesRefLockTimeout", "5000"],
  // A link is dead when nothing has come for a minute.
  ["http.lowSpeedLimit", "100"],
  ["http.lowSpeedTime", "60"],
  ["safe.directory", "*"]
]

/** Work that is said to be saved is on the disk. */
export const durable: ReadonlyArray<readonly [string, string]> = [
  ["core.fsync", "committed,reference"],
  ["core.fsyncMethod", "batch"]
]

const configEnvironment = (config: ReadonlyArray<readonly [string, string]>): Record<string, string> => ({
  GIT_CONFIG_COUNT: String(config.length),
  ...Object.fromEntries(
    config.flatMap(([name, value], i) => [
      [`GIT_CONFIG_KEY_${i}`, name],
      [`GIT_CONFIG_VALUE_${i}`, value]
    ])
  )
})

/** Brings objects, and nothing else that a fetch may do. */
export const fetchOptions = ["--no-tags", "--no-auto-maintenance", "--no-write-fetch-head", "--no-recurse-submodules"]

/** Bytes of stderr, and of stdout that is not taken as it comes. */
const errorLimit = 16 * 1024
const outputLimit = 256 * 1024 * 1024

/** From SIGTERM, at which git removes its locks, to SIGKILL. */
const patience = 2000

/** Ends the whole group that a git leads. */
const ending = (child: ChildProcess) => {
  let timer: NodeJS.Timeout | undefined
  const send = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {
      // All of it has ended.
    }
  }
  return {
    end: (): void => {
      if (timer !== undefined) return
      send("SIGTERM")
      timer = setTimeout(() => send("SIGKILL"), patience)
    },
    ended: (): void => clearTimeout(timer)
  }
}

const noop = (): void => {}

/** `home` marks the processes as this state folder's; see `ProcessRecords`. */
export const makeGit = (host: Readonly<Record<string, string | undefined>>, home: string): Git => {
  const base: Record<string, string> = { ...fixed, [homeVariable]: home, [runVariable]: gitRun }
  for (const name of inherited) {
    const value = host[name]
    if (value !== undefined) base[name] = value
  }

  return (call) =>
    Effect.callback<GitSaid, GitFailed>((resume) => {
      const command = call.args[0] ?? ""
      const failed = (code: number | null, said: string) =>
        resume(Effect.fail(new GitFailed({ command, code, said: said.trim() })))
      let child: ChildProcess
      try {
        child = spawn("git", call.args, {
          cwd: call.cwd ?? call.gitDir,
          env: {
            ...base,
            ...configEnvironment([...settings, ...(call.config ?? [])]),
            ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
            ...call.env
          },
          // A group of its own, so that one signal reaches all that it starts.
          detached: true,
          stdio: ["pipe", "pipe", "pipe"]
        })
      } catch (cause) {
        return failed(null, `git cannot be started (${String(cause)})`)
      }
      const { end, ended } = ending(child)
      const chunks: Array<Buffer> = []
      let size = 0
      let errors = ""
      let enough = false
      let closed = false
      let fault: string | undefined
      const stop = (why: string): void => {
        fault ??= why
        end()
      }
      const limit = Duration.toMillis(Duration.fromInputUnsafe(call.timeout ?? "10 minutes"))
      const timer = setTimeout(() => stop(`was not done after ${Math.round(limit / 1000)} s`), limit)

      child.stdout?.on("data", (bytes: Buffer) => {
        if (call.onOutput !== undefined) {
          if (!enough && !call.onOutput(bytes)) {
            enough = true
            end()
          }
          return
        }
        size += bytes.length
        if (size > outputLimit) stop(`printed more than ${outputLimit} bytes`)
        else chunks.push(bytes)
      })
      child.stderr?.on("data", (bytes: Buffer) => {
        if (errors.length < errorLimit) errors += bytes.toString("latin1")
      })
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.on("error", noop)
      child.once("error", (cause) => {
        clearTimeout(timer)
        if (child.pid === undefined) failed(null, `git cannot be started (${cause.message})`)
      })
      child.once("close", (code, signal) => {
        closed = true
        clearTimeout(timer)
        ended()
        if (fault !== undefined) return failed(code, fault)
        if (enough) return resume(Effect.succeed({ code: 0, stdout: "", stderr: errors }))
        if (code === null) return failed(null, `was ended by ${signal ?? "a signal"}`)
        if (code !== 0 && call.accept?.includes(code) !== true)
          return failed(code, errors === "" ? `exit ${code}` : errors)
        resume(Effect.succeed({ code, stdout: Buffer.concat(chunks).toString("latin1"), stderr: errors }))
      })
      child.stdin?.end(call.input ?? "", "latin1")

      return Effect.callback<void>((done) => {
        clearTimeout(timer)
        if (closed || child.pid === undefined) return done(Effect.void)
        child.once("close", () => done(Effect.void))
        end()
      })
    })
}

/** Bytes as text for people. */
export const textOf = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8")

/** Text as a string of bytes. */
export const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

/** The parts of what `-z` separates. */
export const parts = (output: string): ReadonlyArray<string> => {
  const all = output.split("\0")
  if (all.at(-1) === "") all.pop()
  return all
}
