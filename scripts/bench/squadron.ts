import { Effect, Layer, ManagedRuntime, Metric } from "effect"
import { event, EventBus, Harness, makeRole, makeSquad, Outcome, Squadron, squadronLayer } from "../../src/index.ts"
import { insertFinished, insertSleepers } from "./fill.ts"
import { type Job, type Subject, turnsOf } from "./subject.ts"

const completed = Outcome.cases.Completed.make({ evidence: { summary: "done" } })

const draft = (job: Job) =>
  event({ key: job.key, name: "work", repository: "bench/bench", issue: job.agent + 1, payload: job })

type Options = Parameters<Subject["open"]>[0]

/** Squadron as a library: SQLite with synchronous FULL, one role whose agents sleep between their events. */
const layerFor = ({ concurrency, dir, handle }: Options) => {
  const base = makeRole({
    name: "worker",
    harness: { _tag: "function", name: "work" },
    on: [{ event: "custom" }],
    lifetime: "subject"
  })
  const squad = makeSquad({ concurrency, roles: [{ ...base, limits: { ...base.limits, concurrency } }] })
  const harness = Harness.layerFunctions({
    work: ({ messages }) =>
      Effect.suspend(() => {
        const jobs: Array<Job> = []
        for (const { event } of messages) {
          if (event.detail._tag === "custom") jobs.push(event.detail.payload as Job)
        }
        const working = handle(jobs)
        return working === undefined
          ? Effect.succeed(completed)
          : Effect.as(
              Effect.promise(() => working),
              completed
            )
      })
  })
  return squadronLayer({ squad, filename: `${dir}/squadron.db` }).pipe(Layer.provide(harness))
}

const open: Subject["open"] = async (options) => {
  let fibers = 0
  const counter: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => fibers++,
    recordFiberEnd: () => fibers--
  }
  const counted = Layer.succeed(Metric.FiberRuntimeMetrics)(options.counting === true ? counter : undefined)
  const runtime = ManagedRuntime.make(layerFor(options).pipe(Layer.provide(counted)))
  const { bus, squadron } = await runtime.runPromise(Effect.all({ bus: EventBus, squadron: Squadron }))
  return {
    publish: (job) => runtime.runPromise(Effect.asVoid(bus.publish(draft(job)))),
    produce: (load) => {
      const turns = turnsOf(load)
      const lane = Effect.gen(function* () {
        for (let job = turns.next(); job !== null; job = turns.next()) {
          yield* bus.publish(draft(job))
          load.onAccepted?.(job)
          turns.done(job)
        }
      })
      return runtime.runPromise(
        Effect.all(
          Array.from({ length: load.lanes }, () => lane),
          { concurrency: "unbounded", discard: true }
        )
      )
    },
    drained: () => runtime.runPromise(squadron.idle),
    fibers: () => fibers,
    close: () => runtime.dispose()
  }
}

const created = async (dir: string): Promise<string> => {
  const runtime = ManagedRuntime.make(layerFor({ dir, concurrency: 1, handle: () => {} }))
  await runtime.runPromise(Effect.void)
  await runtime.dispose()
  return `${dir}/squadron.db`
}

const fillFinished: Subject["fillFinished"] = async (dir, count) => insertFinished(await created(dir), count, draft)

const fillSleepers: Subject["fillSleepers"] = async (dir, count) => insertSleepers(await created(dir), count)

export const squadron: Subject = { open, fillFinished, fillSleepers }
