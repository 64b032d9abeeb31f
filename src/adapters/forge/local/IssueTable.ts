/** Issues and pull requests as rows. Each function runs in the caller's transaction; an unreadable row is a defect. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError, Statement } from "effect/sql"
import type { StoredIssue, StoredPull } from "./IssueChange.ts"
import { Writer } from "./standing.ts"

export type Query<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/** An issue and how many changes it has had; its next event is one more. */
export type IssueRecord = { readonly issue: StoredIssue; readonly changes: number }

/** PostgreSQL's driver hands BIGINT over as text. */
export const Big = Schema.Union([Schema.Int, Schema.FiniteFromString])
export const Editors = Schema.fromJsonString(Schema.Array(Writer))
const Names = Schema.fromJsonString(Schema.Array(Schema.String))

const State = Schema.Literals(["open", "closed"])

const IssueRow = Schema.Struct({
  repository: Schema.String,
  number: Big,
  title: Schema.String,
  body: Schema.String,
  state: State,
  closedAs: Schema.NullOr(Schema.Literals(["completed", "not_planned"])),
  author: Schema.String,
  agent: Schema.NullOr(Schema.String),
  editors: Editors,
  editedAt: Schema.NullOr(Big),
  labels: Names,
  assignees: Names,
  createdAt: Big,
  updatedAt: Big,
  comments: Big,
  changes: Big,
  draft: Schema.NullOr(Big),
  merged: Schema.NullOr(Big),
  mergeCommit: Schema.NullOr(Schema.String),
  headRef: Schema.NullOr(Schema.String),
  headSha: Schema.NullOr(Schema.String),
  baseRef: Schema.NullOr(Schema.String),
  baseSha: Schema.NullOr(Schema.String)
})

const issueRows = Schema.decodeUnknownEffect(Schema.Array(IssueRow))
const counterRow = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ last: Big })]))

const columns = `i.repository, i.number, i.title, i.body, i.state, i.closed_as AS "closedAs", i.author, i.agent,
  i.editors, i.edited_at AS "editedAt", i.labels, i.assignees, i.created_at AS "createdAt",
  i.updated_at AS "updatedAt", i.comments, i.changes, p.draft, p.merged, p.merge_commit AS "mergeCommit",
  p.head_ref AS "headRef", p.head_sha AS "headSha", p.base_ref AS "baseRef", p.base_sha AS "baseSha"`
const tables = `forge_issues i LEFT JOIN forge_pulls p ON p.repository = i.repository AND p.number = i.number`

const recordOf = ({
  baseRef,
  baseSha,
  changes,
  draft,
  headRef,
  headSha,
  mergeCommit,
  merged,
  ...issue
}: typeof IssueRow.Type): IssueRecord => {
  const pull: StoredPull | null =
    headRef === null || headSha === null || baseRef === null || baseSha === null
      ? null
      : {
          draft: draft === 1,
          merged: merged === 1,
          mergeCommit,
          head: { ref: headRef, sha: headSha },
          base: { ref: baseRef, sha: baseSha }
        }
  return { issue: { ...issue, pull }, changes }
}

/** The next number of this counter, from 1; none is given out twice. */
export const next = Effect.fnUntraced(function* (counter: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`INSERT INTO forge_counters (name, last) VALUES (${counter}, 1)
    ON CONFLICT (name) DO UPDATE SET last = forge_counters.last + 1 RETURNING last`
  const [row] = yield* Effect.orDie(counterRow(rows))
  return row.last
})

const pullCells = ({ number, pull, repository }: StoredIssue) => ({
  repository,
  number,
  draft: pull?.draft === true ? 1 : 0,
  merged: pull?.merged === true ? 1 : 0,
  merge_commit: pull?.mergeCommit ?? null,
  head_ref: pull?.head.ref ?? "",
  head_sha: pull?.head.sha ?? "",
  base_ref: pull?.base.ref ?? "",
  base_sha: pull?.base.sha ?? ""
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
    agent: issue.agent,
    editors: JSON.stringify(issue.editors),
    edited_at: issue.editedAt,
    labels: JSON.stringify(issue.labels),
    assignees: JSON.stringify(issue.assignees),
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    comments: issue.comments,
    changes
  })}`
  if (issue.pull !== null) yield* sql`INSERT INTO forge_pulls ${sql.insert(pullCells(issue))}`
})

/** Writes all that can change after an issue was opened. */
export const update = Effect.fnUntraced(function* ({ changes, issue }: IssueRecord) {
  const sql = yield* SqlClient.SqlClient
  const { number, repository } = issue
  yield* sql`UPDATE forge_issues SET title = ${issue.title}, body = ${issue.body}, state = ${issue.state},
    closed_as = ${issue.closedAs}, editors = ${JSON.stringify(issue.editors)}, edited_at = ${issue.editedAt},
    labels = ${JSON.stringify(issue.labels)}, assignees = ${JSON.stringify(issue.assignees)},
    updated_at = ${issue.updatedAt}, comments = ${issue.comments}, changes = ${changes}
    WHERE repository = ${repository} AND number = ${number}`
  if (issue.pull === null) return
  const cells = pullCells(issue)
  yield* sql`UPDATE forge_pulls SET draft = ${cells.draft}, merged = ${cells.merged},
    merge_commit = ${cells.merge_commit}, head_sha = ${cells.head_sha}, base_sha = ${cells.base_sha}
    WHERE repository = ${repository} AND number = ${number}`
})

/** The issue or pull request, or null. */
export const find = (repository: string, number: number): Query<IssueRecord | null> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT ${sql.literal(columns)} FROM ${sql.literal(tables)}
      WHERE i.repository = ${repository} AND i.number = ${number}`
    const [row] = yield* Effect.orDie(issueRows(found))
    return row === undefined ? null : recordOf(row)
  })

/** Which are wanted; all that are not told are. */
export type Wanted = {
  readonly pulls: boolean
  readonly repository?: string | undefined
  readonly state?: "open" | "closed" | undefined
  /** Of pull requests: their branch. */
  readonly head?: string | undefined
  readonly headSha?: string | undefined
  readonly limit: number
}

/** Issues or pull requests, newest first. */
export const list = (wanted: Wanted): Query<ReadonlyArray<IssueRecord>> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const conditions: Array<Statement.Fragment> = [
      sql`p.number ${sql.literal(wanted.pulls ? "IS NOT NULL" : "IS NULL")}`
    ]
    if (wanted.repository !== undefined) conditions.push(sql`i.repository = ${wanted.repository}`)
    if (wanted.state !== undefined) conditions.push(sql`i.state = ${wanted.state}`)
    if (wanted.head !== undefined) conditions.push(sql`p.head_ref = ${wanted.head}`)
    if (wanted.headSha !== undefined) conditions.push(sql`p.head_sha = ${wanted.headSha}`)
    const found = yield* sql`SELECT ${sql.literal(columns)} FROM ${sql.literal(tables)} WHERE ${sql.and(conditions)}
      ORDER BY i.created_at DESC, i.number DESC, i.repository LIMIT ${wanted.limit}`
    return (yield* Effect.orDie(issueRows(found))).map(recordOf)
  })
