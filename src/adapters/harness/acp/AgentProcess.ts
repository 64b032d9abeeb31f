import type { Effect } from "effect"
import { type CannotStart, type Program, type ProgramOptions, startChild } from "../Program.ts"

/** An agent's program that runs, as the leader of a process group of its own; its input stays open. */
export type AgentProcess = Omit<Program, "input"> & {
  /** Hands it bytes; returns how many wait to be read by it, up to 64 KiB too many. One that reads no more is fine. */
  readonly send: (bytes: Uint8Array) => number
  /** Reads no more of its output for now, so that it has to wait. */
  readonly pause: () => void
  readonly resume: () => void
}

/** Starts an agent's program. The caller ends the program's process family. */
export const startAgentProcess = (options: ProgramOptions): Effect.Effect<AgentProcess, CannotStart> =>
  startChild(options, ({ pause, resume, send }, started) => ({ ...started, send, pause, resume }))
