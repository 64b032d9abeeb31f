import { Schema } from "effect"
import { ForgeNumber } from "./Subject.ts"

/** What an agent can show for its work; checked, not believed. */
export const Evidence = Schema.Struct({
  summary: Schema.String,
  commits: Schema.optionalKey(Schema.Array(Schema.String)),
  pullRequest: Schema.optionalKey(ForgeNumber)
})
export type Evidence = typeof Evidence.Type

/** The typed result of a run: every end of a run is exactly one of these. */
export const Outcome = Schema.TaggedUnion({
  Completed: { evidence: Evidence },
  NoWorkNeeded: { reason: Schema.String },
  /** `on`: subject keys, `owner/name#12`. */
  Blocked: { on: Schema.Array(Schema.String), reason: Schema.String },
  NeedsInput: { question: Schema.String },
  TurnEnded: {},
  TurnCap: { progressed: Schema.Boolean },
  BudgetExhausted: { kind: Schema.String },
  /** Milliseconds since 1970. */
  QuotaLimited: { resetAt: Schema.Int },
  /** Milliseconds. */
  RateLimited: { retryAfter: Schema.Int },
  NotAuthorized: { reason: Schema.String },
  ToolsDenied: { tools: Schema.Array(Schema.String) },
  Refused: { reason: Schema.String },
  Stalled: { silentFor: Schema.Int },
  TimedOut: { limit: Schema.Int },
  Crashed: { exit: Schema.NullOr(Schema.Int), stderr: Schema.String },
  ProtocolError: { message: Schema.String },
  WorkspaceError: { message: Schema.String },
  Cancelled: { by: Schema.String },
  Interrupted: { reason: Schema.String }
})
export type Outcome = typeof Outcome.Type

/** The outcomes that a program of its own may report; the rest is for Squadron to find. */
export const ReportedOutcome = Schema.Union([
  Outcome.cases.Completed,
  Outcome.cases.NoWorkNeeded,
  Outcome.cases.Blocked,
  Outcome.cases.NeedsInput,
  Outcome.cases.TurnEnded,
  Outcome.cases.RateLimited,
  Outcome.cases.QuotaLimited,
  Outcome.cases.NotAuthorized,
  Outcome.cases.Refused
])
export type ReportedOutcome = typeof ReportedOutcome.Type

/** Whether the outcome is a failure that its policy retries with backoff. */
export const isRetried = (outcome: Outcome): boolean => {
  switch (outcome._tag) {
    case "Stalled":
    case "TimedOut":
    case "Crashed":
    case "ProtocolError":
    case "WorkspaceError":
      return true
    default:
      return false
  }
}

const cutOff = "interrupted: "

/** Whether this is what `describe` says of a run that was interrupted. */
export const tellsOfCut = (text: string): boolean => text.startsWith(cutOff)

/** One line for a person. */
export const describe = (outcome: Outcome): string =>
  Outcome.match(outcome, {
    Completed: ({ evidence }) => evidence.summary,
    NoWorkNeeded: ({ reason }) => `no work needed: ${reason}`,
    Blocked: ({ on, reason }) => `blocked on ${on.join(", ")}: ${reason}`,
    NeedsInput: ({ question }) => `asks: ${question}`,
    TurnEnded: () => "the turn ended without a word on its result",
    TurnCap: () => "the run used all its turns",
    BudgetExhausted: ({ kind }) => `the ${kind} budget is used up`,
    QuotaLimited: ({ resetAt }) => `the account's quota is used up until ${resetAt}`,
    RateLimited: ({ retryAfter }) => `rate limited for ${retryAfter} ms`,
    NotAuthorized: ({ reason }) => `not authorized: ${reason}`,
    ToolsDenied: ({ tools }) => `tools denied: ${tools.join(", ")}`,
    Refused: ({ reason }) => `refused: ${reason}`,
    Stalled: ({ silentFor }) => `silent for ${silentFor} ms`,
    TimedOut: ({ limit }) => `still running after its limit of ${limit} ms`,
    Crashed: ({ exit, stderr }) => `crashed${exit === null ? "" : ` with exit code ${exit}`}: ${stderr}`,
    ProtocolError: ({ message }) => `broke the protocol: ${message}`,
    WorkspaceError: ({ message }) => `workspace: ${message}`,
    Cancelled: ({ by }) => `cancelled by ${by}`,
    Interrupted: ({ reason }) => `${cutOff}${reason}`
  })
