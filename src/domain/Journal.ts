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
  "action.retried",
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

/** The hash of a seal. */
export const JournalHead = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, {
    message: "expected a head: 64 hexadecimal digits, as `squadron journal verify` prints it"
  })
)

/** Lines that one seal closes, or that none does, and that are not as they were written. */
export const BrokenSpan = Schema.Struct({
  /** The first number that belongs to it. */
  from: Schema.Int,
  /** The last number that belongs to it. */
  to: Schema.Int,
  /** The earliest time of its lines as they are now; null where none is left. */
  since: Schema.NullOr(Schema.Int),
  /** The latest. */
  until: Schema.NullOr(Schema.Int),
  /** `differs`: lines or seals were changed, removed or added. `unsealed`: lines after the last seal. */
  problem: Schema.Literals(["differs", "unsealed"])
})
export type BrokenSpan = typeof BrokenSpan.Type

/** What a look at the whole journal came to. */
export const JournalVerdict = Schema.Struct({
  /** How many lines are as they were written: all, or those before the first broken span. */
  lines: Schema.Int,
  /** The hash of the seal that closes them; null where there are none. */
  head: Schema.NullOr(Schema.String),
  /** The first span in which something is wrong; null where the journal is whole. */
  broken: Schema.NullOr(BrokenSpan),
  /** The last line under the head that was asked for; null where none was, or where it is no seal of these lines. */
  noted: Schema.NullOr(Schema.Int)
})
export type JournalVerdict = typeof JournalVerdict.Type
