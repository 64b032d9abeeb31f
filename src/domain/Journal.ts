import { Schema } from "effect"

/** Why a rule did or did not take an event. */
export const RuleVerdict = Schema.Struct({
  role: Schema.String,
  rule: Schema.Int,
  matched: Schema.Boolean,
  why: Schema.String
})
export type RuleVerdict = typeof RuleVerdict.Type

export const JournalKind = Schema.Literals([
  "event.routed",
  "agent.created",
  "agent.changed",
  "run.ended",
  "message.set_aside",
  "action.done",
  "action.failed",
  "landing.decided",
  "tool.called",
  "tool.refused",
  "config.changed",
  "squadron.started",
  "squadron.stopped"
])
export type JournalKind = typeof JournalKind.Type

/** A line on its way into the journal. */
export const JournalDraft = Schema.Struct({
  kind: JournalKind,
  at: Schema.Int,
  event: Schema.NullOr(Schema.Int),
  agent: Schema.NullOr(Schema.String),
  /** One line for a person. */
  text: Schema.String,
  verdicts: Schema.Array(RuleVerdict)
})
export type JournalDraft = typeof JournalDraft.Type

/** One line of the append-only record of what was decided and why. */
export const JournalEntry = Schema.Struct({ id: Schema.Int, ...JournalDraft.fields })
export type JournalEntry = typeof JournalEntry.Type
