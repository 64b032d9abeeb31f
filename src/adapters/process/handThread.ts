// Runs in a thread of its own, since starting a process holds the thread that does it until the new one has begun.
import { spawn } from "node:child_process"
import { parentPort } from "node:worker_threads"
import { processTable } from "../harness/ProcessTable.ts"
import { lowerPriority } from "./lowerPriority.ts"
import { type Begun, outputWindow, readStep, type Source, type Start, weigh } from "./handMessages.ts"

/** What the hand is asked for. */
export type Asked = { readonly id: number } & (
  | { readonly start: Start }
  | { readonly input: Uint8Array }
  | { readonly inputEnds: true }
  /** So much of its output was taken, by weight. */
  | { readonly taken: number; readonly source: Source }
  | { readonly release: true }
)

/** What it tells: that the program has begun or could not, what it prints, how much of its input it took, its end. */
export type Told = { readonly id: number } & (
  | { readonly begun: Begun }
  | { readonly refused: string; readonly code: string }
  | { readonly output: Uint8Array; readonly source: Source }
  | { readonly outputEnds: true }
  /** Bytes. */
  | { readonly read: number }
  | { readonly inputClosed: true }
  | { readonly code: number | null; readonly signal: string | null }
  | { readonly closed: true }
)

type Held = {
  readonly input: (bytes: Uint8Array) => void
  readonly inputEnds: () => void
  readonly taken: (weight: number, source: Source) => void
  readonly release: () => void
}

const held = new Map<number, Held>()
const ignore = (): void => {}

const tell = (told: Told): void => {
  if (!("output" in told)) return void parentPort?.postMessage(told, [])
  const { buffer, byteLength } = told.output
  // a small piece may lie in a buffer that others use too
  const output = byteLength === buffer.byteLength ? told.output : new Uint8Array(told.output)
  parentPort?.postMessage({ ...told, output }, [output.buffer as ArrayBuffer])
}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : String(cause)

const begin = (id: number, { args, cwd, env, input, program }: Start): void => {
  const refuse = (cause: unknown): void =>
    tell({ id, refused: cause instanceof Error ? cause.message : String(cause), code: codeOf(cause) })
  let child
  try {
    // a session and a group of its own, so that one signal reaches all of it and none of us
    child = spawn(program, args, { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] })
  } catch (cause) {
    return refuse(cause)
  }
  if (child.pid === undefined) return void child.once("error", refuse)
  // In the same tick as the start: until this tick ends, even a program that is through already has its entry.
  const { order, startTime } = processTable.find(child.pid) ?? { order: 0, startTime: "gone" }
  lowerPriority(child.pid)
  tell({ id, begun: { pid: child.pid, startTime, order } })

  const { stderr, stdin, stdout } = child
  const pipes = { stdout, stderr }
  const underway = { stdout: 0, stderr: 0 }
  // stays for good: a later error, such as a pipe that the program closed, is told by its exit
  for (const emitter of [child, stdin, stdout, stderr]) emitter.on("error", ignore)
  for (const source of ["stdout", "stderr"] as const) {
    pipes[source].on("data", (bytes: Uint8Array) => {
      underway[source] += weigh(bytes)
      if (underway[source] >= outputWindow) pipes[source].pause()
      tell({ id, output: bytes, source })
    })
  }
  stdout.once("end", () => tell({ id, outputEnds: true }))
  stdin.once("close", () => tell({ id, inputClosed: true }))
  child.once("exit", (code, signal) => tell({ id, code, signal }))
  child.once("close", () => {
    held.delete(id)
    tell({ id, closed: true })
  })

  let read = 0
  held.set(id, {
    input: (bytes) => {
      if (!stdin.writable) return
      stdin.write(bytes, () => {
        read += bytes.byteLength
        if (read < readStep) return
        tell({ id, read })
        read = 0
      })
    },
    inputEnds: () => void stdin.end(),
    taken: (weight, source) => {
      underway[source] -= weight
      if (underway[source] < outputWindow) pipes[source].resume()
    },
    release: () => {
      for (const pipe of [stdin, stdout, stderr]) pipe.destroy()
    }
  })
  if (input !== null) stdin.end(input, "latin1")
}

parentPort?.on("message", (asked: Asked) => {
  if ("start" in asked) return begin(asked.id, asked.start)
  const program = held.get(asked.id)
  if ("input" in asked) program?.input(asked.input)
  else if ("inputEnds" in asked) program?.inputEnds()
  else if ("taken" in asked) program?.taken(asked.taken, asked.source)
  else program?.release()
})
