import { Worker } from "node:worker_threads"
import { Effect, Schema } from "effect"
import type { Asked, Told } from "./gitHand.ts"

/** What git said; bytes, one a character. */
export type GitSaid = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Git failed, was ended, or could not be started; `said` is the end of its complaint, bytes, one a character. */
export class GitFailed extends Schema.TaggedError<GitFailed>()("GitFailed", {
  command: Schema.String,
  code: Schema.NullOr(Schema.Int),
  said: Schema.String
}) {
  override get message() {
    return `git ${this.command}: ${Buffer.from(this.said, "latin1").toString("utf8")}`
  }
}

export type GitRun = {
  /** Names the call in errors. */
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly cwd?: string | undefined
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** Bytes, one a character. */
  readonly input?: string | undefined
  /** Exit codes besides 0 that are no failure. */
  readonly accept?: ReadonlyArray<number> | undefined
  /** Takes stdout as it comes; false ends git, which is no failure then. */
  readonly onOutput?: ((bytes: Buffer) => boolean) | undefined
  /** Milliseconds. */
  readonly timeout: number
}

/** Bytes of stderr, and of stdout that is not taken as it comes. */
const errorLimit = 16 * 1024
const outputLimit = 256 * 1024 * 1024

/** From SIGTERM, at which git removes its locks, to SIGKILL. */
const patience = 2_000

type Listener = (told: Told | { readonly refused: string }) => void

const program = new URL(import.meta.url.endsWith(".ts") ? "./gitHand.ts" : "./gitHand.js", import.meta.url)
const listeners = new Map<number, Listener>()
let hand: Worker | null = null
let asked = 0

const lose = (why: string): void => {
  hand = null
  const waiting = [...listeners.values()]
  listeners.clear()
  for (const listener of waiting) listener({ refused: why })
}

/** The thread that starts processes; made when it is first needed, and again where it was lost. It keeps nothing alive. */
const theHand = (): Worker => {
  if (hand !== null) return hand
  const worker = new Worker(program, { name: "git" })
  worker.on("message", (told: Told) => listeners.get(told.id)?.(told))
  worker.once("error", (error) => lose(error.message))
  worker.once("exit", () => {
    if (hand === worker) lose("its thread has ended")
  })
  hand = worker
  return worker
}

const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal)
  } catch {
    // all of it has ended
  }
}

/** Runs git as the leader of a group of its own; interrupting it ends the group, and waits until it has ended. */
export const runGit = (run: GitRun): Effect.Effect<GitSaid, GitFailed> =>
  Effect.callback<GitSaid, GitFailed>((resume) => {
    const id = ++asked
    const chunks: Array<Uint8Array> = []
    let size = 0
    let errors = ""
    let pid = 0
    let enough = false
    let over = false
    let fault: string | undefined
    let killer: NodeJS.Timeout | undefined
    let whenOver: (() => void) | undefined

    const end = (): void => {
      if (killer !== undefined || over) return
      killer = setTimeout(() => {
        if (pid !== 0) signalGroup(pid, "SIGKILL")
      }, patience)
      if (pid !== 0) signalGroup(pid, "SIGTERM")
    }
    const stop = (why: string): void => {
      fault ??= why
      end()
    }
    const timer = setTimeout(() => stop(`was not done after ${Math.round(run.timeout / 1000)} s`), run.timeout)
    const finish = (result: Effect.Effect<GitSaid, GitFailed>): void => {
      over = true
      clearTimeout(timer)
      // what it started and left
      if (killer !== undefined && pid !== 0) signalGroup(pid, "SIGKILL")
      clearTimeout(killer)
      listeners.delete(id)
      if (listeners.size === 0) hand?.unref()
      resume(result)
      whenOver?.()
    }
    const failed = (code: number | null, said: string): void =>
      finish(Effect.fail(new GitFailed({ command: run.command, code, said: said.trim() })))

    listeners.set(id, (told) => {
      if ("begun" in told) {
        pid = told.begun
        // it was told to end before it had begun
        if (killer !== undefined) signalGroup(pid, "SIGTERM")
      } else if ("refused" in told) failed(null, `git cannot be started (${told.refused})`)
      else if ("stdout" in told) {
        const bytes = Buffer.from(told.stdout.buffer, told.stdout.byteOffset, told.stdout.byteLength)
        if (run.onOutput !== undefined) {
          if (!enough && !run.onOutput(bytes)) {
            enough = true
            end()
          }
          return
        }
        size += bytes.length
        if (size > outputLimit) stop(`printed more than ${outputLimit} bytes`)
        else chunks.push(bytes)
      } else if ("stderr" in told) {
        if (errors.length < errorLimit) errors += Buffer.from(told.stderr).toString("latin1")
      } else if (fault !== undefined) failed(told.code, fault)
      else if (enough) finish(Effect.succeed({ code: 0, stdout: "", stderr: errors }))
      else if (told.code === null) failed(null, `was ended by ${told.signal ?? "a signal"}`)
      else if (told.code !== 0 && run.accept?.includes(told.code) !== true) {
        failed(told.code, errors === "" ? `exit ${told.code}` : errors)
      } else {
        const stdout = Buffer.concat(chunks).toString("latin1")
        finish(Effect.succeed({ code: told.code, stdout, stderr: errors }))
      }
    })
    const worker = theHand()
    worker.ref()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
    worker.postMessage({ id, args: run.args, cwd: run.cwd, env: run.env, input: run.input ?? "" } satisfies Asked)

    return Effect.callback<void>((done) => {
      if (over) return done(Effect.void)
      whenOver = () => done(Effect.void)
      end()
    })
  })
