import { Schema } from "effect"
import { QueuedAction } from "./Action.ts"
import { Agent, AgentStatus } from "./Agent.ts"
import { Event } from "./Event.ts"
import { JournalEntry } from "./Journal.ts"
import { Run } from "./Run.ts"

/** Why an event did what it did, from the journal. */
export const EventExplanation = Schema.Struct({
  event: Event,
  routed: Schema.Boolean,
  /** Its routing line holds the verdict on each rule that listens to its type. */
  journal: Schema.Array(JournalEntry),
  agents: Schema.Array(Agent)
})
export type EventExplanation = typeof EventExplanation.Type

/** How an agent came to where it stands, from the journal. */
export const AgentExplanation = Schema.Struct({
  agent: Agent,
  journal: Schema.Array(JournalEntry),
  runs: Schema.Array(Run),
  actions: Schema.Array(QueuedAction)
})
export type AgentExplanation = typeof AgentExplanation.Type

/** What `squadron status` shows. */
export const Status = Schema.Struct({
  version: Schema.String,
  startedAt: Schema.Int,
  /** False while draining. */
  accepting: Schema.Boolean,
  events: Schema.Int,
  routed: Schema.Int,
  agents: Schema.Record(AgentStatus, Schema.Int),
  unread: Schema.Int,
  setAside: Schema.Int,
  actionsQueued: Schema.Int,
  actionsFailed: Schema.Int,
  permits: Schema.Struct({ held: Schema.Int, limit: Schema.Int }),
  roles: Schema.Array(
    Schema.Struct({ name: Schema.String, description: Schema.String, running: Schema.Int, limit: Schema.Int })
  )
})
export type Status = typeof Status.Type
