import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, copyFileSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Figures } from "./measure.ts"
import type { Sample } from "./sample.ts"

const program = fileURLToPath(new URL("./sample.ts", import.meta.url))
const running = new Set<ChildProcess>()
let root: string | undefined
let folders = 0

/** Ends what runs and removes all that was written. */
export const cleanUp = () => {
  for (const child of running) child.kill("SIGKILL")
  if (root !== undefined) rmSync(root, { recursive: true, force: true, maxRetries: 5 })
}

/** A new empty folder; gone at the end at the latest. */
export const folder = (): string => {
  root ??= mkdtempSync(join(tmpdir(), "squadron-bench-"))
  const path = join(root, String(++folders))
  mkdirSync(path)
  return path
}

export const discard = (path: string) => rmSync(path, { recursive: true, force: true })

/** A copy of a filled store, on the disk and not only on its way there. */
export const copyOf = (template: string): string => {
  const path = folder()
  for (const name of readdirSync(template)) {
    copyFileSync(join(template, name), join(path, name))
    const file = openSync(join(path, name), "r+")
    fsyncSync(file)
    closeSync(file)
  }
  return path
}

/** Starts a sample; `figures` fails where it does not end by itself within `limit` milliseconds. */
export const start = (sample: Sample, limit = 600_000) => {
  const child = spawn(process.execPath, ["--expose-gc", program, JSON.stringify(sample)], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  running.add(child)
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
  const timer = setTimeout(() => child.kill("SIGKILL"), limit)
  const ended = new Promise<{ readonly code: number | null; readonly output: string }>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ code, output })
    })
  })
  return { ended, kill: () => child.kill("SIGKILL") }
}

/** One sample from start to end. */
export const measure = async (sample: Sample): Promise<Figures> => {
  const { code, output } = await start(sample).ended
  const figures = output.trimEnd().split("\n").at(-1)
  if (code !== 0 || figures === undefined) {
    throw new Error(`The sample ${sample.task} of ${sample.subject} ended with code ${code}`)
  }
  return JSON.parse(figures)
}
