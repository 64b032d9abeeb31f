import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql"

/** Adds pull requests to the local forge's tables, and who changed a text. */
export const migration: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const table of ["forge_issues", "forge_comments"]) {
    yield* sql`ALTER TABLE ${sql(table)} ADD COLUMN agent TEXT`
    yield* sql`ALTER TABLE ${sql(table)} ADD COLUMN editors TEXT NOT NULL DEFAULT '[]'`
    yield* sql`ALTER TABLE ${sql(table)} ADD COLUMN edited_at BIGINT`
    // What agents wrote before must not pass for a person's words.
    yield* sql`UPDATE ${sql(table)} SET agent = author
      WHERE author = 'squadron' OR author IN (SELECT id FROM agents)`
  }
  // A pull request is an issue with a row here, so that both share numbers, texts, labels and comments.
  yield* sql`CREATE TABLE forge_pulls (
    repository TEXT NOT NULL,
    number BIGINT NOT NULL,
    draft BIGINT NOT NULL,
    merged BIGINT NOT NULL,
    merge_commit TEXT,
    head_ref TEXT NOT NULL,
    head_sha TEXT NOT NULL,
    base_ref TEXT NOT NULL,
    base_sha TEXT NOT NULL,
    PRIMARY KEY (repository, number),
    FOREIGN KEY (repository, number) REFERENCES forge_issues (repository, number)
  )`
  yield* sql`CREATE INDEX forge_pulls_head ON forge_pulls (repository, head_ref)`
  yield* sql`CREATE TABLE forge_reviews (
    id BIGINT PRIMARY KEY,
    repository TEXT NOT NULL,
    number BIGINT NOT NULL,
    role TEXT,
    verdict TEXT NOT NULL,
    sha TEXT NOT NULL,
    body TEXT NOT NULL,
    author TEXT NOT NULL,
    agent TEXT,
    created_at BIGINT NOT NULL,
    dismissed BIGINT NOT NULL,
    FOREIGN KEY (repository, number) REFERENCES forge_pulls (repository, number)
  )`
  yield* sql`CREATE INDEX forge_reviews_pull ON forge_reviews (repository, number, id)`
  yield* sql`CREATE TABLE forge_review_comments (
    id BIGINT PRIMARY KEY,
    repository TEXT NOT NULL,
    number BIGINT NOT NULL,
    review BIGINT,
    path TEXT NOT NULL,
    line BIGINT,
    in_reply_to BIGINT,
    body TEXT NOT NULL,
    author TEXT NOT NULL,
    agent TEXT,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (repository, number) REFERENCES forge_pulls (repository, number)
  )`
  yield* sql`CREATE INDEX forge_review_comments_pull ON forge_review_comments (repository, number, id)`
  yield* sql`CREATE TABLE forge_checks (
    repository TEXT NOT NULL,
    sha TEXT NOT NULL,
    name TEXT NOT NULL,
    conclusion TEXT NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (repository, sha, name)
  )`
  // Where the branches and tags were when events told of them last; what differs from git has yet to be told.
  yield* sql`CREATE TABLE forge_refs (
    repository TEXT NOT NULL,
    ref TEXT NOT NULL,
    sha TEXT NOT NULL,
    PRIMARY KEY (repository, ref)
  )`
  // Who is about to change a repository's branches, and what follows from it.
  yield* sql`CREATE TABLE forge_intents (
    repository TEXT PRIMARY KEY,
    body TEXT NOT NULL
  )`
})
