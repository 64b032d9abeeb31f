import { Clock, Context, Effect, Redacted, Schema } from "effect"
import type { Agent } from "../../domain/Agent.ts"
import type { ForgeError } from "../../domain/Errors.ts"
import type { JournalKind } from "../../domain/Journal.ts"
import { secretIn } from "../../domain/secrets.ts"
import * as Step from "../../domain/Step.ts"
import type { Grant } from "../../services/Capabilities.ts"
import { Store } from "../../services/Store.ts"

/** The run whose token a request carries. */
export class Caller extends Context.Service<Caller, Grant>()("squadron/app/mcp/Caller") {}

/** One call of a tool. `noted` is whether its journal line is written. */
export class Call extends Context.Service<Call, { readonly grant: Grant; readonly tool: string; noted: boolean }>()(
  "squadron/app/mcp/Call"
) {}

/** What people allowed an agent. */
export class Consent extends Context.Service<
  Consent,
  {
    /** Paths of protected files that it may change. */
    approvedPaths(agent: string): Effect.Effect<ReadonlyArray<string>>
    /** Until when somebody with write access vouched for the texts on its subject, in milliseconds since 1970. */
    vouched(agent: Agent): number | null
  }
>()("squadron/app/mcp/Consent") {}

/** A call that is not done. `noted` is for the journal, where the reason says more than may stand there. */
export class ToolRefused extends Schema.TaggedError<ToolRefused>()("ToolRefused", {
  reason: Schema.String,
  noted: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return this.reason
  }
}

/** What a tool answers: the text for the agent, and one line for the journal. */
export type Answer = { readonly text: string; readonly line: string; readonly isError?: boolean }

export const refuse = (reason: string): Effect.Effect<never, ToolRefused> => Effect.fail(new ToolRefused({ reason }))

/** How long the forge may take to answer a question. */
const patience = "30 seconds"

const late = new ToolRefused({ reason: "The forge did not answer within 30 seconds. Try again." })

/** Asks the forge; what it cannot tell is refused in its words. */
export const ask = <A, E extends ForgeError | { readonly _tag: string; readonly message: string }, R>(
  question: Effect.Effect<A, E, R>
): Effect.Effect<A, ToolRefused, R> =>
  question.pipe(
    Effect.mapError((error) => {
      const again = "retryable" in error && error.retryable ? " Try again in a minute." : ""
      return new ToolRefused({ reason: `${error.message}.${again}`.replace(/\.\.+/, ".") })
    }),
    Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(late) })
  )

/** The agent as it is now; as the run began where its row cannot be read. */
export const agentNow = Effect.gen(function* () {
  const { grant } = yield* Call
  const store = yield* Store
  return yield* Effect.orElseSucceed(store.agent(grant.agent.id), () => grant.agent)
})

/** A journal line, cut to what a person reads. */
export const lineOf = (kind: JournalKind, agent: string, at: number, text: string) => ({
  kind,
  at,
  event: null,
  agent,
  text: text.length > 300 ? `${text.slice(0, 300).toWellFormed()} …` : text,
  verdicts: []
})

/** What the store says when it cannot take something now. */
export const unwritten = (error: { readonly message: string }): ToolRefused =>
  new ToolRefused({ reason: `Nothing was done, since it could not be written down: ${error.message} Try again.` })

/** Writes a line about a call into the journal; what an agent wrote into a name or a number may be a secret. */
export const note = Effect.fnUntraced(function* (kind: "tool.called" | "tool.refused", grant: Grant, text: string) {
  const store = yield* Store
  const at = yield* Clock.currentTimeMillis
  const secret = secretIn(text, Redacted.value(grant.token))
  const line = secret === null ? text : `a call whose arguments hold ${secret}`
  yield* store.commit(Step.make({ journal: [lineOf(kind, grant.agent.id, at, line)] }))
})

/** All texts in a value, however deep. */
export const textsOf = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string"
    ? [value]
    : typeof value === "object" && value !== null
      ? Object.values(value).flatMap(textsOf)
      : []

/** Lets no secret out: neither one of a well-known shape nor the run's own token. */
export const mindSecrets = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const { grant } = yield* Call
  for (const text of texts) {
    const kind = secretIn(text, Redacted.value(grant.token))
    if (kind !== null) return yield* refuse(`Your text holds ${kind}. Leave it out and call again.`)
  }
})
