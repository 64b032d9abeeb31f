/** Comments on issues and pull requests as rows. Each function runs in the caller's transaction. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { StoredComment, StoredIssue } from "./IssueChange.ts"
import { Big, Editors, type Query } from "./IssueTable.ts"

const CommentRow = Schema.Struct({
  id: Big,
  body: Schema.String,
  author: Schema.String,
  agent: Schema.NullOr(Schema.String),
  editors: Editors,
  editedAt: Schema.NullOr(Big),
  createdAt: Big
})
const commentRows = Schema.decodeUnknownEffect(Schema.Array(CommentRow))

const columns = `id, body, author, agent, editors, edited_at AS "editedAt", created_at AS "createdAt"`

export const insert = Effect.fnUntraced(function* (
  issue: Pick<StoredIssue, "repository" | "number">,
  comment: StoredComment
) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO forge_comments ${sql.insert({
    id: comment.id,
    repository: issue.repository,
    number: issue.number,
    body: comment.body,
    author: comment.author,
    agent: comment.agent,
    editors: JSON.stringify(comment.editors),
    edited_at: comment.editedAt,
    created_at: comment.createdAt
  })}`
})

/** Writes all that can change of a comment. */
export const update = Effect.fnUntraced(function* (comment: StoredComment) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE forge_comments SET body = ${comment.body}, editors = ${JSON.stringify(comment.editors)},
    edited_at = ${comment.editedAt} WHERE id = ${comment.id}`
})

/** Oldest first. */
export const list = (repository: string, number: number): Query<ReadonlyArray<StoredComment>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT ${sql.literal(columns)} FROM forge_comments
      WHERE repository = ${repository} AND number = ${number} ORDER BY id`
    return yield* Effect.orDie(commentRows(found))
  })

/** The comment of this issue, or null. */
export const find = (repository: string, number: number, id: number): Query<StoredComment | null> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT ${sql.literal(columns)} FROM forge_comments
      WHERE repository = ${repository} AND number = ${number} AND id = ${id}`
    return (yield* Effect.orDie(commentRows(found)))[0] ?? null
  })
