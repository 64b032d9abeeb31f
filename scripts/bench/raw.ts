import { DatabaseSync } from "node:sqlite"
import { type Job, pad, produce, type Subject } from "./subject.ts"

type Write = {
  readonly insert: Job | null
  readonly done: number
  readonly resolve: (seq: number) => void
}

/**
 * The limit that Squadron is measured beside: node:sqlite on the main thread, WAL, synchronous FULL, one transaction
 * for all that is pending in a turn of the event loop, promise inboxes, permits as a counter. It does the least that
 * the work demands: one row inserted and one updated per event; no routing, no outcomes, no journal.
 */
export const open: Subject["open"] = async ({ concurrency, dir, onEvent, prefill }) => {
  const db = new DatabaseSync(`${dir}/raw.db`)
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, agent INTEGER NOT NULL,
      payload TEXT NOT NULL, status INTEGER NOT NULL DEFAULT 0, done_at INTEGER);
    CREATE INDEX IF NOT EXISTS pending ON events (agent, seq) WHERE status = 0;`)
  const insert = db.prepare("INSERT INTO events (key, agent, payload, status) VALUES (?, ?, ?, 0)")
  const update = db.prepare("UPDATE events SET status = 1, done_at = ? WHERE seq = ?")
  if (prefill > 0) {
    const finished = db.prepare("INSERT INTO events (key, agent, payload, status, done_at) VALUES (?, ?, ?, 1, 0)")
    db.exec("BEGIN")
    const payload = JSON.stringify({ pad })
    for (let i = 0; i < prefill; i++) finished.run(`finished/${i}`, i % 100, payload)
    db.exec("COMMIT")
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  }
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
      await onEvent(next.job)
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
    const seq = await write(job, 0)
    deliver(seq, job)
  }
  return {
    publish,
    produce: (load) => produce(publish, load),
    drained: () => unfinished === 0 ? Promise.resolve() : new Promise((resolve) => (drained = resolve)),
    close: async () => db.close()
  }
}
