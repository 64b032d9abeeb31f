import type { ChildProcess } from "node:child_process"
import { Duration, type Effect } from "effect"
import { ForgeError } from "../../../domain/Errors.ts"
import { configEnvironment, isolated } from "../../git/isolation.ts"
import { type GitFailed, type GitSaid, runGit } from "../../git/runGit.ts"

export type GitCall = {
  /** The bare repository. */
  readonly folder: string
  readonly args: readonly [string, ...ReadonlyArray<string>]
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly config?: ReadonlyArray<readonly [name: string, value: string]> | undefined
  /** A string's characters are bytes, as in everything that git prints here: names and messages need not be UTF-8. */
  readonly input?: string | undefined
  /** Exit codes that are no failure besides 0. */
  readonly accept?: ReadonlyArray<number> | undefined
  /** 30 seconds unless told. */
  readonly timeout?: Duration.Input | undefined
}

/** Runs git in a bare repository, apart from anyone's settings and hooks. Interrupted, it and all it started end. */
export type Git = {
  (call: GitCall): Effect.Effect<GitSaid, GitFailed>
  /** The whole environment of a git of ours, with these settings. */
  environment(config?: GitCall["config"]): Record<string, string>
}

/** Where programs are, and where temporary files go. */
const inherited = ["PATH", "TMPDIR", "SYSTEMROOT"]

const fixed: Readonly<Record<string, string>> = { ...isolated, GIT_DEFAULT_HASH: "sha1" }

const settings: ReadonlyArray<readonly [string, string]> = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  ["credential.helper", ""],
  ["protocol.ext.allow", "never"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["receive.autogc", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["core.packedRefsTimeout", "5000"],
  ["core.filesRefLockTimeout", "2000"],
  // What the rows say has happened is on the disk by then.
  ["core.fsync", "committed,reference"],
  ["core.fsyncMethod", "batch"],
  ["safe.directory", "*"]
]

/** What old programs wrote is no reason to refuse a history. */
const harmless = ["zeroPaddedFilemode", "missingSpaceBeforeDate", "badTimezone", "missingNameBeforeEmail", "badDate"]

/** Objects from elsewhere are looked through before they are taken: no `.git` among the files, and the like. */
export const suspicious: ReadonlyArray<readonly [string, string]> = [
  ["transfer.fsckObjects", "true"],
  ...["fetch", "receive"].flatMap((way) => harmless.map((kind) => [`${way}.fsck.${kind}`, "ignore"] as const))
]

/** From SIGTERM, at which git removes its locks, to SIGKILL, in milliseconds. */
const patience = 2_000

/** Ends a group of processes by the one that leads it; `ended` is for when that one has, and ends what it has left. */
export const ending = (child: ChildProcess) => {
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
    ended: (): void => {
      if (timer === undefined) return
      clearTimeout(timer)
      send("SIGKILL")
    }
  }
}

/** `marks` are in the environment of every git, for whoever looks for what a killed daemon has left. */
export const makeGit = (marks: Readonly<Record<string, string>> = {}): Git => {
  const base: Record<string, string> = { ...fixed, ...marks }
  for (const name of inherited) {
    const value = process.env[name]
    if (value !== undefined) base[name] = value
  }

  const environment = (config: GitCall["config"] = []): Record<string, string> => {
    const all = [...settings, ...config]
    return { ...base, ...configEnvironment(all) }
  }

  const run = (call: GitCall) =>
    runGit({
      command: call.args[0],
      args: ["--git-dir", call.folder, ...call.args],
      env: { ...environment(call.config), ...call.env },
      input: call.input,
      accept: call.accept,
      timeout: Duration.toMillis(Duration.fromInputUnsafe(call.timeout ?? "30 seconds"))
    })

  return Object.assign(run, { environment })
}

/** Bytes as text for people and for events. */
export const textOf = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8")

/** Text as a string of bytes. */
export const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

/** The parts of what `-z` separates. */
export const parts = (output: string): ReadonlyArray<string> => output.split("\0").slice(0, -1)

/** Git's complaint without its chatter. */
const complaint = (said: string): string => {
  const lines = textOf(said)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
  const telling = lines.filter((line) => /^(?:fatal|error|remote):/.test(line))
  return (telling.length > 0 ? telling : lines).slice(-3).join("; ").slice(0, 600)
}

const passing =
  /was not done after|was ended by|no space left|disk quota|unable to create .*\.lock|but expected|cannot be started/i

/** What a caller of the forge hears of it; what may go well another time is tried again. */
export const gitFault = (error: GitFailed): ForgeError =>
  new ForgeError({
    reason: `git ${error.command}: ${complaint(error.said)}`,
    retryable: passing.test(error.said),
    retryAfter: null
  })
