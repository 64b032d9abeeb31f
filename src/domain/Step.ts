import type { ActionDraft, ActionStatus } from "./Action.ts"
import type { Agent } from "./Agent.ts"
import type { EventDraft } from "./Event.ts"
import type { JournalDraft } from "./Journal.ts"
import type { MessageDraft } from "./Message.ts"
import type { Run } from "./Run.ts"
import type { Timer } from "./Timer.ts"

/** A new agent, or an agent as it shall be; `expected` is the version that the decision was made on. */
export interface AgentChange {
  readonly agent: Agent
  /** Null for a new agent. */
  readonly expected: number | null
}

/** One atomic commit: all of it is durable, or nothing. */
export interface Step {
  /** Events up to this sequence number are routed. */
  readonly cursor: number | null
  readonly agents: ReadonlyArray<AgentChange>
  readonly messages: ReadonlyArray<MessageDraft>
  /** Message ids that a committed turn has seen. */
  readonly read: ReadonlyArray<number>
  readonly setAside: ReadonlyArray<{ readonly id: number; readonly reason: string }>
  /** Agents whose messages, set aside before, become unread again. */
  readonly restored: ReadonlyArray<string>
  /** Runs that end with it. */
  readonly runs: ReadonlyArray<Run>
  readonly actions: ReadonlyArray<ActionDraft>
  /** What became of actions that were tried; one that stays `queued` is tried again. */
  readonly settled: ReadonlyArray<{
    readonly id: number
    readonly status: ActionStatus
    readonly error: string
    /** How many tries that took; one unless told. */
    readonly tries?: number
  }>
  /** Actions that failed for good and are queued again, with their key; of another status they stay as they are. */
  readonly retried: ReadonlyArray<number>
  readonly timers: ReadonlyArray<Timer>
  /** Agents whose timer is no longer wanted, or has fired. */
  readonly timersDropped: ReadonlyArray<string>
  /** Pull requests, by subject key, and branches, by `branchKey`, and the agents whose work they are. */
  readonly owned: ReadonlyArray<{ readonly subject: string; readonly agent: string }>
  /** Facts that follow. */
  readonly events: ReadonlyArray<EventDraft>
  readonly journal: ReadonlyArray<JournalDraft>
}

export const empty: Step = {
  cursor: null,
  agents: [],
  messages: [],
  read: [],
  setAside: [],
  restored: [],
  runs: [],
  actions: [],
  settled: [],
  retried: [],
  timers: [],
  timersDropped: [],
  owned: [],
  events: [],
  journal: []
}

export const make = (step: Partial<Step>): Step => ({ ...empty, ...step })
