import { DatabaseSync } from "node:sqlite"
import { agents, type Job, makeJob, produce, type Subject } from "./subject.ts"

type Write = {
  readonly insert: Job | null
  readonly done: number
  readonly resolve: (seq: number) => void
}

const database = (dir: string): DatabaseSync => {
  const db = new DatabaseSync(`${dir}/raw.db`)
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, agent INTEGER NOT NULL,
      payload TEXT NOT NULL, status INTEGER NOT NULL DEFAULT 0, done_at INTEGER);
    CREATE INDEX IF NOT EXISTS pending ON events (agent, seq) WHERE status = 0;`)
  return db
}

const fillFinished: Subject["fillFinished"] = async (dir, count) => {
  const db = database(dir)
  const finished = db.prepare("INSERT INTO events (key, agent, payload, status, done_at) VALUES (?, ?, ?, 1, 0)")
  db.exec("BEGIN")
  for (let i = 0; i < count; i++) {
    const job = makeJob(i % agents, i, "finished/")
    finished.run(job.key, job.agent, JSON.stringify(job))
  }
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
  db.close()
}

/** An idle agent is nothing at all here. */
const fillSleepers: Subject["fillSleepers"] = async () => {}

/**
 * The limit that Squadron is measured beside: node:sqlite on the main thread, WAL, synchronous FULL, one transaction
 * for all that is pending in a turn of the event loop, promise inboxes, permits as a counter. It does the least that
 * the work demands: one row inserted and one updated per event; no routing, no outcomes, no journal.
 */
const open: Subject["open"] = async ({ concurrency, dir, handle }) => {
  const db = database(dir)
  const insert = db.prepare("INSERT INTO events (key, agent, payload, status) VALUES (?, ?, ?, 0)")
  const update = db.prepare("UPDATE events SET status = 1, done_at = ? WHERE seq = ?")
  const begin = db.prepare("BEGIN IMMEDIATE")
  const commit = db.prepare("COMMIT")
  let queue: Array<Write> = []
  let scheduled = false
  let unfinished = 0
  let drained = () => {}
  const flush = () => {
    scheduled = false
    const batch = queue
    queue = []
    begin.run()
    const seqs = batch.map((write) => {
      if (write.insert === null) {
        update.run(Date.now(), write.done)
        return write.done
      }
      return Number(insert.run(write.insert.key, write.insert.agent, JSON.stringify(write.insert)).lastInsertRowid)
    })
    commit.run()
    batch.forEach((write, i) => write.resolve(seqs[i] ?? 0))
  }
  const write = (one: Job | null, done: number): Promise<number> =>
    new Promise((resolve) => {
      queue.push({ insert: one, done, resolve })
      if (!scheduled) {
        scheduled = true
        setImmediate(flush)
      }
    })

  let permits = concurrency
  const waiting: Array<() => void> = []
  const inboxes = new Map<number, Array<{ readonly seq: number; readonly job: Job }>>()
  const active = new Set<number>()
  const work = async (agent: number) => {
    const inbox = inboxes.get(agent) ?? []
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      if (permits > 0) permits--
      else await new Promise<void>((resolve) => waiting.push(resolve))
      await handle([next.job])
      await write(null, next.seq)
      const waiter = waiting.shift()
      if (waiter === undefined) permits++
      else waiter()
      if (--unfinished === 0) drained()
    }
    active.delete(agent)
  }
  const deliver = (seq: number, job: Job) => {
    const inbox = inboxes.get(job.agent)
    if (inbox === undefined) inboxes.set(job.agent, [{ seq, job }])
    else inbox.push({ seq, job })
    if (!active.has(job.agent)) {
      active.add(job.agent)
      void work(job.agent)
    }
  }
  for (const row of db.prepare("SELECT seq, payload FROM events WHERE status = 0 ORDER BY seq").all()) {
    unfinished++
    deliver(Number(row["seq"]), JSON.parse(String(row["payload"])))
  }
  const publish = async (job: Job) => {
    unfinished++
    deliver(await write(job, 0), job)
  }
  return {
    publish,
    produce: (load) => produce(publish, load),
    drained: () => (unfinished === 0 ? Promise.resolve() : new Promise((resolve) => (drained = resolve))),
    fibers: () => 0,
    close: async () => db.close()
  }
}

export const raw: Subject = { open, fillFinished, fillSleepers }
