import { type Deferred, Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { AgentExists, type StaleVersion, type StoreUnavailable } from "../../domain/Errors.ts"
import type { Event, EventDraft, Published } from "../../domain/Event.ts"
import * as Subject from "../../domain/Subject.ts"
import { appendEvents } from "./appendEvents.ts"
import { type Applied, applySteps, type Decision } from "./applySteps.ts"
import { addSeal } from "./seals.ts"

/** Why a step is not committed. */
export type Refusal = StaleVersion | AgentExists | StoreUnavailable

/** What a caller wants written. */
export type Job =
  | {
      readonly _tag: "Publish"
      readonly draft: EventDraft
      readonly done: Deferred.Deferred<Published, StoreUnavailable>
    }
  | {
      readonly _tag: "Step"
      readonly decision: Decision
      readonly settle: (refused: Refusal | null) => void
    }
  | {
      readonly _tag: "Write"
      /** Fails only where the whole transaction must; else what the body came to is kept until it is durable. */
      readonly body: Effect.Effect<ReadonlyArray<EventDraft>, SqlError.SqlError, SqlClient.SqlClient>
      readonly settle: (failure: StoreUnavailable | null) => void
    }

type Context = Parameters<typeof applySteps>[1]

export const isUniqueViolation = (error: SqlError.SqlError): boolean => error.reason._tag === "UniqueViolation"

// each in a savepoint of its own, so that a broken constraint is its own affair
const oneByOne = (sql: SqlClient.SqlClient, decisions: ReadonlyArray<Decision>, context: Context) =>
  Effect.forEach(decisions, (decision) => {
    let clash = new AgentExists({ role: "", subject: "" })
    const remembered: Decision = {
      agents: decision.agents,
      actions: decision.actions,
      decide: (current, actions) => {
        const step = decision.decide(current, actions)
        const born = "_tag" in step ? undefined : step.agents.find((change) => change.expected === null)
        if (born !== undefined)
          clash = new AgentExists({ role: born.agent.role, subject: Subject.key(born.agent.subject) })
        return step
      }
    }
    return sql.withTransaction(applySteps([remembered], { ...context, known: () => undefined })).pipe(
      Effect.map((applied): Applied | AgentExists => applied),
      Effect.catchIf(isUniqueViolation, () => Effect.succeed(clash))
    )
  })

/**
 * Writes what all of these jobs want, in the caller's transaction. `together`: the steps as one, which a broken
 * constraint fails as a whole; else each in a savepoint of its own.
 */
export const writeGroup = Effect.fnUntraced(function* (jobs: ReadonlyArray<Job>, together: boolean, context: Context) {
  const sql = yield* SqlClient.SqlClient
  const { last } = context
  const publishes = jobs.filter((job) => job._tag === "Publish")
  const steps = jobs.filter((job) => job._tag === "Step")
  const appended =
    publishes.length === 0
      ? null
      : yield* appendEvents(
          publishes.map((job) => job.draft),
          last
        )
  const events: Array<Event> = appended === null ? [] : [...appended.events]
  const list = steps.map((job) => job.decision)
  const outcomes: ReadonlyArray<Applied | AgentExists> =
    steps.length === 0 ? [] : together ? [yield* applySteps(list, context)] : yield* oneByOne(sql, list, context)
  for (const outcome of outcomes) if ("refused" in outcome) events.push(...outcome.events)
  for (const job of jobs) {
    if (job._tag !== "Write") continue
    const drafts = yield* Effect.provideService(job.body, SqlClient.SqlClient, sql)
    if (drafts.length > 0) events.push(...(yield* appendEvents(drafts, last)).events)
  }
  const lines = outcomes.flatMap((outcome) => ("refused" in outcome ? outcome.lines : []))
  const seal = lines.length === 0 ? null : yield* addSeal(sql, last.seal, lines)
  return { publishes, steps, appended, outcomes, together, seal, events: events.toSorted((a, b) => a.seq - b.seq) }
})

/** What a group came to. */
export type Group = Effect.Success<ReturnType<typeof writeGroup>>
