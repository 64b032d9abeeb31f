/** What a person or an agent may do to pull requests in the rows alone, each as the body of one transaction. */
import { Clock, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { PullRequestNotFound } from "../../../domain/Errors.ts"
import type { Written } from "../../sql/SqlWriter.ts"
import { detailsOf, drafts } from "./happenings.ts"
import * as IssueChange from "./IssueChange.ts"
import type { StoredIssue, StoredPull } from "./IssueChange.ts"
import type { IssueInvalid } from "./IssueInvalid.ts"
import * as IssueLimits from "./IssueLimits.ts"
import * as IssueTable from "./IssueTable.ts"
import { type At, changeFound, nameOf } from "./IssueWrites.ts"
import { type By, type Standing, written } from "./standing.ts"

/** A stored issue that is a pull request. */
export type StoredPullRequest = StoredIssue & { readonly pull: StoredPull }

export type PullRecord = { readonly issue: StoredPullRequest; readonly changes: number }

const isPull = (record: IssueTable.IssueRecord | null): record is PullRecord =>
  record !== null && record.issue.pull !== null

/** The pull request, or null; an issue is none. */
export const find = (at: At): IssueTable.Query<PullRecord | null> =>
  Effect.map(IssueTable.find(at.repository, at.number), (record) => (isPull(record) ? record : null))

export const found = Effect.fnUntraced(function* (at: At) {
  const record = yield* find(at)
  if (record === null) return yield* new PullRequestNotFound({ pullRequest: nameOf(at) })
  return record
})

/** Pull requests, newest first. */
export const list = (wanted: Omit<IssueTable.Wanted, "pulls">): IssueTable.Query<ReadonlyArray<PullRecord>> =>
  Effect.map(IssueTable.list({ ...wanted, pulls: true }), (records) => records.filter(isPull))

/** All that are open; more than so many in one repository are more than a person can look at. */
export const allOpen = (repository: string) => list({ repository, state: "open", limit: 10_000 })

export type NewPull = {
  readonly repository: string
  readonly title: string
  readonly body: string
  readonly draft: boolean
  readonly head: StoredPull["head"]
  readonly base: StoredPull["base"]
}

/** Opens one, or changes the open one of the same two branches. */
export const open = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  asked: NewPull
): Effect.fn.Return<Written<StoredPullRequest>, IssueInvalid | SqlError.SqlError, SqlClient.SqlClient> {
  const { base, draft, head } = asked
  const repository = yield* IssueLimits.repository(asked.repository)
  const title = yield* IssueLimits.title(asked.title)
  const body = yield* IssueLimits.body(asked.body)
  const now = yield* Clock.currentTimeMillis
  const same = yield* list({ repository, state: "open", head: head.ref, limit: 100 })
  const twin = same.find(({ issue }) => issue.pull.base.ref === base.ref)
  if (twin !== undefined) {
    const changed = IssueChange.edit(twin.issue, { title, body, draft }, by, now)
    const { events, value } = yield* changeFound(standing, by, twin, changed)
    return { value: { ...value, pull: value.pull ?? twin.issue.pull }, events }
  }
  const issue: StoredPullRequest = {
    ...written(body, by, now),
    repository,
    number: yield* IssueTable.next(`issues ${repository}`),
    title,
    state: "open",
    closedAs: null,
    labels: [],
    assignees: [],
    updatedAt: now,
    comments: 0,
    pull: { draft, merged: false, mergeCommit: null, head, base }
  }
  yield* IssueTable.insert({ issue, changes: 1 })
  return { value: issue, events: drafts(issue, 0, by, now, detailsOf(standing, issue, [{ _tag: "opened" }])) }
})

const changePull = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  at: At,
  decide: (issue: StoredPullRequest, now: number) => IssueChange.Changed
) {
  const before = yield* found(at)
  const changed = decide(before.issue, yield* Clock.currentTimeMillis)
  const { events, value } = yield* changeFound(standing, by, before, changed)
  return { value: { ...value, pull: value.pull ?? before.issue.pull }, events }
})

export const update = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  at: At,
  asked: IssueChange.Edit
): Effect.fn.Return<
  Written<StoredPullRequest>,
  IssueInvalid | PullRequestNotFound | SqlError.SqlError,
  SqlClient.SqlClient
> {
  const title = asked.title === null ? null : yield* IssueLimits.title(asked.title)
  const body = asked.body === null ? null : yield* IssueLimits.body(asked.body)
  return yield* changePull(standing, by, at, (issue, now) =>
    IssueChange.edit(issue, { ...asked, title, body }, by, now)
  )
})

export const close = (standing: Standing, by: By, at: At) =>
  changePull(standing, by, at, (issue) => IssueChange.close(issue, "not_planned"))

/** Opens a closed one again, with its branches as they are now. */
export const reopen = (standing: Standing, by: By, at: At, branches: Pick<StoredPull, "head" | "base">) =>
  changePull(standing, by, at, (issue) => {
    const { happened, issue: after } = IssueChange.reopen(issue)
    return { happened, issue: { ...after, pull: { ...issue.pull, ...branches } } }
  })
