import { DatabaseSync } from "node:sqlite"
import { Effect, Layer, ManagedRuntime } from "effect"
import { event, EventBus, Harness, makeRole, makeSquad, Outcome, Squadron, squadronLayer } from "../../src/index.ts"
import { type Job, pad, type Subject, turnsOf } from "./subject.ts"

const completed = Outcome.cases.Completed.make({ evidence: { summary: "done" } })

/** Squadron as a library: SQLite with synchronous FULL, one role whose 100 agents sleep between their events. */
export const open: Subject["open"] = async ({ concurrency, dir, onEvent, prefill }) => {
  const base = makeRole({ name: "worker", harness: { _tag: "function", name: "work" }, on: [{ event: "custom" }], lifetime: "subject" })
  const squad = makeSquad({
    concurrency,
    roles: [{ ...base, limits: { ...base.limits, concurrency } }]
  })
  const harness = Harness.layerFunctions({
    work: ({ messages }) =>
      Effect.suspend(() => {
        const waits: Array<Promise<void>> = []
        for (const { event } of messages) {
          if (event.detail._tag !== "custom") continue
          const wait = onEvent(event.detail.payload as Job)
          if (wait !== undefined) waits.push(wait)
        }
        return waits.length === 0 ? Effect.succeed(completed) : Effect.as(Effect.promise(() => Promise.all(waits)), completed)
      })
  })
  const layer = squadronLayer({ squad, filename: `${dir}/squadron.db` }).pipe(Layer.provide(harness))
  if (prefill > 0) {
    const once = ManagedRuntime.make(layer)
    await once.runPromise(Effect.void)
    await once.dispose()
    fill(`${dir}/squadron.db`, prefill)
  }
  const runtime = ManagedRuntime.make(layer)
  const { bus, squadron } = await runtime.runPromise(Effect.all({ bus: EventBus, squadron: Squadron }))
  const publish = (job: Job) => bus.publish(draft(job))
  return {
    publish: (job) => runtime.runPromise(Effect.asVoid(publish(job))),
    produce: (load) => {
      const turns = turnsOf(load)
      const lane = Effect.gen(function*() {
        for (let job = turns.next(); job !== null; job = turns.next()) {
          yield* publish(job)
          load.onAccepted?.(job)
          turns.done(job)
        }
      })
      return runtime.runPromise(Effect.all(Array.from({ length: load.lanes }, () => lane), { concurrency: "unbounded", discard: true }))
    },
    drained: () => runtime.runPromise(squadron.idle),
    close: () => runtime.dispose()
  }
}

const draft = (job: Job) =>
  event({ key: job.key, name: "work", repository: "bench/bench", issue: job.agent + 1, payload: job })

/** Finished work as it lies in the store: an event, a read message, a closed run and two journal lines for each. */
const fill = (filename: string, count: number) => {
  const db = new DatabaseSync(filename)
  const events = db.prepare("INSERT INTO events (key, type, subject, at, body) VALUES (?, 'custom', ?, 0, ?)")
  const messages = db.prepare("INSERT INTO messages (agent, kind, event, status, text, reason) VALUES (?, 'event', ?, 'read', '', '')")
  const runs = db.prepare("INSERT INTO runs (agent, body) VALUES (?, ?)")
  const journal = db.prepare("INSERT INTO journal (kind, at, event, agent, text, verdicts) VALUES (?, 0, ?, ?, ?, '')")
  db.exec("BEGIN")
  for (let i = 0; i < count; i++) {
    const agent = `worker-${i % 100 + 1}-e${i % 100 + 1}`
    const body = JSON.stringify(draft({ key: `finished/${i}`, agent: i % 100, n: i, pad }))
    const seq = Number(events.run(`finished/${i}`, `bench/bench#${i % 100 + 1}`, body).lastInsertRowid)
    messages.run(agent, seq)
    runs.run(agent, JSON.stringify({ id: `${agent}/${i}`, agent, n: i, openedAt: 0, closedAt: 0, turns: 1, outcome: completed, transcript: "", exit: null, stderr: "" }))
    journal.run("event.routed", seq, agent, `custom on bench/bench#${i % 100 + 1}: ${agent} wakes`)
    journal.run("run.ended", null, agent, "run 1 → sleeping: done")
  }
  db.prepare("UPDATE cursors SET seq = (SELECT max(seq) FROM events)").run()
  db.exec("COMMIT")
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  db.close()
}
