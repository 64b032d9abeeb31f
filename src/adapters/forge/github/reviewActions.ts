/** Reviews of our roles, and answers in review threads. Each looks first whether it was done. */
import { Effect, Schema } from "effect"
import type { ActionDraft, LineComment } from "../../../domain/Action.ts"
import { PullRequestNotFound } from "../../../domain/Errors.ts"
import * as Answers from "./answers.ts"
import { setCheck } from "./checks.ts"
import { diffLines } from "./diffLines.ts"
import { refused } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { isMarked, type Of } from "./issueActions.ts"
import { markFor, withMarks } from "./mark.ts"
import { headline, listReviewComments, listReviews } from "./reviews.ts"

const at = ({ subject: { number, repository } }: ActionDraft): string => `/repos/${repository}/pulls/${number}`

const missing = <A, E, R>(effect: Effect.Effect<A, E | PullRequestNotFound, R>) =>
  Effect.mapError(effect, (error) => (error instanceof PullRequestNotFound ? refused(error.message) : error))

const outside = (comments: ReadonlyArray<LineComment>): string =>
  comments.length === 0
    ? ""
    : `\n\nThese lines are not part of the change as GitHub shows it, so they are commented on here:\n\n${comments
        .map(({ body, line, path }) => `**${path}:${line}**\n\n${body}`)
        .join("\n\n")}`

/** Which comments are on lines that the pull request's diff shows. */
const split = Effect.fnUntraced(function* (draft: ActionDraft, comments: ReadonlyArray<LineComment>) {
  const client = yield* GitHubClient
  const files = yield* client.list(`${at(draft)}/files`, {
    page: Schema.Array(Answers.ChangedFile),
    entries: (page) => page
  })
  const shown = new Map(files.map(({ filename, patch }) => [filename, diffLines(patch ?? "")]))
  const isShown = ({ line, path }: LineComment) => shown.get(path)?.has(line) === true
  return { inside: comments.filter(isShown), outside: comments.filter((comment) => !isShown(comment)) }
})

const find = Effect.fnUntraced(function* (draft: ActionDraft) {
  const client = yield* GitHubClient
  const { number, repository } = draft.subject
  const all = yield* missing(listReviews(repository, number))
  return all.find(isMarked(yield* client.login(repository), draft.key))
})

/**
 * Writes the review, with the comments that GitHub takes on their lines and the others in its text. GitHub does not say
 * which ones it does not take, and has not always stored nothing when it refuses; so after a refusal it is looked for.
 */
const write = Effect.fnUntraced(function* (draft: ActionDraft, action: Of<"review">) {
  const client = yield* GitHubClient
  const review = (inside: ReadonlyArray<LineComment>, others: ReadonlyArray<LineComment>) => {
    const text = [headline(action.role, action.verdict), action.body].filter((part) => part !== "").join("\n\n")
    return client.write(
      "POST",
      `${at(draft)}/reviews`,
      {
        commit_id: action.commit,
        event: "COMMENT",
        body: withMarks(`${text}${outside(others)}`, [markFor(draft, action)]),
        comments: inside.map(({ body, line, path }, index) => ({
          path,
          line,
          side: "RIGHT",
          body: withMarks(body, [markFor({ ...draft, key: `${draft.key}/${index}` })])
        }))
      },
      Answers.Identified
    )
  }
  if (action.comments.length === 0) return yield* review([], [])
  const unprocessable = (fault: { readonly status: number | null }): boolean => fault.status === 422
  return yield* Effect.catchIf(review(action.comments, []), unprocessable, () =>
    Effect.gen(function* () {
      const before = yield* find(draft)
      if (before !== undefined) return before
      const parts = yield* split(draft, action.comments)
      return yield* Effect.catchIf(review(parts.inside, parts.outside), unprocessable, () =>
        review([], action.comments)
      )
    })
  )
})

/**
 * One account can hold one decisive review only, and none of its own pull requests. So each role's review is a comment
 * that says whose it is and what it decides, and a check `squadron/<role>` on the commit shows the decision.
 */
export const review = Effect.fnUntraced(function* (draft: ActionDraft, action: Of<"review">, webUrl: string) {
  const before = yield* find(draft)
  const { id } = before ?? (yield* write(draft, action))
  if (action.verdict !== "comment") {
    const approves = action.verdict === "approve"
    const check = {
      name: `squadron/${action.role}`,
      commit: action.commit,
      conclusion: approves ? ("success" as const) : ("failure" as const),
      summary: `${action.role} ${approves ? "approves" : "requests changes"}`
    }
    yield* setCheck({ key: `${draft.key}/check`, subject: draft.subject }, check, webUrl)
  }
  return { pullRequest: draft.subject.number, review: id }
})

export const replyReview = Effect.fnUntraced(function* (draft: ActionDraft, { body, comment }: Of<"reply_review">) {
  const client = yield* GitHubClient
  const { number, repository } = draft.subject
  const all = yield* missing(listReviewComments(repository, number))
  const before = all.find(isMarked(yield* client.login(repository), draft.key))
  if (before !== undefined) return { pullRequest: number, comment: before.id }
  const target = all.find(({ id }) => id === comment)
  if (target === undefined) return yield* refused(`there is no review comment ${comment} on ${repository}#${number}`)
  // GitHub takes answers to the comment that began a thread only
  const { id } = yield* client.write(
    "POST",
    `${at(draft)}/comments/${target.in_reply_to_id ?? target.id}/replies`,
    { body: withMarks(body, [markFor(draft)]) },
    Answers.Identified
  )
  return { pullRequest: number, comment: id }
})
