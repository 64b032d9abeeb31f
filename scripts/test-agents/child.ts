import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process"

/** How a program ended; `problem` where it was not with 0. */
export type Ended = { readonly problem: string | null }

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

let running: ChildProcess | null = null
let told = false

const end = (): void => {
  told = true
  running?.kill("SIGTERM")
}

/** Whether somebody wants this process to end. */
export const isInterrupted = (): boolean => told

/** From now on a signal ends the program that runs, and not this process before it has cleaned up. */
export const minded = (): void => {
  for (const signal of signals) process.on(signal, end)
}

/** Runs a program to its end; one at a time. */
export const runChild = (
  [program, ...args]: readonly [string, ...ReadonlyArray<string>],
  options: SpawnOptions,
  onOutput: (text: string) => void = () => {}
): Promise<Ended> =>
  new Promise((done) => {
    if (told) return done({ problem: "it was interrupted" })
    const child = spawn(program, args, options)
    running = child
    const finish = (problem: string | null): void => {
      running = null
      done({ problem: told ? "it was interrupted" : problem })
    }
    child.stdout?.on("data", (bytes: Buffer) => onOutput(bytes.toString()))
    child.stderr?.on("data", (bytes: Buffer) => onOutput(bytes.toString()))
    child.on("error", (error) => finish(`it cannot be run: ${error.message}`))
    child.on("close", (code, signal) => finish(code === 0 ? null : `it ends with ${signal ?? code}`))
  })
