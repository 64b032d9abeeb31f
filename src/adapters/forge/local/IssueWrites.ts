/** What a person or an agent may do to issues, each as the body of one transaction. */
import { Clock, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { ActionDraft } from "../../../domain/Action.ts"
import { IssueNotFound } from "../../../domain/Errors.ts"
import type { Actor, Detail, EventDraft } from "../../../domain/Event.ts"
import * as Subject from "../../../domain/Subject.ts"
import type { Comment, Issue } from "../../../services/Forge.ts"
import type { Written } from "../../sql/SqlWriter.ts"
import { type Changed, snapshot, type StoredIssue } from "./IssueChange.ts"
import type { IssueInvalid } from "./IssueInvalid.ts"
import * as IssueLimits from "./IssueLimits.ts"
import * as IssueTable from "./IssueTable.ts"

export type Body<A, E = never> = Effect.Effect<Written<A>, E | SqlError.SqlError, SqlClient.SqlClient>

/** The issue that is meant. */
export type At = { readonly repository: string; readonly number: number }

/** Whose doing a change is. */
export type By = { readonly actor: Actor; readonly causedBy: string | null; readonly depth: number }

export const person = (login: string): Effect.Effect<By, IssueInvalid> =>
  Effect.map(IssueLimits.author(login), (login) => ({ actor: { login, kind: "person" }, causedBy: null, depth: 0 }))

/** Squadron itself where the action is no agent's. */
export const performer = ({ agent, depth }: ActionDraft): By => ({
  actor: agent === null ? { login: "squadron", kind: "system" } : { login: agent, kind: "agent" },
  causedBy: agent,
  depth
})

// Who can reach a local forge as a person holds the machine or its token. What agents write commands nobody.
const associationOf = (actor: Actor): string => (actor.kind === "person" ? "OWNER" : "NONE")

// An issue's changes are counted in its own row, so a key is fresh in exactly the transaction that uses it.
const drafts = (issue: Issue, changes: number, by: By, at: number, details: ReadonlyArray<Detail>) =>
  details.map((detail, index): EventDraft => ({
    key: `local:${issue.repository}#${issue.number}:${changes + index + 1}`,
    source: "local",
    at,
    ...by,
    subject: Subject.issue(issue.repository, issue.number),
    detail
  }))

const found = Effect.fnUntraced(function* ({ number, repository }: At) {
  const record = yield* IssueTable.find(repository, number)
  if (record === null) return yield* new IssueNotFound({ issue: `${repository}#${number}` })
  return record
})

export const open = Effect.fnUntraced(function* (
  asked: {
    readonly repository: string
    readonly title: string
    readonly body: string
    readonly labels: ReadonlyArray<string>
  },
  by: By
): Effect.fn.Return<Written<Issue>, IssueInvalid | SqlError.SqlError, SqlClient.SqlClient> {
  const repository = yield* IssueLimits.repository(asked.repository)
  const title = yield* IssueLimits.title(asked.title)
  const body = yield* IssueLimits.body(asked.body)
  const labels = yield* IssueLimits.labels(asked.labels)
  const now = yield* Clock.currentTimeMillis
  const issue: StoredIssue = {
    repository,
    number: yield* IssueTable.next(`issues ${repository}`),
    title,
    body,
    state: "open",
    closedAs: null,
    author: by.actor.login,
    labels,
    assignees: [],
    createdAt: now,
    updatedAt: now,
    comments: 0
  }
  yield* IssueTable.insert({ issue, changes: 1 })
  const events = drafts(issue, 0, by, now, [{ _tag: "issue.opened", issue: snapshot(issue) }])
  return { value: IssueTable.visible(issue), events }
})

/** Changes the issue as decided; no details, no write. */
export const change = Effect.fnUntraced(function* (
  at: At,
  by: By,
  decide: (issue: StoredIssue) => Changed
): Effect.fn.Return<Written<Issue>, IssueNotFound | SqlError.SqlError, SqlClient.SqlClient> {
  const before = yield* found(at)
  const { details, issue: after } = decide(before.issue)
  if (details.length === 0) return { value: IssueTable.visible(before.issue), events: [] }
  const now = yield* Clock.currentTimeMillis
  const issue = { ...after, updatedAt: now }
  yield* IssueTable.update({ issue, changes: before.changes + details.length })
  return { value: IssueTable.visible(issue), events: drafts(issue, before.changes, by, now, details) }
})

export const comment = Effect.fnUntraced(function* (
  at: At,
  by: By,
  text: string
): Effect.fn.Return<Written<Comment>, IssueInvalid | IssueNotFound | SqlError.SqlError, SqlClient.SqlClient> {
  const body = yield* IssueLimits.comment(text)
  const { changes, issue } = yield* found(at)
  const now = yield* Clock.currentTimeMillis
  const author = by.actor.login
  const comment: Comment = { id: yield* IssueTable.next("comments"), body, author, createdAt: now }
  yield* IssueTable.insertComment(issue, comment)
  yield* IssueTable.update({
    issue: { ...issue, comments: issue.comments + 1, updatedAt: now },
    changes: changes + 1
  })
  const detail: Detail = {
    _tag: "comment.created",
    comment: { id: comment.id, body, author, association: associationOf(by.actor) },
    title: issue.title,
    labels: issue.labels
  }
  return { value: comment, events: drafts(issue, changes, by, now, [detail]) }
})
