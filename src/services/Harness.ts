import { Cause, Context, Effect, Layer, type Scope } from "effect"
import type { RequestedAction } from "../domain/Action.ts"
import type { Agent } from "../domain/Agent.ts"
import type { Message } from "../domain/Message.ts"
import { Outcome } from "../domain/Outcome.ts"
import type { Role } from "../domain/Role.ts"

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
}

/** One agent's mind for one run. */
export type HarnessSession = {
  /** Ends in a result, whatever happens; interrupting it ends the turn. Its own time limits are the pool's. */
  turn(input: TurnInput): Effect.Effect<TurnResult>
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
