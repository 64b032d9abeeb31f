/** Issues and pull requests as the API shows them; times in milliseconds since 1970. */
import { Schema } from "effect"

const written = {
  body: Schema.String,
  author: Schema.String,
  createdAt: Schema.Int,
  editor: Schema.NullOr(Schema.String),
  editedAt: Schema.NullOr(Schema.Int),
  agent: Schema.optionalKey(Schema.String)
}

/** An issue as the forge shows it. */
export const Issue = Schema.Struct({
  repository: Schema.String,
  number: Schema.Int,
  title: Schema.String,
  ...written,
  state: Schema.Literals(["open", "closed"]),
  labels: Schema.Array(Schema.String),
  assignees: Schema.Array(Schema.String),
  updatedAt: Schema.Int,
  comments: Schema.Int,
  pullRequest: Schema.Boolean
})

export const Comment = Schema.Struct({ id: Schema.Int, ...written })

/** A pull request as the forge shows it. */
export const PullRequest = Schema.Struct({
  repository: Schema.String,
  number: Schema.Int,
  title: Schema.String,
  ...written,
  state: Schema.Literals(["open", "closed"]),
  draft: Schema.Boolean,
  merged: Schema.Boolean,
  mergeCommit: Schema.NullOr(Schema.String),
  head: Schema.Struct({ ref: Schema.String, sha: Schema.String, repository: Schema.String }),
  base: Schema.Struct({ ref: Schema.String, sha: Schema.String }),
  mergeable: Schema.NullOr(Schema.Boolean),
  labels: Schema.Array(Schema.String),
  updatedAt: Schema.Int
})

export const Verdict = Schema.Literals(["approve", "request_changes", "comment"])

export const Review = Schema.Struct({
  id: Schema.Int,
  ...written,
  role: Schema.NullOr(Schema.String),
  verdict: Verdict,
  commit: Schema.String,
  dismissed: Schema.Boolean
})

const ReviewComment = Schema.Struct({
  id: Schema.Int,
  ...written,
  review: Schema.NullOr(Schema.Int),
  path: Schema.String,
  line: Schema.NullOr(Schema.Int),
  inReplyTo: Schema.NullOr(Schema.Int)
})

const Check = Schema.Struct({
  name: Schema.String,
  commit: Schema.String,
  conclusion: Schema.Literals(["pending", "success", "failure", "neutral"]),
  summary: Schema.String
})

export const PullRequestInFull = Schema.Struct({
  pullRequest: PullRequest,
  comments: Schema.Array(Comment),
  reviews: Schema.Array(Review),
  reviewComments: Schema.Array(ReviewComment),
  checks: Schema.Array(Check),
  /** Files that it changes, as a patch; cut at 256 KiB, null where it cannot be read. */
  diff: Schema.NullOr(Schema.String)
})
