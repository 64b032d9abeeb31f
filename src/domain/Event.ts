import { Schema } from "effect"
import { Subject } from "./Subject.ts"
import { Trust } from "./Trust.ts"

/** Who did it. `agent` is one of our own agents, `system` is Squadron itself. */
export const Actor = Schema.Struct({
  login: Schema.String,
  kind: Schema.Literals(["person", "bot", "agent", "system"]),
  /** What the forge lets them do in the repository; not there where the forge did not say, which counts as nothing. */
  trust: Schema.optionalKey(Trust)
})
export type Actor = typeof Actor.Type

export const IssueSnapshot = Schema.Struct({
  title: Schema.String,
  body: Schema.String,
  state: Schema.Literals(["open", "closed"]),
  author: Schema.String,
  labels: Schema.Array(Schema.String),
  assignees: Schema.Array(Schema.String),
  /** The least trust of those who wrote title and body; not there counts as none. */
  trust: Schema.optionalKey(Trust)
})
export type IssueSnapshot = typeof IssueSnapshot.Type

export const PullRequestSnapshot = Schema.Struct({
  title: Schema.String,
  body: Schema.String,
  state: Schema.Literals(["open", "closed"]),
  author: Schema.String,
  labels: Schema.Array(Schema.String),
  draft: Schema.Boolean,
  merged: Schema.Boolean,
  /** `repository` is another one for a pull request from a fork. */
  head: Schema.Struct({ ref: Schema.String, sha: Schema.String, repository: Schema.optionalKey(Schema.String) }),
  base: Schema.Struct({ ref: Schema.String, sha: Schema.String }),
  trust: Schema.optionalKey(Trust)
})
export type PullRequestSnapshot = typeof PullRequestSnapshot.Type

export const CommentSnapshot = Schema.Struct({
  id: Schema.Int,
  body: Schema.String,
  author: Schema.String,
  /** The author's standing in the repository, in GitHub's words: OWNER, MEMBER, COLLABORATOR, NONE … */
  association: Schema.String
})
export type CommentSnapshot = typeof CommentSnapshot.Type

const PushedCommit = Schema.Struct({
  id: Schema.String,
  message: Schema.String,
  added: Schema.Array(Schema.String),
  modified: Schema.Array(Schema.String),
  removed: Schema.Array(Schema.String)
})

const issue = { issue: IssueSnapshot }
const pull = { pullRequest: PullRequestSnapshot }
const review = Schema.Struct({ id: Schema.Int, state: Schema.String, body: Schema.String, author: Schema.String })
const check = {
  name: Schema.String,
  sha: Schema.String,
  conclusion: Schema.String,
  pullRequests: Schema.Array(Schema.Int)
}
const agent = { agent: Schema.String }

/** What happened. The tag is the event's one name in rules, tables, CLI and API. */
export const Detail = Schema.TaggedUnion({
  "issue.opened": issue,
  "issue.reopened": issue,
  "issue.closed": issue,
  "issue.edited": issue,
  "issue.assigned": { ...issue, assignee: Schema.String },
  "issue.labeled": { ...issue, label: Schema.String },
  "issue.unlabeled": { ...issue, label: Schema.String },
  "comment.created": { comment: CommentSnapshot, title: Schema.String, labels: Schema.Array(Schema.String) },
  /** The actor is who edited it, not who wrote it first. */
  "comment.edited": { comment: CommentSnapshot, title: Schema.String, labels: Schema.Array(Schema.String) },
  "pull_request.opened": pull,
  "pull_request.edited": pull,
  /** Squadron saw that it cannot be merged: its base has moved where its head changed the same. */
  "pull_request.conflicted": pull,
  "pull_request.closed": pull,
  "pull_request.synchronized": pull,
  "pull_request.labeled": { ...pull, label: Schema.String },
  "pull_request.unlabeled": { ...pull, label: Schema.String },
  "review.submitted": { ...pull, review },
  "review.dismissed": { ...pull, review },
  "review_comment.created": {
    ...pull,
    comment: CommentSnapshot,
    path: Schema.String,
    line: Schema.NullOr(Schema.Int)
  },
  push: {
    ref: Schema.String,
    before: Schema.String,
    after: Schema.String,
    forced: Schema.Boolean,
    deleted: Schema.Boolean,
    commits: Schema.Array(PushedCommit)
  },
  "check_suite.completed": check,
  "check_run.completed": check,
  "status.changed": {
    context: Schema.String,
    sha: Schema.String,
    state: Schema.String,
    branches: Schema.Array(Schema.String)
  },
  "timer.fired": { timer: Schema.String, kind: Schema.String, ...agent },
  "agent.cancel_requested": { ...agent, reason: Schema.String },
  "agent.pause_requested": { ...agent, reason: Schema.String },
  "agent.resume_requested": agent,
  "agent.retry_requested": agent,
  "agent.answered": { ...agent, answer: Schema.String },
  /** A person lets the agent change these protected paths. */
  "agent.approved": { ...agent, paths: Schema.Array(Schema.String) },
  /** A library user's own event. */
  custom: { name: Schema.NonEmptyString, payload: Schema.Json },
  /** Stored, routed to nothing: a kind of event that Squadron has no use for yet. */
  other: { name: Schema.String, action: Schema.String }
})
export type Detail = typeof Detail.Type
export type EventType = Detail["_tag"]

/** Every event type that a rule may name. */
export const eventTypes: ReadonlyArray<EventType> = Object.keys(Detail.cases) as Array<EventType>

const draft = {
  /** Dedupe key: the same key is never accepted twice. For GitHub it is the delivery id. */
  key: Schema.NonEmptyString,
  source: Schema.Literals(["github", "local", "timer", "person", "library"]),
  /** When it happened, in milliseconds since 1970. */
  at: Schema.Int,
  actor: Actor,
  subject: Subject,
  /** The agent whose action caused this event; rules use it to keep an agent from waking itself. */
  causedBy: Schema.NullOr(Schema.String),
  /** How many agents stand between this event and what a person or the world did; routing stops at a bound. */
  depth: Schema.Int,
  detail: Detail
}

/** An event that is not published yet. */
export const EventDraft = Schema.Struct(draft)
export type EventDraft = typeof EventDraft.Type

/** A fact that happened, immutable, with its place in the order of all facts. */
export const Event = Schema.Struct({ seq: Schema.Int, ...draft })
export type Event = typeof Event.Type

/** The answer to a publish: given only after the event is on disk. */
export const Published = Schema.TaggedUnion({ Accepted: { seq: Schema.Int }, Duplicate: { seq: Schema.Int } })
export type Published = typeof Published.Type

/** The issue's or pull request's labels as the event saw them, or none where it has none. */
export const labelsOf = (detail: Detail): ReadonlyArray<string> =>
  "issue" in detail
    ? detail.issue.labels
    : "pullRequest" in detail
      ? detail.pullRequest.labels
      : "labels" in detail
        ? detail.labels
        : []

/** The text in which a person may address an agent, or the empty string. An edit addresses nobody: it may keep what somebody else wrote. */
export const textOf = (detail: Detail): string => {
  switch (detail._tag) {
    case "comment.created":
    case "review_comment.created":
      return detail.comment.body
    case "review.submitted":
      return detail.review.body
    case "issue.opened":
      return detail.issue.body
    case "pull_request.opened":
      return detail.pullRequest.body
    default:
      return ""
  }
}
