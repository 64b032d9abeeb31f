import { Clock, Effect, Latch, Option, Redacted, Schema } from "effect"
import { Action, type QueuedAction } from "../../domain/Action.ts"
import * as Step from "../../domain/Step.ts"
import type * as Subject from "../../domain/Subject.ts"
import { Capabilities } from "../../services/Capabilities.ts"
import { Store } from "../../services/Store.ts"
import { Call, lineOf, mindSecrets, refuse, textsOf, type ToolRefused, unwritten } from "./Call.ts"

/** How long a call waits for the outbox. */
const patience = "20 seconds"

/** Actions of one agent that are looked through for the one that is waited for. */
const looked = 500

/** What became of an action while its call waited. */
export type Acted =
  | { readonly _tag: "Done" }
  | { readonly _tag: "Failed"; readonly why: string }
  | { readonly _tag: "Queued" }

const isAction: (value: unknown) => boolean = Schema.is(Action)

const outcomeOf = (action: Option.Option<QueuedAction>): Acted =>
  Option.match(action, {
    onNone: () => ({ _tag: "Queued" }),
    onSome: ({ error, status }) => (status === "done" ? { _tag: "Done" } : { _tag: "Failed", why: error })
  })

/** Completes with the action once the outbox has settled it. */
const settled = Effect.fnUntraced(function* (
  store: Store["Service"],
  agent: string,
  key: string,
  changed: Latch.Latch
) {
  while (true) {
    changed.closeUnsafe()
    const action = (yield* store.actions({ agent, limit: looked })).find((one) => one.key === key)
    if (action !== undefined && action.status !== "queued") return action
    yield* changed.await
  }
})

/**
 * Puts an action into the outbox, with the call's journal line in the same step, and waits a while for what becomes of
 * it. Only a run that has not ended may act, and nothing with a secret in it is done.
 */
export const act = Effect.fnUntraced(function* (options: {
  readonly subject: Subject.Subject
  readonly action: Action
  /** For the journal. */
  readonly line: string
}): Effect.fn.Return<Acted, ToolRefused, Call | Store | Capabilities> {
  const { action, line, subject } = options
  const call = yield* Call
  const { grant } = call
  const store = yield* Store
  const capabilities = yield* Capabilities
  yield* mindSecrets(textsOf(action))
  if (!isAction(action)) return yield* refuse(`${action._tag} cannot be done with these values.`)
  if (capabilities.find(Redacted.value(grant.token)) !== grant) return yield* refuse("Your run has ended.")
  grant.calls += 1
  const key = `${grant.run}/c${grant.calls}`
  const agent = grant.agent.id
  const changed = yield* Latch.make(false)
  return yield* Effect.gen(function* () {
    yield* store.observe((committed) => {
      if (committed.actions) changed.openUnsafe()
    })
    const at = yield* Clock.currentTimeMillis
    yield* Effect.mapError(
      store.commit(
        Step.make({
          actions: [{ key, subject, agent, depth: grant.agent.depth + 1, action }],
          journal: [lineOf("tool.called", agent, at, line)]
        })
      ),
      unwritten
    )
    call.noted = true
    return outcomeOf(yield* Effect.timeoutOption(settled(store, agent, key, changed), patience))
  }).pipe(Effect.scoped)
})

/** What the agent is told of an action; `done` is asked for only where it is done. */
export const told = <E, R>(
  acted: Acted,
  line: string,
  done: Effect.Effect<string, E, R>
): Effect.Effect<{ readonly text: string; readonly line: string; readonly isError?: boolean }, never, R> => {
  switch (acted._tag) {
    case "Done":
      return Effect.map(
        Effect.orElseSucceed(done, () => "Done."),
        (text) => ({ text, line })
      )
    case "Failed":
      return Effect.succeed({ text: `Failed: ${acted.why.replace(/\.?$/, ".")}`, line, isError: true })
    case "Queued":
      return Effect.succeed({ text: "Queued; it will be done. Do not call again for it.", line })
  }
}
