import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** The tables of the core, in SQL that SQLite and PostgreSQL both take; only the columns that number differ. */
export const migration = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const text = (sqlite: string, other: string) =>
    sql.literal(sql.onDialectOrElse({ sqlite: () => sqlite, orElse: () => other }))
  // SQLite stores rows by a column of exactly this type
  const numbered = text("INTEGER PRIMARY KEY", "BIGINT PRIMARY KEY")
  // AUTOINCREMENT: a number is never used again
  const identity = text("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
  yield* sql`CREATE TABLE events (
    seq ${numbered}, key TEXT NOT NULL UNIQUE, type TEXT NOT NULL, subject TEXT NOT NULL, at BIGINT NOT NULL,
    body TEXT NOT NULL)`
  yield* sql`CREATE TABLE cursors (name TEXT PRIMARY KEY, seq BIGINT NOT NULL)`
  yield* sql`INSERT INTO cursors (name, seq) VALUES ('router', 0)`
  yield* sql`CREATE TABLE agents (
    id TEXT PRIMARY KEY, role TEXT NOT NULL, subject TEXT NOT NULL, repository TEXT NOT NULL, kind TEXT NOT NULL,
    number BIGINT NOT NULL, status TEXT NOT NULL, version BIGINT NOT NULL, priority BIGINT NOT NULL,
    unread BIGINT NOT NULL, since BIGINT NOT NULL, created_at BIGINT NOT NULL, state TEXT NOT NULL,
    first_message BIGINT NOT NULL, last_message BIGINT NOT NULL, first_journal BIGINT NOT NULL,
    last_journal BIGINT NOT NULL, first_run BIGINT NOT NULL, last_run BIGINT NOT NULL)`
  yield* sql`CREATE UNIQUE INDEX agents_live ON agents (subject, role) WHERE status NOT IN ('done', 'cancelled')`
  yield* sql`CREATE INDEX agents_ready ON agents (priority DESC, since) WHERE status = 'ready'`
  yield* sql`CREATE INDEX agents_running ON agents (since) WHERE status = 'running'`
  yield* sql`CREATE INDEX agents_blocked ON agents (since) WHERE status = 'blocked'`
  yield* sql`CREATE INDEX agents_created ON agents (created_at)`
  yield* sql`CREATE TABLE messages (
    id ${numbered}, agent TEXT NOT NULL, kind TEXT NOT NULL, event BIGINT NOT NULL, status TEXT NOT NULL,
    text TEXT NOT NULL, reason TEXT NOT NULL)`
  // only what is not read yet: an index over all would touch a page of its own for each agent at each commit
  yield* sql`CREATE INDEX messages_unread ON messages (agent, id) WHERE status = 'unread'`
  yield* sql`CREATE INDEX messages_set_aside ON messages (agent, id) WHERE status = 'set_aside'`
  yield* sql`CREATE TABLE runs (id ${numbered}, agent TEXT NOT NULL, body TEXT NOT NULL)`
  yield* sql`CREATE TABLE actions (
    id ${identity}, key TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, agent TEXT, status TEXT NOT NULL,
    attempts BIGINT NOT NULL, error TEXT NOT NULL, body TEXT NOT NULL)`
  yield* sql`CREATE INDEX actions_queued ON actions (id) WHERE status = 'queued'`
  yield* sql`CREATE INDEX actions_failed ON actions (id) WHERE status = 'failed'`
  yield* sql`CREATE INDEX actions_agent ON actions (agent, id)`
  yield* sql`CREATE TABLE timers (agent TEXT PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, due_at BIGINT NOT NULL)`
  yield* sql`CREATE INDEX timers_due ON timers (due_at)`
  yield* sql`CREATE TABLE journal (
    id ${numbered}, kind TEXT NOT NULL, at BIGINT NOT NULL, event BIGINT, agent TEXT, text TEXT NOT NULL,
    verdicts TEXT NOT NULL)`
  yield* sql`CREATE INDEX journal_event ON journal (event) WHERE event IS NOT NULL`
  // the two kinds that come with every event are found by the numbers that their agent's row keeps
  yield* sql`CREATE INDEX journal_agent ON journal (agent, id) WHERE kind NOT IN ('event.routed', 'run.ended')`
})
