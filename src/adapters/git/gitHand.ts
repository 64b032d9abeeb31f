// Runs in a thread of its own, since starting a process holds the thread that does it until the new one has begun.
import { spawn } from "node:child_process"
import { parentPort } from "node:worker_threads"
import { lowerPriority } from "../process/lowerPriority.ts"

/** What the hand is asked for: a process to start. */
export type Asked = {
  readonly id: number
  readonly args: ReadonlyArray<string>
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
  /** Bytes, one a character. */
  readonly input: string
}

/** What it tells: that the process has begun or could not, what it prints, and its end. */
export type Told = { readonly id: number } & (
  | { readonly begun: number }
  | { readonly refused: string }
  | { readonly stdout: Uint8Array }
  | { readonly stderr: Uint8Array }
  | { readonly code: number | null; readonly signal: string | null }
)

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
const tell = (told: Told): void => parentPort?.postMessage(told)
const noop = (): void => {}

parentPort?.on("message", ({ args, cwd, env, id, input }: Asked) => {
  const refuse = (cause: unknown): void => tell({ id, refused: cause instanceof Error ? cause.message : String(cause) })
  try {
    // a group of its own, so that one signal reaches all that it starts
    const child = spawn("git", args, { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] })
    if (child.pid === undefined) return void child.once("error", refuse)
    lowerPriority(child.pid)
    tell({ id, begun: child.pid })
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on("error", noop)
    child.on("error", noop)
    child.stdout.on("data", (bytes: Uint8Array) => tell({ id, stdout: bytes }))
    child.stderr.on("data", (bytes: Uint8Array) => tell({ id, stderr: bytes }))
    child.once("close", (code, signal) => tell({ id, code, signal }))
    child.stdin.end(input, "latin1")
  } catch (cause) {
    refuse(cause)
  }
})
