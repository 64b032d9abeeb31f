import { Effect, Schema } from "effect"
import { PullRequestNotFound } from "../../../domain/Errors.ts"
import type { Review, ReviewComment } from "../../../services/Forge.ts"
import * as Answers from "./answers.ts"
import { writtenOf } from "./editors.ts"
import type { GitHubFault } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { type Mark, marksOf } from "./mark.ts"

type Verdict = Review["verdict"]

/** The first line of a review of ours, for people: one account holds the reviews of several roles. */
export const headline = (role: string, verdict: Verdict): string =>
  `**${role}** ${verdict === "approve" ? "approves" : verdict === "request_changes" ? "requests changes" : "comments"}`

const verdictOf = (text: string | null): Verdict | null =>
  text === "approve" || text === "request_changes" || text === "comment" ? text : null

/** What others' reviews say, in GitHub's words. */
const states: ReadonlyMap<string, Verdict> = new Map([
  ["APPROVED", "approve"],
  ["CHANGES_REQUESTED", "request_changes"]
])

const notThere =
  (repository: string, number: number) =>
  <A, R>(effect: Effect.Effect<A, GitHubFault, R>): Effect.Effect<A, GitHubFault | PullRequestNotFound, R> =>
    Effect.catchIf(
      effect,
      (fault) => fault.status === 404,
      () => Effect.fail(new PullRequestNotFound({ pullRequest: `${repository}#${number}` }))
    )

/** All reviews as GitHub has them; those that are not submitted are nobody's business. */
export const listReviews = Effect.fnUntraced(function* (repository: string, number: number) {
  const client = yield* GitHubClient
  const all = yield* client
    .list(`/repos/${repository}/pulls/${number}/reviews`, {
      page: Schema.Array(Answers.Review),
      entries: (page) => page
    })
    .pipe(notThere(repository, number))
  return all.filter((review) => (review.submitted_at ?? null) !== null)
})

export const listReviewComments = Effect.fnUntraced(function* (repository: string, number: number) {
  const client = yield* GitHubClient
  return yield* client
    .list(`/repos/${repository}/pulls/${number}/comments`, {
      page: Schema.Array(Answers.ReviewComment),
      entries: (page) => page
    })
    .pipe(notThere(repository, number))
})

const withoutHeadline = (body: string, role: string, verdict: Verdict): string => {
  const line = headline(role, verdict)
  return body.startsWith(line) ? body.slice(line.length).replace(/^(?:\r?\n){1,2}/, "") : body
}

/**
 * Reviews with whose they are. A role counts in a review that our own account wrote and that nobody else has edited since;
 * where GitHub cannot say who edited it, it counts as nobody's.
 */
export const readReviews = Effect.fnUntraced(function* (repository: string, number: number) {
  const client = yield* GitHubClient
  const all = yield* listReviews(repository, number)
  const own = all.length === 0 ? "" : (yield* client.login(repository)).toLowerCase()
  const texts = yield* writtenOf(
    repository,
    all.map((review) => ({ ...review, createdAt: review.submitted_at ?? "", updatedAt: null, exact: false }))
  )
  return all.flatMap((review, index): ReadonlyArray<Review> => {
    const text = texts[index]
    if (text === undefined) return []
    const isOwn = text.author.toLowerCase() === own
    const kept = isOwn && (text.editor === null || text.editor.toLowerCase() === own)
    const mark: Mark | undefined = kept ? marksOf(review.body ?? "").at(-1) : undefined
    const said = verdictOf(mark?.verdict ?? null)
    const shared = { ...text, id: review.id, commit: review.commit_id ?? "", dismissed: review.state === "DISMISSED" }
    if (mark?.role !== undefined && mark.role !== null && said !== null) {
      return [{ ...shared, body: withoutHeadline(text.body, mark.role, said), role: mark.role, verdict: said }]
    }
    return [{ ...shared, role: null, verdict: states.get(review.state) ?? "comment" }]
  })
})

export const readReviewComments = Effect.fnUntraced(function* (repository: string, number: number) {
  const all = yield* listReviewComments(repository, number)
  const texts = yield* writtenOf(
    repository,
    all.map((comment) => ({ ...comment, createdAt: comment.created_at, updatedAt: comment.updated_at, exact: true }))
  )
  return all.flatMap((comment, index): ReadonlyArray<ReviewComment> => {
    const text = texts[index]
    return text === undefined
      ? []
      : [
          {
            ...text,
            id: comment.id,
            review: comment.pull_request_review_id ?? null,
            path: comment.path,
            line: comment.line ?? null,
            inReplyTo: comment.in_reply_to_id ?? null
          }
        ]
  })
})
