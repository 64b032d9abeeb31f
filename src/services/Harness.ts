import { Cause, Context, Effect, Layer, type Scope } from "effect"
import type { ActionDraft, RequestedAction } from "../domain/Action.ts"
import type { Agent } from "../domain/Agent.ts"
import type { Message } from "../domain/Message.ts"
import { Outcome } from "../domain/Outcome.ts"
import type { Role } from "../domain/Role.ts"
import type { Usage } from "../domain/Usage.ts"
import type { Grant } from "./Capabilities.ts"
import type { Workspace } from "./Workspaces.ts"

/** What an agent is told at the start of a turn. */
export type TurnInput = {
  readonly agent: Agent
  readonly role: Role
  /** `<agent>/<n>`. */
  readonly run: string
  /** 1 for the first turn of the run. */
  readonly turn: number
  /** New since the last committed turn, in order; empty when the agent only continues. */
  readonly messages: ReadonlyArray<Message>
  /** What Squadron has to say, such as that the last run was cut off and may have acted; or empty. */
  readonly notice: string
  /** Keeps the session, so that it can be resumed also where this turn is cut off. */
  readonly remember?: ((session: string) => Effect.Effect<void>) | undefined
  /** What the agent reads, made when it is asked for; where it cannot be made, the outcome that the turn has. */
  readonly briefing: Effect.Effect<Briefing, Outcome>
}

/** A turn's prompt: `whole` for a mind that knows nothing yet, `news` for one that has the conversation so far. */
export type Briefing = { readonly whole: string; readonly news: string }

/** Where a run takes place. */
export type Place = {
  /** The agent's own workspace; null for a role without one, which works in its harness's `cwd`. */
  readonly workspace: Workspace | null
  /** What the run may do through its tools; null where there are none. */
  readonly grant: Grant | null
}

/** What a turn came to. */
export type TurnResult = {
  readonly outcome: Outcome
  readonly actions: ReadonlyArray<RequestedAction>
  readonly transcript: string
  readonly exit: number | null
  readonly stderr: string
  /** To resume by, where the harness can. */
  readonly session: string | null
  /** Equal for two turns between which nothing changed; null where the harness cannot tell. */
  readonly fingerprint: string | null
  /** What a completed turn lacks, as Squadron found by looking; a sentence each. */
  readonly missing?: ReadonlyArray<string> | undefined
  /** What Squadron itself has to do after it, such as telling the forge how its gate went; whatever the outcome. */
  readonly own?: ReadonlyArray<ActionDraft> | undefined
  /** What the turn used; not there counts as unmeasured. */
  readonly usage?: Usage | undefined
}

/** One agent's mind for one run. */
export type HarnessSession = {
  /** Ends in a result, whatever happens; interrupting it ends the turn. Its own time limits are the pool's. */
  turn(input: TurnInput): Effect.Effect<TurnResult>
  /** The agent as opening left it, and what its first turn tells it of that; as it was, and nothing, unless told. */
  readonly opened?: { readonly agent: Agent; readonly notice: string } | undefined
}

/** What an Effect function answers a turn with: an outcome, or an outcome and what it wants done in the forge. */
export type FunctionAnswer = Outcome | { readonly outcome: Outcome; readonly actions: ReadonlyArray<RequestedAction> }

/** An agent as an Effect function. A failure is a crash, with what it failed with as the reason. */
export type FunctionAgent = (input: TurnInput) => Effect.Effect<FunctionAnswer, unknown>

/** A result that says nothing but its outcome. */
export const resultOf = (outcome: Outcome, actions: ReadonlyArray<RequestedAction> = []): TurnResult => ({
  outcome,
  actions,
  transcript: "",
  exit: null,
  stderr: "",
  session: null,
  fingerprint: null
})

/** How agents' minds are driven. Closing the scope ends everything that the session started. */
export class Harness extends Context.Service<
  Harness,
  {
    open(agent: Agent, role: Role, run: string): Effect.Effect<HarnessSession, never, Scope.Scope>
  }
>()("squadron/services/Harness") {
  /**
   * Agents as Effect functions, by the name that their role gives.
   *
   * @example
   * Harness.layerFunctions({ greet: () => Effect.succeed(Outcome.cases.Completed.make({ evidence: { summary: "hi" } })) })
   */
  static readonly layerFunctions = (functions: { readonly [Name in string]: FunctionAgent }): Layer.Layer<Harness> =>
    Layer.succeed(
      Harness,
      Harness.of({
        open: (_agent, role) => {
          const name = role.harness._tag === "function" ? role.harness.name : ""
          const run = Object.hasOwn(functions, name) ? functions[name] : undefined
          return Effect.succeed({
            turn: (input) =>
              run === undefined
                ? Effect.succeed(resultOf(missing(role, Object.keys(functions))))
                : Effect.map(
                    Effect.catch(run(input), (error) =>
                      Effect.succeed(
                        Outcome.cases.Crashed.make({ exit: null, stderr: Cause.pretty(Cause.fail(error)) })
                      )
                    ),
                    (answer) => ("_tag" in answer ? resultOf(answer) : resultOf(answer.outcome, answer.actions))
                  )
          })
        }
      })
    )
}

const missing = (role: Role, known: ReadonlyArray<string>): Outcome =>
  Outcome.cases.Crashed.make({
    exit: null,
    stderr:
      role.harness._tag === "function"
        ? `Role ${role.name} names the function ${role.harness.name}, which is not registered. Registered: ${known.join(", ") || "none"}.`
        : `Role ${role.name} wants the harness ${role.harness._tag}, which this program does not have.`
  })
