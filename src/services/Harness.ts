import { Context, type Effect, type Scope } from "effect"
import type { RequestedAction } from "../domain/Action.ts"
import type { Agent } from "../domain/Agent.ts"
import type { Message } from "../domain/Message.ts"
import type { Outcome } from "../domain/Outcome.ts"
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

/** How agents' minds are driven. Closing the scope ends everything that the session started. */
export class Harness extends Context.Service<Harness, {
  open(agent: Agent, role: Role, run: string): Effect.Effect<HarnessSession, never, Scope.Scope>
}>()("squadron/services/Harness") {}
