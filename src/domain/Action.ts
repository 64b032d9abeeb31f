import { Schema } from "effect"
import { Subject } from "./Subject.ts"

/** Something to do in the forge. */
export const Action = Schema.TaggedUnion({
  comment: { body: Schema.NonEmptyString },
  add_labels: { labels: Schema.NonEmptyArray(Schema.NonEmptyString) },
  remove_labels: { labels: Schema.NonEmptyArray(Schema.NonEmptyString) },
  assign: { assignees: Schema.NonEmptyArray(Schema.NonEmptyString) },
  open_issue: {
    title: Schema.NonEmptyString,
    body: Schema.String,
    labels: Schema.Array(Schema.NonEmptyString)
  },
  close_issue: { reason: Schema.Literals(["completed", "not_planned"]) },
  reopen_issue: {}
})
export type Action = typeof Action.Type
export type ActionType = Action["_tag"]

/** An action as a harness asks for it: on the agent's own subject unless it names an issue of the same repository. */
export const RequestedAction = Schema.Struct({ action: Action, issue: Schema.optionalKey(Schema.Int) })
export type RequestedAction = typeof RequestedAction.Type

/** An action on its way into the outbox. `key` makes the world see it once. */
export const ActionDraft = Schema.Struct({
  key: Schema.NonEmptyString,
  subject: Subject,
  agent: Schema.NullOr(Schema.String),
  /** Causality depth of the events that it will cause. */
  depth: Schema.Int,
  action: Action
})
export type ActionDraft = typeof ActionDraft.Type

export const ActionStatus = Schema.Literals(["queued", "done", "failed"])
export type ActionStatus = typeof ActionStatus.Type

/** An action in the outbox. */
export const QueuedAction = Schema.Struct({
  id: Schema.Int,
  ...ActionDraft.fields,
  status: ActionStatus,
  attempts: Schema.Int,
  error: Schema.String
})
export type QueuedAction = typeof QueuedAction.Type

/** What an action came to, e.g. `{ issue: 12 }` for `open_issue`. */
export const ActionResult = Schema.Struct({
  issue: Schema.optionalKey(Schema.Int),
  comment: Schema.optionalKey(Schema.Int)
})
export type ActionResult = typeof ActionResult.Type
