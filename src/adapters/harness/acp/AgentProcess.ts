import { type ChildProcess, spawn } from "node:child_process"
import { Deferred, Effect } from "effect"
import { lowerPriority } from "../../process/lowerPriority.ts"
import { processTable } from "../ProcessTable.ts"
import { CannotStart, type Program } from "../Program.ts"

/** An agent's program that runs, as the leader of a process group of its own; its input stays open. */
export type AgentProcess = Omit<Program, "input"> & {
  /** Hands it bytes; returns how many wait to be read by it, in all. One that reads no more is fine. */
  readonly send: (bytes: Uint8Array) => number
  /** Reads no more of its output for now, so that it has to wait. */
  readonly pause: () => void
  readonly resume: () => void
}

const ignore = (): void => {}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : String(cause)

const processOf = (child: ChildProcess, pid: number): AgentProcess => {
  const exited = Deferred.makeUnsafe<{ readonly code: number | null; readonly signal: string | null }>()
  const drained = Deferred.makeUnsafe<void>()
  child.once("exit", (code, signal) => Deferred.doneUnsafe(exited, Effect.succeed({ code, signal })))
  child.once("close", () => Deferred.doneUnsafe(drained, Effect.void))
  // in the same tick as the start: until this tick ends, even a program that is through already has its entry
  const { order, startTime } = processTable.find(pid) ?? { order: 0, startTime: "gone" }
  return {
    leader: { pid, startTime, order },
    exited,
    drained,
    send: (bytes) => {
      const input = child.stdin
      if (input === null || !input.writable) return 0
      input.write(bytes)
      return input.writableLength
    },
    pause: () => void child.stdout?.pause(),
    resume: () => void child.stdout?.resume(),
    release: () => {
      child.stdin?.destroy()
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
  }
}

/**
 * Starts an agent's program. `onOutput` gets what it prints as it comes; `onEnd` is called when its standard output
 * has ended. Neither is called after `release`. The caller ends the program's process family.
 */
export const startAgentProcess = (options: {
  readonly run: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly onOutput: (bytes: Buffer, source: "stdout" | "stderr") => void
  readonly onEnd: () => void
}): Effect.Effect<AgentProcess, CannotStart> =>
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
        // a session and a group of its own, so that one signal reaches all of it and none of us
        detached: true,
        stdio: ["pipe", "pipe", "pipe"]
      })
    } catch (cause) {
      return refuse(cause)
    }
    // stays for good: a later error, such as a pipe that the program closed, is told by its exit
    child.on("error", refuse)
    child.stdin?.on("error", ignore)
    for (const source of ["stdout", "stderr"] as const) {
      child[source]?.on("error", ignore)
      child[source]?.on("data", (bytes: Buffer) => options.onOutput(bytes, source))
    }
    child.stdout?.once("end", options.onEnd)
    if (child.pid === undefined) return
    lowerPriority(child.pid)
    resume(Effect.succeed(processOf(child, child.pid)))
  })
