/** What a person or an agent may do to issues and pull requests alike, each as the body of one transaction. */
import { Clock, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { IssueNotFound } from "../../../domain/Errors.ts"
import type { Detail } from "../../../domain/Event.ts"
import type { Comment } from "../../../services/Forge.ts"
import type { Written } from "../../sql/SqlWriter.ts"
import * as CommentTable from "./CommentTable.ts"
import { commentSnapshot, detailsOf, drafts } from "./happenings.ts"
import { type Changed, type StoredComment, type StoredIssue, visibleComment } from "./IssueChange.ts"
import { IssueInvalid } from "./IssueInvalid.ts"
import * as IssueLimits from "./IssueLimits.ts"
import * as IssueTable from "./IssueTable.ts"
import { type By, rewritten, type Standing, written } from "./standing.ts"

export type Body<A, E = never> = Effect.Effect<Written<A>, E | SqlError.SqlError, SqlClient.SqlClient>

/** The issue or pull request that is meant. */
export type At = { readonly repository: string; readonly number: number }

export const nameOf = ({ number, repository }: At): string => `${repository}#${number}`

export const found = Effect.fnUntraced(function* (at: At) {
  const record = yield* IssueTable.find(at.repository, at.number)
  if (record === null) return yield* new IssueNotFound({ issue: nameOf(at) })
  return record
})

export const open = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  asked: {
    readonly repository: string
    readonly title: string
    readonly body: string
    readonly labels: ReadonlyArray<string>
  }
): Effect.fn.Return<Written<StoredIssue>, IssueInvalid | SqlError.SqlError, SqlClient.SqlClient> {
  const repository = yield* IssueLimits.repository(asked.repository)
  const title = yield* IssueLimits.title(asked.title)
  const body = yield* IssueLimits.body(asked.body)
  const labels = yield* IssueLimits.labels(asked.labels)
  const now = yield* Clock.currentTimeMillis
  const issue: StoredIssue = {
    ...written(body, by, now),
    repository,
    number: yield* IssueTable.next(`issues ${repository}`),
    title,
    state: "open",
    closedAs: null,
    labels,
    assignees: [],
    updatedAt: now,
    comments: 0,
    pull: null
  }
  yield* IssueTable.insert({ issue, changes: 1 })
  const details = detailsOf(standing, issue, [{ _tag: "opened" }])
  return { value: issue, events: drafts(issue, 0, by, now, details) }
})

/** Changes a record that was found; when nothing happened, nothing is written. */
export const changeFound = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  before: IssueTable.IssueRecord,
  { happened, issue: after }: Changed
): Effect.fn.Return<Written<StoredIssue>, SqlError.SqlError, SqlClient.SqlClient> {
  if (happened.length === 0) return { value: before.issue, events: [] }
  const now = yield* Clock.currentTimeMillis
  const issue = { ...after, updatedAt: now }
  yield* IssueTable.update({ issue, changes: before.changes + happened.length })
  return { value: issue, events: drafts(issue, before.changes, by, now, detailsOf(standing, issue, happened)) }
})

/** Changes the issue or pull request as decided. */
export const change = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  at: At,
  decide: (issue: StoredIssue, now: number) => Changed
): Effect.fn.Return<Written<StoredIssue>, IssueNotFound | SqlError.SqlError, SqlClient.SqlClient> {
  const before = yield* found(at)
  return yield* changeFound(standing, by, before, decide(before.issue, yield* Clock.currentTimeMillis))
})

/** Tells of something that happened on the issue, and notes that it did. */
const tell = Effect.fnUntraced(function* (
  { changes, issue }: IssueTable.IssueRecord,
  by: By,
  now: number,
  detail: Detail
) {
  yield* IssueTable.update({ issue: { ...issue, updatedAt: now }, changes: changes + 1 })
  return drafts(issue, changes, by, now, [detail])
})

export const comment = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  at: At,
  text: string
): Effect.fn.Return<Written<Comment>, IssueInvalid | IssueNotFound | SqlError.SqlError, SqlClient.SqlClient> {
  const body = yield* IssueLimits.comment(text)
  const { changes, issue } = yield* found(at)
  const now = yield* Clock.currentTimeMillis
  const comment: StoredComment = { ...written(body, by, now), id: yield* IssueTable.next("comments") }
  yield* CommentTable.insert(issue, comment)
  const events = yield* tell({ issue: { ...issue, comments: issue.comments + 1 }, changes }, by, now, {
    _tag: "comment.created",
    comment: commentSnapshot(standing, comment),
    title: issue.title,
    labels: issue.labels
  })
  return { value: visibleComment(comment), events }
})

/** Gives a comment another text. */
export const editComment = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  at: At & { readonly comment: number },
  text: string
): Effect.fn.Return<Written<Comment>, IssueInvalid | IssueNotFound | SqlError.SqlError, SqlClient.SqlClient> {
  const body = yield* IssueLimits.comment(text)
  const record = yield* found(at)
  const before = yield* CommentTable.find(at.repository, at.number, at.comment)
  if (before === null) {
    const problem = `${nameOf(at)} has no comment ${at.comment}`
    return yield* new IssueInvalid({ field: "comment", problem })
  }
  if (before.body === body) return { value: visibleComment(before), events: [] }
  const now = yield* Clock.currentTimeMillis
  const comment = rewritten(before, body, by, now)
  yield* CommentTable.update(comment)
  const events = yield* tell(record, by, now, {
    _tag: "comment.edited",
    comment: commentSnapshot(standing, comment),
    title: record.issue.title,
    labels: record.issue.labels
  })
  return { value: visibleComment(comment), events }
})
