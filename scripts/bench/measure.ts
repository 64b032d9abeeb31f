import { appendFileSync } from "node:fs"
import { agents, type Handle, type Job, makeJob, type Subject } from "./subject.ts"

/** What one sample came to, by name. */
export type Figures = { readonly [name: string]: number }

const concurrency = 50
const lanes = 64
const warmUp = 20

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const percentile = (values: ReadonlyArray<number>, p: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

const mib = (bytes: number): number => bytes / 1024 / 1024

/** Events in, through, and recorded; checks that nothing was lost, doubled or out of order. */
export const throughput = async (subject: Subject, dir: string, events: number): Promise<Figures> => {
  const next = Array.from({ length: agents }, () => 0)
  let handled = 0
  let wrong = 0
  const handle = await subject.open({
    dir,
    concurrency,
    handle: (jobs) => {
      for (const job of jobs) {
        handled++
        if (next[job.agent] !== job.n) wrong++
        next[job.agent] = job.n + 1
      }
    }
  })
  const cpu = process.cpuUsage()
  const start = performance.now()
  await handle.produce({ events, agents, lanes })
  const published = performance.now()
  await handle.drained()
  const end = performance.now()
  const used = process.cpuUsage(cpu)
  const rss = mib(process.memoryUsage.rss())
  await handle.close()
  return {
    publishes: (events / (published - start)) * 1000,
    endToEnd: (events / (end - start)) * 1000,
    cpu: (used.user + used.system) / events,
    rss,
    lost: Math.max(0, events - handled),
    wrong
  }
}

/** From the call of publish to the start of the handler. */
const stopwatch = async (subject: Subject, dir: string) => {
  const started = new Map<string, number>()
  const waits = new Map<string, number>()
  let handled = () => {}
  const handle: Handle = await subject.open({
    dir,
    concurrency,
    handle: (jobs) => {
      const now = performance.now()
      for (const { key } of jobs) waits.set(key, now - (started.get(key) ?? Number.NaN))
      handled()
    }
  })
  // the first event of each agent brings it to life; that is not what is measured
  for (let agent = 0; agent < agents; agent++) await handle.publish(makeJob(agent, 0, "first/"))
  await handle.drained()
  const publish = (job: Job): Promise<void> => {
    started.set(job.key, performance.now())
    return handle.publish(job)
  }
  return {
    publish,
    /** Publishes, and waits until the handler has started. */
    publishAndWait: async (job: Job) => {
      const done = new Promise<void>((resolve) => (handled = resolve))
      await publish(job)
      await done
    },
    figures: async (jobs: ReadonlyArray<Job>): Promise<Figures> => {
      await handle.drained()
      await handle.close()
      const measured = jobs.flatMap(({ key }) => waits.get(key) ?? [])
      return { p50: percentile(measured, 0.5), p99: percentile(measured, 0.99), lost: jobs.length - measured.length }
    }
  }
}

/** One event to one idle agent, while nothing else happens. */
export const wake = async (subject: Subject, dir: string, times: number): Promise<Figures> => {
  const watch = await stopwatch(subject, dir)
  const jobs = Array.from({ length: warmUp + times }, (_, i) => makeJob((i * 37) % agents, i + 1))
  for (const [i, job] of jobs.entries()) {
    await watch.publishAndWait(job)
    // the pauses differ, so that they keep no step with anything
    await sleep(20 + ((i * 7) % 20))
  }
  return watch.figures(jobs.slice(warmUp))
}

/** A fixed number of events a second, whether the ones before are done or not. */
export const steady = async (subject: Subject, dir: string, perSecond: number, seconds: number): Promise<Figures> => {
  const watch = await stopwatch(subject, dir)
  const jobs = Array.from({ length: perSecond * seconds }, (_, i) => makeJob((i * 37) % agents, i + 1))
  const pending: Array<Promise<void>> = []
  const start = performance.now()
  for (const [i, job] of jobs.entries()) {
    const due = start + (i * 1000) / perSecond
    if (due > performance.now()) await sleep(Math.max(1, due - performance.now()))
    pending.push(watch.publish(job))
  }
  await Promise.all(pending)
  return watch.figures(jobs)
}

/** What a store with idle agents costs a process that has started on it and handled one event. */
export const sleepers = async (subject: Subject, dir: string): Promise<Figures> => {
  let handled = () => {}
  const done = new Promise<void>((resolve) => (handled = resolve))
  const start = performance.now()
  const handle = await subject.open({ dir, concurrency, counting: true, handle: () => handled() })
  const opened = performance.now()
  await handle.publish(makeJob(41, 0))
  await done
  const end = performance.now()
  await sleep(200)
  globalThis.gc?.()
  const figures = {
    start: opened - start,
    wake: end - opened,
    rss: mib(process.memoryUsage.rss()),
    fibers: handle.fibers()
  }
  await handle.close()
  return figures
}

/**
 * The half that is killed, and the half that comes after it. Each line of the log is `<what> <key> <ms since 1970>`:
 * UP, A accepted, S a handler has begun an event, W its work on it is over, H the handler has returned, D all done.
 */
export const crash = async (subject: Subject, dir: string, log: string, events: number): Promise<Figures> => {
  const note = (what: string, key: string) =>
    appendFileSync(log, `${what} ${key} ${performance.timeOrigin + performance.now()}\n`)
  note("UP", "-")
  const handle = await subject.open({
    dir,
    concurrency,
    handle: async (jobs) => {
      for (const { key } of jobs) {
        note("S", key)
        await sleep(20)
        note("W", key)
      }
      for (const { key } of jobs) note("H", key)
    }
  })
  if (events > 0) await handle.produce({ events, agents, lanes, onAccepted: (job) => note("A", job.key) })
  await handle.drained()
  note("D", "-")
  await handle.close()
  return {}
}
