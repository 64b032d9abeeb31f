/** Reviews, their comments, and checks as rows. Each function runs in the caller's transaction. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Check, Review, ReviewComment } from "../../../services/Forge.ts"
import { Big, type Query } from "./IssueTable.ts"
import { shown, type StoredText } from "./standing.ts"

type Of = { readonly repository: string; readonly number: number }

export type StoredReview = StoredText & Pick<Review, "id" | "role" | "verdict" | "commit" | "dismissed">
export type StoredLine = StoredText & Pick<ReviewComment, "id" | "review" | "path" | "line" | "inReplyTo">

const text = { body: Schema.String, author: Schema.String, agent: Schema.NullOr(Schema.String), createdAt: Big }
/** Nobody can change a review's text here. */
const unedited = { editors: [], editedAt: null }

const reviewRows = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      id: Big,
      ...text,
      role: Schema.NullOr(Schema.String),
      verdict: Schema.Literals(["approve", "request_changes", "comment"]),
      commit: Schema.String,
      dismissed: Big
    })
  )
)
const lineRows = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      id: Big,
      ...text,
      review: Schema.NullOr(Big),
      path: Schema.String,
      line: Schema.NullOr(Big),
      inReplyTo: Schema.NullOr(Big)
    })
  )
)
const checkRows = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      name: Schema.String,
      commit: Schema.String,
      conclusion: Schema.Literals(["pending", "success", "failure", "neutral"]),
      summary: Schema.String
    })
  )
)

export const visibleReview = (review: StoredReview): Review => ({
  ...shown(review),
  id: review.id,
  role: review.role,
  verdict: review.verdict,
  commit: review.commit,
  dismissed: review.dismissed
})

export const visibleLine = (line: StoredLine): ReviewComment => ({
  ...shown(line),
  id: line.id,
  review: line.review,
  path: line.path,
  line: line.line,
  inReplyTo: line.inReplyTo
})

export const insertReview = Effect.fnUntraced(function* ({ number, repository }: Of, review: StoredReview) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO forge_reviews ${sql.insert({
    id: review.id,
    repository,
    number,
    role: review.role,
    verdict: review.verdict,
    sha: review.commit,
    body: review.body,
    author: review.author,
    agent: review.agent,
    created_at: review.createdAt,
    dismissed: review.dismissed ? 1 : 0
  })}`
})

export const dismissReview = Effect.fnUntraced(function* (id: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE forge_reviews SET dismissed = 1 WHERE id = ${id}`
})

/** Oldest first. */
export const reviews = ({ number, repository }: Of): Query<ReadonlyArray<StoredReview>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT id, role, verdict, sha AS "commit", body, author, agent,
      created_at AS "createdAt", dismissed FROM forge_reviews
      WHERE repository = ${repository} AND number = ${number} ORDER BY id`
    const rows = yield* Effect.orDie(reviewRows(found))
    return rows.map((row) => ({ ...row, ...unedited, dismissed: row.dismissed === 1 }))
  })

export const insertLine = Effect.fnUntraced(function* ({ number, repository }: Of, line: StoredLine) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO forge_review_comments ${sql.insert({
    id: line.id,
    repository,
    number,
    review: line.review,
    path: line.path,
    line: line.line,
    in_reply_to: line.inReplyTo,
    body: line.body,
    author: line.author,
    agent: line.agent,
    created_at: line.createdAt
  })}`
})

/** Comments on lines, oldest first. */
export const lines = ({ number, repository }: Of): Query<ReadonlyArray<StoredLine>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT id, review, path, line, in_reply_to AS "inReplyTo", body, author, agent,
      created_at AS "createdAt" FROM forge_review_comments
      WHERE repository = ${repository} AND number = ${number} ORDER BY id`
    const rows = yield* Effect.orDie(lineRows(found))
    return rows.map((row) => ({ ...row, ...unedited }))
  })

export const putCheck = Effect.fnUntraced(function* (repository: string, check: Check) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO forge_checks ${sql.insert({
    repository,
    sha: check.commit,
    name: check.name,
    conclusion: check.conclusion,
    summary: check.summary
  })} ON CONFLICT (repository, sha, name) DO UPDATE SET conclusion = excluded.conclusion, summary = excluded.summary`
})

export const checks = (repository: string, commit: string): Query<ReadonlyArray<Check>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT name, sha AS "commit", conclusion, summary FROM forge_checks
      WHERE repository = ${repository} AND sha = ${commit} ORDER BY name`
    return yield* Effect.orDie(checkRows(found))
  })
