import type { Effect } from "effect"
import { type CannotStart, type Program, type ProgramOptions, startChild } from "../Program.ts"

/** An agent's program that runs, as the leader of a process group of its own; its input stays open. */
export type AgentProcess = Omit<Program, "input"> & {
  /** Hands it bytes; returns how many wait to be read by it, in all. One that reads no more is fine. */
  readonly send: (bytes: Uint8Array) => number
  /** Reads no more of its output for now, so that it has to wait. */
  readonly pause: () => void
  readonly resume: () => void
}

/**
 * Starts an agent's program. `onEnd` is called when its standard output has ended, and not after `release`. The caller
 * ends the program's process family.
 */
export const startAgentProcess = (
  options: ProgramOptions & { readonly onEnd: () => void }
): Effect.Effect<AgentProcess, CannotStart> =>
  startChild(options, (child, started) => {
    child.stdout?.once("end", options.onEnd)
    return {
      ...started,
      send: (bytes) => {
        const input = child.stdin
        if (input === null || !input.writable) return 0
        input.write(bytes)
        return input.writableLength
      },
      pause: () => void child.stdout?.pause(),
      resume: () => void child.stdout?.resume()
    }
  })
