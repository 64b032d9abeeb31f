/** Reviews and checks, each as the body of one transaction. */
import { Clock, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { LineComment } from "../../../domain/Action.ts"
import type { PullRequestNotFound } from "../../../domain/Errors.ts"
import type { Detail, EventDraft } from "../../../domain/Event.ts"
import * as Subject from "../../../domain/Subject.ts"
import type { Check, Review, ReviewComment } from "../../../services/Forge.ts"
import type { Written } from "../../sql/SqlWriter.ts"
import { commentSnapshot, drafts, pullSnapshot } from "./happenings.ts"
import { IssueInvalid } from "./IssueInvalid.ts"
import * as IssueLimits from "./IssueLimits.ts"
import * as IssueTable from "./IssueTable.ts"
import { type At, nameOf } from "./IssueWrites.ts"
import { found, list, type PullRecord } from "./PullWrites.ts"
import * as ReviewTable from "./ReviewTable.ts"
import { type By, type Standing, written } from "./standing.ts"

type Fails = IssueInvalid | PullRequestNotFound | SqlError.SqlError

export type NewReview = {
  readonly role: string | null
  readonly verdict: Review["verdict"]
  readonly commit: string
  readonly body: string
  readonly comments: ReadonlyArray<LineComment>
}

/** In GitHub's words. */
const states = { approve: "approved", request_changes: "changes_requested", comment: "commented" } as const

const tell = Effect.fnUntraced(function* (
  { changes, issue }: PullRecord,
  by: By,
  now: number,
  details: ReadonlyArray<Detail>
) {
  yield* IssueTable.update({ issue: { ...issue, updatedAt: now }, changes: changes + details.length })
  return drafts(issue, changes, by, now, details)
})

const lineDetail = (standing: Standing, { issue }: PullRecord, line: ReviewTable.StoredLine): Detail => ({
  _tag: "review_comment.created",
  pullRequest: pullSnapshot(standing, issue, issue.pull),
  comment: commentSnapshot(standing, line),
  path: line.path,
  line: line.line
})

const reviewDetail = (
  standing: Standing,
  { issue }: PullRecord,
  _tag: "review.submitted" | "review.dismissed",
  review: ReviewTable.StoredReview
): Detail => ({
  _tag,
  pullRequest: pullSnapshot(standing, issue, issue.pull),
  review: {
    id: review.id,
    state: review.dismissed ? "dismissed" : states[review.verdict],
    body: review.body,
    author: review.author
  }
})

export const review = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  at: At,
  asked: NewReview
): Effect.fn.Return<Written<Review>, Fails, SqlClient.SqlClient> {
  const body = yield* IssueLimits.body(asked.body)
  const texts = yield* Effect.forEach(asked.comments, (one) => IssueLimits.comment(one.body))
  const record = yield* found(at)
  const now = yield* Clock.currentTimeMillis
  const review: ReviewTable.StoredReview = {
    ...written(body, by, now),
    id: yield* IssueTable.next("reviews"),
    role: asked.role,
    verdict: asked.verdict,
    commit: asked.commit,
    dismissed: false
  }
  yield* ReviewTable.insertReview(at, review)
  const details = [reviewDetail(standing, record, "review.submitted", review)]
  for (const [index, { line, path }] of asked.comments.entries()) {
    const comment: ReviewTable.StoredLine = {
      ...written(texts[index] ?? "", by, now),
      id: yield* IssueTable.next("review comments"),
      review: review.id,
      path,
      line,
      inReplyTo: null
    }
    yield* ReviewTable.insertLine(at, comment)
    details.push(lineDetail(standing, record, comment))
  }
  return { value: ReviewTable.visibleReview(review), events: yield* tell(record, by, now, details) }
})

/** A dismissed review no longer counts. */
export const dismiss = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  at: At & { readonly review: number }
): Effect.fn.Return<Written<Review>, Fails, SqlClient.SqlClient> {
  const record = yield* found(at)
  const before = (yield* ReviewTable.reviews(at)).find(({ id }) => id === at.review)
  if (before === undefined) {
    return yield* new IssueInvalid({ field: "review", problem: `${nameOf(at)} has no review ${at.review}` })
  }
  if (before.dismissed) return { value: ReviewTable.visibleReview(before), events: [] }
  const after = { ...before, dismissed: true }
  yield* ReviewTable.dismissReview(before.id)
  const now = yield* Clock.currentTimeMillis
  const events = yield* tell(record, by, now, [reviewDetail(standing, record, "review.dismissed", after)])
  return { value: ReviewTable.visibleReview(after), events }
})

/** Answers a comment on a line, in its thread. */
export const reply = Effect.fnUntraced(function* (
  standing: Standing,
  by: By,
  at: At,
  asked: { readonly comment: number; readonly body: string }
): Effect.fn.Return<Written<ReviewComment>, Fails, SqlClient.SqlClient> {
  const body = yield* IssueLimits.comment(asked.body)
  const record = yield* found(at)
  const target = (yield* ReviewTable.lines(at)).find(({ id }) => id === asked.comment)
  if (target === undefined) {
    const problem = `${nameOf(at)} has no review comment ${asked.comment}`
    return yield* new IssueInvalid({ field: "comment", problem })
  }
  const now = yield* Clock.currentTimeMillis
  const answer: ReviewTable.StoredLine = {
    ...written(body, by, now),
    id: yield* IssueTable.next("review comments"),
    review: null,
    path: target.path,
    line: target.line,
    inReplyTo: target.inReplyTo ?? target.id
  }
  yield* ReviewTable.insertLine(at, answer)
  return {
    value: ReviewTable.visibleLine(answer),
    events: yield* tell(record, by, now, [lineDetail(standing, record, answer)])
  }
})

/** What is left of an event that belongs to a repository as a whole. */
export const onRepository = Effect.fnUntraced(function* (
  repository: string,
  by: By,
  at: number,
  detail: Detail,
  subject: Subject.Subject = Subject.repository(repository)
) {
  const number = yield* IssueTable.next(`events ${repository}`)
  const draft: EventDraft = { key: `local:${repository}:${number}`, source: "local", at, ...by, subject, detail }
  return draft
})

/**
 * Replaces what a check of the same name says of the commit. A check that ended is told of, on the open pull request
 * whose newest commit it is where there is exactly one.
 */
export const setCheck = Effect.fnUntraced(function* (
  by: By,
  repository: string,
  asked: Check
): Effect.fn.Return<Written<Check>, IssueInvalid | SqlError.SqlError, SqlClient.SqlClient> {
  const check: Check = {
    name: yield* IssueLimits.check(asked.name),
    commit: asked.commit,
    conclusion: asked.conclusion,
    summary: yield* IssueLimits.body(asked.summary)
  }
  yield* ReviewTable.putCheck(repository, check)
  if (check.conclusion === "pending") return { value: check, events: [] }
  const now = yield* Clock.currentTimeMillis
  const pulls = yield* list({ repository, state: "open", headSha: check.commit, limit: 100 })
  const numbers = pulls.map(({ issue }) => issue.number).toSorted((a, b) => a - b)
  const [only, ...others] = numbers
  const subject =
    only === undefined || others.length > 0 ? Subject.repository(repository) : Subject.pullRequest(repository, only)
  const detail: Detail = {
    _tag: "check_run.completed",
    name: check.name,
    sha: check.commit,
    conclusion: check.conclusion,
    pullRequests: numbers
  }
  return { value: check, events: [yield* onRepository(repository, by, now, detail, subject)] }
})
