// Loaded into a daemon by `node --import`: measures how long its event loop is held. SIGUSR2 begins anew, and the next
// one writes what was measured to the file that SQUADRON_LOOP_DELAY names.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"

/** Milliseconds between two looks. */
const resolution = 1

const histogram = monitorEventLoopDelay({ resolution })
let begun: { readonly at: number; readonly cpu: NodeJS.CpuUsage } | null = null

const schedule = "/proc/thread-self/schedstat"
const knowsWaiting = existsSync(schedule)
/** Milliseconds for which this thread was ready to run so far, and other programs had the processors. */
const waited = (): number => (knowsWaiting ? Number(readFileSync(schedule, "utf8").split(" ")[1]) / 1e6 : Number.NaN)

let held = 0
/** Looks at each turn of the loop for how long it was held, without what it waited for a processor. */
const watch = (): void => {
  let last = { at: performance.now(), waited: waited() }
  setInterval(() => {
    const now = { at: performance.now(), waited: waited() }
    held = Math.max(held, now.at - last.at - resolution - (now.waited - last.waited))
    last = now
  }, resolution).unref()
}

process.on("SIGUSR2", () => {
  if (begun === null) {
    watch()
    begun = { at: performance.now(), cpu: process.cpuUsage() }
    histogram.enable()
    histogram.reset()
    return
  }
  histogram.disable()
  const { system, user } = process.cpuUsage(begun.cpu)
  const millis = (nanos: number) => Math.max(0, nanos / 1e6 - resolution)
  const figures = {
    max: millis(histogram.max),
    held: knowsWaiting ? held : Number.NaN,
    p999: millis(histogram.percentile(99.9)),
    p99: millis(histogram.percentile(99)),
    cpu: (user + system) / 1000,
    wall: performance.now() - begun.at
  }
  const file = process.env["SQUADRON_LOOP_DELAY"] ?? "loop-delay.json"
  // whoever waits for the file must not find half of it
  writeFileSync(`${file}.new`, JSON.stringify(figures))
  renameSync(`${file}.new`, file)
})
