import { existsSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { discard, folder, start } from "./child.ts"
import type { Figures } from "./measure.ts"
import type { Sample } from "./sample.ts"

type Line = { readonly what: string; readonly key: string; readonly at: number }

const linesOf = (file: string): ReadonlyArray<Line> => {
  if (!existsSync(file)) return []
  // what a killed process wrote last may be half a line
  const whole = readFileSync(file, "utf8").split("\n").slice(0, -1)
  return whole.map((line) => {
    const [what = "", key = "", at = ""] = line.split(" ")
    return { what, key, at: Number(at) }
  })
}

const keysOf = (lines: ReadonlyArray<Line>, what: string): ReadonlyArray<string> =>
  lines.filter((line) => line.what === what).map((line) => line.key)

const repeated = (keys: ReadonlyArray<string>): number => keys.length - new Set(keys).size

/** Kills a process in the middle of its load, starts it again, and compares what both halves saw. */
export const crashAndRestart = async (
  subject: Sample["subject"],
  options: { readonly events: number; readonly killAfter: number; readonly patience: number }
): Promise<Figures> => {
  const dir = folder()
  const [before, after] = [`${dir}/before.log`, `${dir}/after.log`]
  const first = start({ subject, dir, task: "crash", log: before, events: options.events })
  let over = false
  void first.ended.then(() => (over = true))
  while (keysOf(linesOf(before), "A").length < options.killAfter) {
    if (over) throw new Error(`${subject} ended before it could be killed`)
    await sleep(25)
  }
  first.kill()
  await first.ended

  const restarted = Date.now()
  await start({ subject, dir, task: "crash", log: after, events: 0 }, options.patience).ended
  const [killed, recovered] = [linesOf(before), linesOf(after)]
  discard(dir)
  const all = [...killed, ...recovered]
  const accepted = keysOf(killed, "A")
  const handled = new Set(keysOf(all, "H"))
  const handledBefore = new Set(keysOf(killed, "H"))
  const since = (what: string) => (recovered.find((line) => line.what === what)?.at ?? Number.NaN) - restarted
  return {
    accepted: accepted.length,
    waiting: accepted.filter((key) => !handledBefore.has(key)).length,
    lost: accepted.filter((key) => !handled.has(key)).length,
    handledTwice: repeated(keysOf(all, "H")),
    workedTwice: repeated(keysOf(all, "W")),
    startedAgain: repeated(keysOf(all, "S")),
    up: since("UP"),
    firstHandler: since("S"),
    done: since("D")
  }
}
