import type { CommentSnapshot, IssueSnapshot, PullRequestSnapshot } from "../../../domain/Event.ts"
import type * as Payload from "./payload.ts"

// GitHub's objects as our events hold them: bodies that are null become empty, authors that are gone a ghost.

/** Stands for the repository of a fork that is gone; nobody can have this name. */
const noFork = "-/gone"

/** GitHub's own name for an account that is gone. */
const ghost = "ghost"

export const names = (labels: ReadonlyArray<{ readonly name: string }>) => labels.map((label) => label.name)

const written = (by: { readonly body?: string | null; readonly user?: { readonly login: string } | null }) => ({
  body: by.body ?? "",
  author: by.user?.login ?? ghost
})

export const issueOf = (issue: Payload.Issue): IssueSnapshot => ({
  ...written(issue),
  title: issue.title,
  state: issue.state,
  labels: names(issue.labels),
  assignees: issue.assignees.map((user) => user.login)
})

export const pullOf = (pull: Payload.PullRequest): PullRequestSnapshot => ({
  ...written(pull),
  title: pull.title,
  state: pull.state,
  labels: names(pull.labels),
  draft: pull.draft ?? false,
  merged: pull.merged ?? (pull.merged_at ?? null) !== null,
  head: { ref: pull.head.ref, sha: pull.head.sha, repository: pull.head.repo?.full_name ?? noFork },
  base: { ref: pull.base.ref, sha: pull.base.sha }
})

export const commentOf = (comment: Payload.Comment): CommentSnapshot => ({
  ...written(comment),
  id: comment.id,
  association: comment.author_association
})

export const reviewOf = (review: Payload.Review) => ({ ...written(review), id: review.id, state: review.state })
