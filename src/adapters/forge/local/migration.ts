import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql"

/** Creates the local forge's tables, in SQL that SQLite and PostgreSQL share. */
export const migration: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Numbers come from here and not from max(number) + 1, so that none is ever given out again.
  yield* sql`CREATE TABLE forge_counters (
    name TEXT PRIMARY KEY,
    last BIGINT NOT NULL
  )`
  yield* sql`CREATE TABLE forge_issues (
    repository TEXT NOT NULL,
    number BIGINT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    closed_as TEXT,
    author TEXT NOT NULL,
    labels TEXT NOT NULL,
    assignees TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    comments BIGINT NOT NULL,
    changes BIGINT NOT NULL,
    PRIMARY KEY (repository, number)
  )`
  yield* sql`CREATE INDEX forge_issues_newest ON forge_issues (created_at)`
  yield* sql`CREATE TABLE forge_comments (
    id BIGINT PRIMARY KEY,
    repository TEXT NOT NULL,
    number BIGINT NOT NULL,
    body TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (repository, number) REFERENCES forge_issues (repository, number)
  )`
  yield* sql`CREATE INDEX forge_comments_issue ON forge_comments (repository, number, id)`
  yield* sql`CREATE TABLE forge_marks (
    key TEXT PRIMARY KEY,
    result TEXT NOT NULL,
    done_at BIGINT NOT NULL
  )`
})
