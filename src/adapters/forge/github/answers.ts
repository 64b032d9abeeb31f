import { Schema } from "effect"

// What is read of GitHub's answers. Everything else in them is none of our business; what is here must be there.

const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const time = Schema.String.check(
  Schema.makeFilter((text) => (Number.isNaN(Date.parse(text)) ? "a time such as 2026-01-31T12:00:00Z" : undefined))
)

/** Milliseconds since 1970. */
export const millis = (time: string): number => Date.parse(time)

/** Null where the account is gone. */
const user = nullable(Schema.Struct({ login: Schema.String }))
const written = {
  /** GraphQL's name of it. */
  node_id: nullable(Schema.String),
  body: nullable(Schema.String),
  user
}
const openOrClosed = Schema.Literals(["open", "closed"])
const Label = Schema.Union([Schema.String, Schema.Struct({ name: Schema.String })])

export const Issue = Schema.Struct({
  ...written,
  number: Schema.Int,
  title: Schema.String,
  state: openOrClosed,
  labels: Schema.Array(Label),
  assignees: Schema.Array(Schema.Struct({ login: Schema.String })),
  comments: Schema.Int,
  created_at: time,
  updated_at: time,
  /** There where the number is a pull request's. */
  pull_request: nullable(Schema.Unknown)
})
export type Issue = typeof Issue.Type

export const labelsOf = (labels: ReadonlyArray<typeof Label.Type>): ReadonlyArray<string> =>
  labels.map((label) => (typeof label === "string" ? label : label.name))

export const Comment = Schema.Struct({ ...written, id: Schema.Int, created_at: time, updated_at: time })
export type Comment = typeof Comment.Type

const Revision = Schema.Struct({
  ref: Schema.String,
  sha: Schema.String,
  /** Null where the fork is gone. */
  repo: nullable(Schema.Struct({ full_name: Schema.String }))
})

export const PullRequest = Schema.Struct({
  ...written,
  number: Schema.Int,
  title: Schema.String,
  state: openOrClosed,
  draft: nullable(Schema.Boolean),
  /** Only where one is read by its number. */
  merged: nullable(Schema.Boolean),
  merged_at: nullable(time),
  merge_commit_sha: nullable(Schema.String),
  mergeable: nullable(Schema.Boolean),
  head: Revision,
  base: Revision,
  labels: Schema.Array(Label),
  created_at: time,
  updated_at: time
})
export type PullRequest = typeof PullRequest.Type

export const Review = Schema.Struct({
  ...written,
  id: Schema.Int,
  state: Schema.String,
  /** Not there for one that is not submitted. */
  submitted_at: nullable(time),
  commit_id: nullable(Schema.String)
})
export type Review = typeof Review.Type

export const ReviewComment = Schema.Struct({
  ...written,
  id: Schema.Int,
  pull_request_review_id: nullable(Schema.Int),
  path: Schema.String,
  line: nullable(Schema.Int),
  in_reply_to_id: nullable(Schema.Int),
  created_at: time,
  updated_at: time
})
export type ReviewComment = typeof ReviewComment.Type

export const CheckRun = Schema.Struct({
  id: Schema.Int,
  name: Schema.String,
  head_sha: Schema.String,
  status: Schema.String,
  conclusion: nullable(Schema.String),
  external_id: nullable(Schema.String),
  started_at: nullable(time),
  app: nullable(Schema.Struct({ id: Schema.Int })),
  output: nullable(Schema.Struct({ title: nullable(Schema.String), summary: nullable(Schema.String) }))
})
export type CheckRun = typeof CheckRun.Type
export const CheckRuns = Schema.Struct({ check_runs: Schema.Array(CheckRun) })

export const Status = Schema.Struct({
  state: Schema.String,
  context: Schema.String,
  description: nullable(Schema.String),
  target_url: nullable(Schema.String),
  creator: user,
  created_at: time
})
export type Status = typeof Status.Type

export const Repository = Schema.Struct({ full_name: Schema.String, default_branch: Schema.NonEmptyString })
export const Repositories = Schema.Struct({
  repositories: Schema.Array(Schema.Struct({ full_name: Schema.String }))
})

export const Permission = Schema.Struct({ permission: Schema.String, role_name: nullable(Schema.String) })

export const Reference = Schema.Struct({ object: Schema.Struct({ sha: Schema.String }) })

export const Merged = Schema.Struct({ sha: Schema.String })

/** What a list of issues says of each. */
export const Listed = Schema.Struct({
  number: Schema.Int,
  updated_at: time,
  assignees: Schema.Array(Schema.Struct({ login: Schema.String })),
  pull_request: nullable(Schema.Unknown)
})
export type Listed = typeof Listed.Type

/** A line of an issue's history. GitHub may give the assignee as the actor; `assigner` is who assigned. */
export const HistoryLine = Schema.Struct({
  id: Schema.Int,
  event: Schema.String,
  actor: nullable(Schema.Struct({ login: Schema.String, type: nullable(Schema.String) })),
  assignee: user,
  assigner: nullable(Schema.Struct({ login: Schema.String, type: nullable(Schema.String) })),
  created_at: time
})

export const Numbered = Schema.Struct({ number: Schema.Int })
export const Identified = Schema.Struct({ id: Schema.Int })

/** A file of a pull request; `patch` is not there for binary and very large ones. */
export const ChangedFile = Schema.Struct({ filename: Schema.String, patch: nullable(Schema.String) })
