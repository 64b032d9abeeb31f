import { Duration, type Effect } from "effect"
import { configEnvironment, isolated } from "../git/isolation.ts"
import { type GitFailed, type GitSaid, runGit } from "../git/runGit.ts"
import { homeVariable, runVariable } from "../harness/ProcessRecords.ts"

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
  ...isolated,
  GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o ControlMaster=no -o ControlPath=none",
  GIT_OPTIONAL_LOCKS: "0"
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

/** Brings objects, and nothing else that a fetch may do. */
export const fetchOptions = ["--no-tags", "--no-auto-maintenance", "--no-write-fetch-head", "--no-recurse-submodules"]

/** `home` marks the processes as this state folder's; see `ProcessRecords`. */
export const makeGit = (host: Readonly<Record<string, string | undefined>>, home: string): Git => {
  const base: Record<string, string> = { ...fixed, [homeVariable]: home, [runVariable]: gitRun }
  for (const name of inherited) {
    const value = host[name]
    if (value !== undefined) base[name] = value
  }

  return (call) =>
    runGit({
      command: call.args[0] ?? "",
      args: call.args,
      cwd: call.cwd ?? call.gitDir,
      env: {
        ...base,
        ...configEnvironment([...settings, ...(call.config ?? [])]),
        ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
        ...call.env
      },
      input: call.input,
      accept: call.accept,
      onOutput: call.onOutput,
      timeout: Duration.toMillis(Duration.fromInputUnsafe(call.timeout ?? "10 minutes"))
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
