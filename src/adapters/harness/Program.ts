import { Deferred, Effect, Schema } from "effect"
import { hand, type Hold, killGroup } from "../process/Hand.ts"
import type { ProcessEntry } from "./ProcessTable.ts"

/** The program could not be started at all. */
export class CannotStart extends Schema.TaggedError<CannotStart>()("CannotStart", {
  program: Schema.String,
  cwd: Schema.String,
  path: Schema.String,
  code: Schema.String
}) {
  override get message() {
    const what = `Cannot start \`${this.program}\` in ${this.cwd}`
    switch (this.code) {
      case "ENOENT":
        return this.program.includes("/")
          ? `${what}: there is no such file, or the interpreter that its first line names is missing. Check the role's \`run\`; a relative path starts at the role's \`cwd\`.`
          : `${what}: no folder of PATH has it (PATH=${this.path}). Install it, add its folder to the daemon's PATH, or write its full path in the role's \`run\`.`
      case "EACCES":
        return `${what}: it may not be executed. Make it executable (\`chmod +x\`), or name its interpreter first in the role's \`run\`.`
      case "ENOEXEC":
        return `${what}: it is no program. Begin a script with a line such as \`#!/bin/sh\`, or name its interpreter first in the role's \`run\`.`
      case "E2BIG":
        return `${what}: its arguments and environment are too large for the system.`
      case "EAGAIN":
      case "EMFILE":
      case "ENFILE":
      case "ENOMEM":
        return `${what}: the machine is out of processes, files or memory (${this.code}). Lower \`concurrency\` or raise the limits.`
      case "LOST":
        return `${what}: the thread that starts programs has ended. The next start makes another one.`
      default:
        return `${what}: ${this.code}. Check the role's \`run\`.`
    }
  }
}

/** A program that runs, as the leader of a process group of its own. */
export type Program = {
  readonly leader: Pick<ProcessEntry, "pid" | "startTime" | "order">
  /** Completes when the leader has ended. */
  readonly exited: Deferred.Deferred<{ readonly code: number | null; readonly signal: string | null }>
  /** Completes when nobody holds its output any more. */
  readonly drained: Deferred.Deferred<void>
  /** Gives it all its input, then the end of input. A program that does not read it is fine. */
  readonly input: (text: string) => void
  /** Lets go of its pipes, whoever still holds their other ends. */
  readonly release: () => void
}

/** What every program that runs has, whatever is done with its input. */
type Started = Omit<Program, "input">

export type ProgramOptions = {
  readonly run: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** Gets what it prints as it comes, one call at a time, and is not called after `release`. */
  readonly onOutput: (bytes: Buffer, source: "stdout" | "stderr") => void
  /** Its standard output has ended; not called after `release`. */
  readonly onEnd?: () => void
}

/**
 * Starts a program; `made` is what its caller gets of it, and is called before anything of it is heard. The caller ends
 * the program's process family. One whose thread is lost is killed, says so on stderr and has exited.
 */
export const startChild = <A>(
  options: ProgramOptions,
  made: (hold: Hold, started: Started) => A
): Effect.Effect<A, CannotStart> =>
  Effect.callback((resume) => {
    const [program, ...args] = options.run
    const { cwd, env } = options
    const exited = Deferred.makeUnsafe<{ readonly code: number | null; readonly signal: string | null }>()
    const drained = Deferred.makeUnsafe<void>()
    let hasBegun = false
    let isReleased = false
    let unwanted: (() => void) | undefined
    const refuse = (code: string): void => {
      resume(Effect.fail(new CannotStart({ program, cwd, path: env["PATH"] ?? "", code })))
      unwanted?.()
    }
    const hold: Hold = hand.start(
      { program, args, cwd, env, input: null },
      {
        begun: ({ order, pid, startTime }) => {
          hasBegun = true
          if (unwanted !== undefined) {
            killGroup(pid)
            return hold.release()
          }
          const leader = { pid, startTime, order }
          const release = (): void => {
            isReleased = true
            hold.release()
          }
          resume(Effect.succeed(made(hold, { leader, exited, drained, release })))
        },
        refused: (_, code) => refuse(code),
        output: options.onOutput,
        outputEnds: options.onEnd,
        exited: (code, signal) => {
          Deferred.doneUnsafe(exited, Effect.succeed({ code, signal }))
          unwanted?.()
        },
        closed: () => void Deferred.doneUnsafe(drained, Effect.void),
        lost: (why) => {
          if (!hasBegun) return refuse("LOST")
          if (!isReleased)
            options.onOutput(Buffer.from(`squadron: ended, since nobody can hear of it any more (${why})\n`), "stderr")
          Deferred.doneUnsafe(exited, Effect.succeed({ code: null, signal: "SIGKILL" }))
          Deferred.doneUnsafe(drained, Effect.void)
          unwanted?.()
        }
      }
    )
    // where it is not waited for
    return Effect.callback<void>((done) => {
      unwanted = () => done(Effect.void)
    })
  })

/** Starts a program that gets all of its input at once. */
export const startProgram = (options: ProgramOptions): Effect.Effect<Program, CannotStart> =>
  startChild(options, (hold, started) => ({
    ...started,
    input: (text) => {
      hold.send(Buffer.from(text))
      hold.end()
    }
  }))
