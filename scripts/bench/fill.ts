import { DatabaseSync } from "node:sqlite"
import {
  agentCells,
  agentColumns,
  eventCells,
  eventColumns,
  journalColumns,
  messageColumns,
  spanColumns
} from "../../src/adapters/sql/rows.ts"
import { beginning, sealColumns, sealing } from "../../src/adapters/sql/seals.ts"
import { type Agent, type EventDraft, type Run, Subject } from "../../src/index.ts"
import { agentId, noCounts } from "../../src/domain/Agent.ts"
import { agents, type Job, makeJob } from "./subject.ts"

const insert = (db: DatabaseSync, table: string, columns: ReadonlyArray<string>) =>
  db.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`)

/** The agent of issue `number`, which event `number` brought to life and which sleeps since its last run. */
const sleeper = (number: number, runs: number): Agent => {
  const subject = Subject.issue("bench/bench", number)
  return {
    id: agentId("worker", subject, number),
    role: "worker",
    subject,
    status: "sleeping",
    version: 1 + 3 * runs,
    priority: 0,
    unread: 0,
    setAside: 0,
    timer: null,
    counters: { ...noCounts, runs },
    blockedOn: [],
    note: "",
    session: null,
    fingerprint: null,
    pullRequest: null,
    branch: null,
    vouchedAt: null,
    approved: [],
    depth: 0,
    createdAt: 0,
    since: 0
  }
}

const inOneTransaction = (filename: string, body: (db: DatabaseSync) => void) => {
  const db = new DatabaseSync(filename)
  db.exec("PRAGMA cache_size = -262144; BEGIN")
  body(db)
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
  db.close()
}

/** Sleeping agents, each on an issue of its own. */
export const insertSleepers = (filename: string, count: number) =>
  inOneTransaction(filename, (db) => {
    const row = insert(db, "agents", [...agentColumns, ...spanColumns])
    for (let number = 1; number <= count; number++) row.run(...agentCells(sleeper(number, 1)), 0, 0, 0, 0, 0, 0)
    // event numbers that these agents' ids name are not given again
    db.prepare("UPDATE cursors SET seq = ?").run(count)
  })

/**
 * Finished work as it lies in the store, of 100 sleeping agents: for each event the event itself, a read message, a
 * closed run and two journal lines.
 */
export const insertFinished = (filename: string, count: number, draft: (job: Job) => EventDraft) =>
  inOneTransaction(filename, (db) => {
    const events = insert(db, "events", eventColumns)
    const messages = insert(db, "messages", messageColumns)
    const runs = insert(db, "runs", ["id", "agent", "body"])
    const journal = insert(db, "journal", journalColumns)
    const seal = sealing(beginning)
    const line = (...cells: ReadonlyArray<string | number | null>) => {
      journal.run(...cells)
      seal.add(cells)
    }
    for (let i = 0; i < count; i++) {
      const number = (i % agents) + 1
      const { id } = sleeper(number, 0)
      const n = Math.floor(i / agents) + 1
      const run: Run = {
        id: `${id}/${n}`,
        agent: id,
        n,
        openedAt: 0,
        closedAt: 0,
        turns: 1,
        outcome: { _tag: "Completed", evidence: { summary: "done" } },
        transcript: "",
        exit: null,
        stderr: ""
      }
      events.run(...eventCells(i + 1, draft(makeJob(i % agents, i, "finished/"))))
      messages.run(i + 1, id, "event", i + 1, "read", "", "")
      runs.run(i + 1, id, JSON.stringify(run))
      line(2 * i + 1, "event.routed", 0, i + 1, id, `custom on bench/bench#${number}: ${id} wakes`, "")
      line(2 * i + 2, "run.ended", 0, null, id, `run ${n} → sleeping: done`, "")
    }
    if (count > 0) insert(db, "journal_seals", sealColumns).run(2 * count, seal.end())
    const row = insert(db, "agents", [...agentColumns, ...spanColumns])
    for (let number = 1; number <= agents; number++) {
      const span = [0, count, 0, 2 * count, 0, count]
      row.run(...agentCells(sleeper(number, Math.ceil(count / agents))), ...span)
    }
    db.prepare("UPDATE cursors SET seq = ?").run(count)
  })
