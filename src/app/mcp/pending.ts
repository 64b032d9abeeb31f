/** The question about work that was withheld in this turn. It stays the turn's report until the turn undoes it. */
import { Outcome } from "../../domain/Outcome.ts"
import type { Grant } from "../../services/Capabilities.ts"

type Pending = {
  readonly outcome: Outcome
  /** About the files that wait for a person's word. */
  readonly question: string
  /** What the agent wants to know besides, or null. */
  readonly asked: string | null
}

/** Good as long as the report is the very one that was made here: a new turn begins without a report. */
const kept = new WeakMap<Grant, Pending>()

/** What is pending in this turn, or null. */
export const pendingOf = (grant: Grant): Pending | null => {
  const pending = kept.get(grant)
  return pending !== undefined && pending.outcome === grant.reported ? pending : null
}

const keep = (grant: Grant, question: string, asked: string | null): void => {
  const whole = asked === null ? question : `${question}\n\nThe agent also asks:\n\n${asked}`
  const outcome = Outcome.cases.NeedsInput.make({ question: whole })
  kept.set(grant, { outcome, question, asked })
  grant.reported = outcome
}

/** Asks about withheld files, in the place of an earlier such question; what the agent asked itself is asked too. */
export const withhold = (grant: Grant, question: string): void => {
  const pending = pendingOf(grant)
  const own = grant.reported?._tag === "NeedsInput" ? grant.reported.question : null
  keep(grant, question, pending === null ? own : pending.asked)
}

/** Keeps the agent's own question: beside the pending one, or as the turn's report. */
export const askBeside = (grant: Grant, asked: string): void => {
  const pending = pendingOf(grant)
  if (pending === null) grant.reported = Outcome.cases.NeedsInput.make({ question: asked })
  else keep(grant, pending.question, asked)
}

/** Nothing waits for a person's word any more; what the agent asked itself stays. */
export const release = (grant: Grant): void => {
  const pending = pendingOf(grant)
  if (pending === null) return
  grant.reported = pending.asked === null ? null : Outcome.cases.NeedsInput.make({ question: pending.asked })
}
