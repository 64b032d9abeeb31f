/** The local forge's rows. Each function runs in the caller's transaction; a row that cannot be read is a defect. */
import { Effect, Schema, Struct } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql"
import { ActionResult } from "../../../domain/Action.ts"
import type { Comment, Issue } from "../../../services/Forge.ts"
import type { Written } from "../../sql/SqlWriter.ts"
import type { StoredIssue } from "./IssueChange.ts"

type Query<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/** An issue and how many changes it has had; its next event is one more. */
export type IssueRecord = { readonly issue: StoredIssue; readonly changes: number }

// PostgreSQL's driver hands BIGINT over as text.
const Big = Schema.Union([Schema.Int, Schema.FiniteFromString])
const Names = Schema.fromJsonString(Schema.Array(Schema.String))

const IssueRow = Schema.Struct({
  repository: Schema.String,
  number: Big,
  title: Schema.String,
  body: Schema.String,
  state: Schema.Literals(["open", "closed"]),
  closedAs: Schema.NullOr(Schema.Literals(["completed", "not_planned"])),
  author: Schema.String,
  labels: Names,
  assignees: Names,
  createdAt: Big,
  updatedAt: Big,
  comments: Big,
  changes: Big
})
const CommentRow = Schema.Struct({ id: Big, body: Schema.String, author: Schema.String, createdAt: Big })

const issueRows = Schema.decodeUnknownEffect(Schema.Array(IssueRow))
const commentRows = Schema.decodeUnknownEffect(Schema.Array(CommentRow))
const counterRow = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ last: Big })]))
const markRow = Schema.decodeUnknownEffect(
  Schema.Tuple([Schema.Struct({ result: Schema.fromJsonString(ActionResult) })])
)
const encodeResult = Schema.encodeEffect(Schema.fromJsonString(ActionResult))

const issueColumns = `repository, number, title, body, state, closed_as AS "closedAs", author, labels, assignees,
  created_at AS "createdAt", updated_at AS "updatedAt", comments, changes`

const recordOf = ({ changes, ...issue }: typeof IssueRow.Type): IssueRecord => ({ issue, changes })

/** What everyone sees of a stored issue. */
export const visible = (issue: StoredIssue): Issue => Struct.omit(issue, ["closedAs"])

/** The next number of this counter, from 1; none is given out twice. */
export const next = Effect.fnUntraced(function* (counter: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`INSERT INTO forge_counters (name, last) VALUES (${counter}, 1)
    ON CONFLICT (name) DO UPDATE SET last = forge_counters.last + 1 RETURNING last`
  const [row] = yield* Effect.orDie(counterRow(rows))
  return row.last
})

export const insert = Effect.fnUntraced(function* ({ changes, issue }: IssueRecord) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO forge_issues ${sql.insert({
    repository: issue.repository,
    number: issue.number,
    title: issue.title,
    body: issue.body,
    state: issue.state,
    closed_as: issue.closedAs,
    author: issue.author,
    labels: JSON.stringify(issue.labels),
    assignees: JSON.stringify(issue.assignees),
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    comments: issue.comments,
    changes
  })}`
})

/** Writes all that can change after an issue was opened. */
export const update = Effect.fnUntraced(function* ({ changes, issue }: IssueRecord) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE forge_issues SET title = ${issue.title}, body = ${issue.body}, state = ${issue.state},
    closed_as = ${issue.closedAs}, labels = ${JSON.stringify(issue.labels)},
    assignees = ${JSON.stringify(issue.assignees)}, updated_at = ${issue.updatedAt}, comments = ${issue.comments},
    changes = ${changes} WHERE repository = ${issue.repository} AND number = ${issue.number}`
})

/** The issue, or null. */
export const find = (repository: string, number: number): Query<IssueRecord | null> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT ${sql.literal(issueColumns)} FROM forge_issues
      WHERE repository = ${repository} AND number = ${number}`
    const [row] = yield* Effect.orDie(issueRows(found))
    return row === undefined ? null : recordOf(row)
  })

/** Newest first. */
export const list = (query: {
  readonly repository?: string | undefined
  readonly state?: "open" | "closed" | undefined
  readonly limit: number
}): Query<ReadonlyArray<Issue>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const where = sql.and([
      ...(query.repository === undefined ? [] : [sql`repository = ${query.repository}`]),
      ...(query.state === undefined ? [] : [sql`state = ${query.state}`])
    ])
    const found = yield* sql`SELECT ${sql.literal(issueColumns)} FROM forge_issues WHERE ${where}
      ORDER BY created_at DESC, number DESC, repository LIMIT ${query.limit}`
    const rows = yield* Effect.orDie(issueRows(found))
    return rows.map((row) => visible(recordOf(row).issue))
  })

export const insertComment = Effect.fnUntraced(function* (issue: Issue, comment: Comment) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO forge_comments ${sql.insert({
    id: comment.id,
    repository: issue.repository,
    number: issue.number,
    body: comment.body,
    author: comment.author,
    created_at: comment.createdAt
  })}`
})

/** Oldest first. */
export const comments = (repository: string, number: number): Query<ReadonlyArray<Comment>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT id, body, author, created_at AS "createdAt" FROM forge_comments
      WHERE repository = ${repository} AND number = ${number} ORDER BY id`
    return yield* Effect.orDie(commentRows(found))
  })

/**
 * Marks the action as done with what `body` comes to, or gives the result of the first time and no events. The mark
 * is claimed before the work, so that two transactions with one key never both do it.
 */
export const once = Effect.fnUntraced(function* <E>(
  key: string,
  at: number,
  body: Effect.Effect<Written<ActionResult>, E, SqlClient.SqlClient>
): Effect.fn.Return<Written<ActionResult>, E | SqlError.SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const claimed = yield* sql`INSERT INTO forge_marks (key, result, done_at) VALUES (${key}, '{}', ${at})
    ON CONFLICT (key) DO NOTHING RETURNING key`
  if (claimed.length === 0) {
    const [mark] = yield* Effect.orDie(markRow(yield* sql`SELECT result FROM forge_marks WHERE key = ${key}`))
    return { value: mark.result, events: [] }
  }
  const done = yield* body
  const result = yield* Effect.orDie(encodeResult(done.value))
  yield* sql`UPDATE forge_marks SET result = ${result} WHERE key = ${key}`
  return done
})
