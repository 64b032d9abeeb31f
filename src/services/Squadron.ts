import { Context, type Effect, type Stream } from "effect"
import type { Agent } from "../domain/Agent.ts"
import type { AgentNotFound, BusFull, EventNotFound, NotPossible, StoreUnavailable } from "../domain/Errors.ts"
import type { EventDraft, Published } from "../domain/Event.ts"
import type { AgentExplanation, EventExplanation, Status } from "../domain/Explanation.ts"
import type { JournalEntry } from "../domain/Journal.ts"

/** The face: what a person, a page or a program may do with a running squadron. */
export class Squadron extends Context.Service<Squadron, {
  /** Answers after the event is durable. */
  publish(event: EventDraft): Effect.Effect<Published, BusFull | StoreUnavailable>
  /** The journal as it grows, from now on. */
  readonly watch: Stream.Stream<JournalEntry>
  /** Stops it for good; a running turn is interrupted and awaited. The branch and the history stay. */
  cancel(agent: string, reason: string): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
  /** Parks it; a running turn is interrupted and awaited. */
  pause(agent: string, reason: string): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
  /** Lets a paused agent go on. */
  resume(agent: string): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
  /** Gives an escalated, waiting or paused agent a new chance, its messages that were set aside included. */
  retry(agent: string): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
  /** Answers an asking agent. */
  answer(agent: string, answer: string): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
  explainEvent(seq: number): Effect.Effect<EventExplanation, EventNotFound>
  explainAgent(id: string): Effect.Effect<AgentExplanation, AgentNotFound>
  readonly status: Effect.Effect<Status>
  /** Completes when nothing is left to do: all routed, nobody ready or running, nothing queued, no timer due at once. */
  readonly idle: Effect.Effect<void>
  /** Starts no new run, gives running turns their time, then interrupts them; returns when all is committed. */
  readonly drain: Effect.Effect<void>
}>()("squadron/services/Squadron") {}
