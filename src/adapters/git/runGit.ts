import { Effect, Schema } from "effect"
import { hand } from "../process/Hand.ts"

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
    const chunks: Array<Uint8Array> = []
    let size = 0
    let errors = ""
    let pid = 0
    let enough = false
    let over = false
    let code: number | null = null
    let signal: string | null = null
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
      resume(result)
      whenOver?.()
    }
    const failed = (code: number | null, said: string): void =>
      finish(Effect.fail(new GitFailed({ command: run.command, code, said: said.trim() })))

    const take = (bytes: Buffer): void => {
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
    }

    hand.start(
      { program: "git", args: run.args, cwd: run.cwd, env: run.env, input: run.input ?? "" },
      {
        begun: (begun) => {
          pid = begun.pid
          // it was told to end before it had begun
          if (killer !== undefined) signalGroup(pid, "SIGTERM")
        },
        refused: (why) => failed(null, `git cannot be started (${why})`),
        lost: (why) => failed(null, `git cannot be started (${why})`),
        output: (bytes, source) => {
          if (source === "stdout") take(bytes)
          else if (errors.length < errorLimit) errors += bytes.toString("latin1")
        },
        exited: (...how) => {
          ;[code, signal] = how
        },
        closed: () => {
          if (fault !== undefined) failed(code, fault)
          else if (enough) finish(Effect.succeed({ code: 0, stdout: "", stderr: errors }))
          else if (code === null) failed(null, `was ended by ${signal ?? "a signal"}`)
          else if (code !== 0 && run.accept?.includes(code) !== true) {
            failed(code, errors === "" ? `exit ${code}` : errors)
          } else {
            const stdout = Buffer.concat(chunks).toString("latin1")
            finish(Effect.succeed({ code, stdout, stderr: errors }))
          }
        }
      }
    )

    return Effect.callback<void>((done) => {
      if (over) return done(Effect.void)
      whenOver = () => done(Effect.void)
      end()
    })
  })
