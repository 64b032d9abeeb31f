import { type ChildProcess, spawn } from "node:child_process"
import { Deferred, Effect, Schema } from "effect"
import { lowerPriority } from "../process/lowerPriority.ts"
import { type ProcessEntry, processTable } from "./ProcessTable.ts"

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

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : String(cause)

const ignore = (): void => {}

/** What every program that runs has, whatever is done with its input. */
type Started = Omit<Program, "input">

const startedOf = (child: ChildProcess, pid: number): Started => {
  const exited = Deferred.makeUnsafe<{ readonly code: number | null; readonly signal: string | null }>()
  const drained = Deferred.makeUnsafe<void>()
  child.once("exit", (code, signal) => Deferred.doneUnsafe(exited, Effect.succeed({ code, signal })))
  child.once("close", () => Deferred.doneUnsafe(drained, Effect.void))
  // In the same tick as the start: until this tick ends, even a program that is through already has its entry.
  const { order, startTime } = processTable.find(pid) ?? { order: 0, startTime: "gone" }
  return {
    leader: { pid, startTime, order },
    exited,
    drained,
    release: () => {
      child.stdin?.destroy()
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
  }
}

export type ProgramOptions = {
  readonly run: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** Gets what it prints as it comes, one call at a time, and is not called after `release`. */
  readonly onOutput: (bytes: Buffer, source: "stdout" | "stderr") => void
}

/**
 * Starts a program; `made` is what its caller gets of it, and is called in the tick of its start. The caller ends the
 * program's process family.
 */
export const startChild = <A>(
  options: ProgramOptions,
  made: (child: ChildProcess, started: Started) => A
): Effect.Effect<A, CannotStart> =>
  Effect.callback((resume) => {
    const [program, ...args] = options.run
    const refuse = (cause: unknown): void =>
      resume(
        Effect.fail(
          new CannotStart({ program, cwd: options.cwd, path: options.env["PATH"] ?? "", code: codeOf(cause) })
        )
      )
    let child: ChildProcess
    try {
      child = spawn(program, args, {
        cwd: options.cwd,
        env: options.env,
        // A session and a group of its own, so that one signal reaches all of it and none of us.
        detached: true,
        stdio: ["pipe", "pipe", "pipe"]
      })
    } catch (cause) {
      return refuse(cause)
    }
    // Stays for good: a later error, such as a pipe that the program closed, is told by its exit.
    child.on("error", refuse)
    child.stdin?.on("error", ignore)
    for (const source of ["stdout", "stderr"] as const) {
      child[source]?.on("error", ignore)
      child[source]?.on("data", (bytes: Buffer) => options.onOutput(bytes, source))
    }
    if (child.pid === undefined) return
    lowerPriority(child.pid)
    resume(Effect.succeed(made(child, startedOf(child, child.pid))))
  })

/** Starts a program that gets all of its input at once. */
export const startProgram = (options: ProgramOptions): Effect.Effect<Program, CannotStart> =>
  startChild(options, (child, started) => ({ ...started, input: (text) => void child.stdin?.end(text) }))
