import { appendFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as raw from "./raw.ts"
import * as squadron from "./squadron.ts"
import { type Job, pad, type Subject } from "./subject.ts"

/** One figure of one sample. */
export type Figures = { readonly [name: string]: number }

const agents = 100
const concurrency = 50

const percentile = (values: ReadonlyArray<number>, p: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0
}

const mib = (bytes: number): number => bytes / 1024 / 1024

/** W1: events in, through, and recorded. Also checks that nothing was lost, doubled or out of order. */
const throughput = async (subject: Subject, dir: string, events: number, prefill: number): Promise<Figures> => {
  const seen = Array.from({ length: agents }, () => 0)
  let handled = 0
  let wrong = 0
  const handle = await subject.open({
    dir, concurrency, prefill,
    onEvent: (job) => {
      handled++
      if (seen[job.agent] !== job.n) wrong++
      seen[job.agent] = job.n + 1
    }
  })
  const cpu = process.cpuUsage()
  const start = performance.now()
  await handle.produce({ events, agents, lanes: 64 })
  const published = performance.now()
  await handle.drained()
  const end = performance.now()
  const used = process.cpuUsage(cpu)
  const rss = mib(process.memoryUsage.rss())
  await handle.close()
  return {
    "publishes/s": events / (published - start) * 1000,
    "end to end/s": events / (end - start) * 1000,
    "cpu µs/event": (used.user + used.system) / events,
    "rss MiB": rss,
    "lost": events - handled,
    "twice or out of order": wrong
  }
}

/** LAT and W3: from the call of publish to the start of the handler. */
const latency = async (subject: Subject, dir: string, n: number, gap: () => number): Promise<Figures> => {
  const started = new Map<string, number>()
  const waits: Array<number> = []
  let arrived = () => {}
  const handle = await subject.open({
    dir, concurrency, prefill: 0,
    onEvent: (job) => {
      const at = started.get(job.key)
      if (at !== undefined) waits.push(performance.now() - at)
      arrived()
    }
  })
  for (let i = 0; i < n + 20; i++) {
    const job: Job = { key: `w3/${i}`, agent: i * 37 % agents, n: i, pad }
    const handled = new Promise<void>((resolve) => (arrived = resolve))
    await new Promise((resolve) => setTimeout(resolve, gap()))
    started.set(job.key, performance.now())
    await handle.publish(job)
    await handled
  }
  await handle.close()
  const measured = waits.slice(20)
  return { "p50 ms": percentile(measured, 0.5), "p99 ms": percentile(measured, 0.99) }
}

/** W4, the half that is killed, and the half that comes after it: each notes what it sees, line by line. */
const crash = async (subject: Subject, dir: string, phase: string, log: string): Promise<Figures> => {
  const note = (what: string, key: string) => appendFileSync(log, `${what} ${key} ${performance.timeOrigin + performance.now()}\n`)
  note("UP", phase)
  const handle = await subject.open({
    dir, concurrency, prefill: 0,
    onEvent: async (job) => {
      note("S", job.key)
      await new Promise((resolve) => setTimeout(resolve, 20))
      note("H", job.key)
    }
  })
  if (phase === "run") await handle.produce({ events: 20_000, agents, lanes: 64, onAccepted: (job) => note("A", job.key) })
  await handle.drained()
  note("D", phase)
  await handle.close()
  return {}
}

const [, , name, workload, size, extra, log] = process.argv
const subject = name === "raw" ? raw : squadron
const given = workload === "W4" ? extra?.split(":")[1] : undefined
const dir = given ?? mkdtempSync(join(tmpdir(), "squadron-bench-"))
const figures = workload === "W1"
  ? await throughput(subject, dir, Number(size), Number(extra ?? 0))
  : workload === "W3"
  ? await latency(subject, dir, Number(size), () => 20 + Number(process.hrtime.bigint() % 20n))
  : await crash(subject, dir, extra?.split(":")[0] ?? "run", log ?? "")
if (given === undefined) rmSync(dir, { recursive: true, force: true })
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exit(0)
