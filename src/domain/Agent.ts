import { Schema } from "effect"
import { BranchName } from "./Action.ts"
import { Subject } from "./Subject.ts"

/**
 * Where an agent stands.
 *
 * `ready` has unread messages and waits for a permit; `running` holds one; `waiting` sleeps until its timer;
 * `blocked` until other subjects close; `asking` until a person answers; `paused` and `escalated` until a person
 * says so; `sleeping` until its next message. `done` and `cancelled` are ends.
 */
export const AgentStatus = Schema.Literals([
  "ready",
  "running",
  "waiting",
  "blocked",
  "asking",
  "paused",
  "escalated",
  "sleeping",
  "done",
  "cancelled"
])
export type AgentStatus = typeof AgentStatus.Type

/** The only ways a status may change. */
export const transitions: { readonly [From in AgentStatus]: ReadonlyArray<AgentStatus> } = {
  ready: ["running", "paused", "cancelled"],
  running: ["ready", "waiting", "blocked", "asking", "paused", "escalated", "sleeping", "done", "cancelled"],
  waiting: ["ready", "paused", "cancelled"],
  blocked: ["ready", "paused", "escalated", "cancelled"],
  asking: ["ready", "paused", "escalated", "cancelled"],
  paused: ["ready", "sleeping", "cancelled"],
  escalated: ["ready", "paused", "sleeping", "cancelled"],
  sleeping: ["ready", "paused", "cancelled", "done"],
  done: [],
  cancelled: []
}

/** Whether the table allows it; staying as one is always allowed. */
export const canMove = (from: AgentStatus, to: AgentStatus): boolean => from === to || transitions[from].includes(to)

/** Whether the agent is still on its subject; at most one such agent per role and subject. */
export const isLive = (status: AgentStatus): boolean => status !== "done" && status !== "cancelled"

export const liveStatuses: ReadonlyArray<AgentStatus> = AgentStatus.literals.filter(isLive)

/** What policies count; each starts at 0 again when the work moves on. */
export const Counters = Schema.Struct({
  /** Runs opened so far; the next run's number is one more. */
  runs: Schema.Int,
  /** Failures in a row. */
  retries: Schema.Int,
  /** Turns in a row that ended without an outcome. */
  turnsEnded: Schema.Int,
  /** How often a used-up turn budget was renewed. */
  turnCaps: Schema.Int,
  /** Completions in a row that their evidence did not bear out. */
  unproven: Schema.Int,
  /** Turns in a row in which tools were denied. */
  denials: Schema.Int,
  /** Turns in a row with the same fingerprint. */
  standstill: Schema.Int
})
export type Counters = typeof Counters.Type

export const noCounts: Counters = {
  runs: 0,
  retries: 0,
  turnsEnded: 0,
  turnCaps: 0,
  unproven: 0,
  denials: 0,
  standstill: 0
}

/** One instance of a role on one subject. Its id is never used again, also not after its end. */
export const Agent = Schema.Struct({
  id: Schema.String,
  role: Schema.String,
  subject: Subject,
  status: AgentStatus,
  /** Grows by one with every change; a change that was decided on an older version is refused. */
  version: Schema.Int,
  priority: Schema.Int,
  /** Messages that no committed turn has seen. */
  unread: Schema.Int,
  /** Messages that are set aside until a person retries them. */
  setAside: Schema.Int,
  /** The timer that a waiting agent waits for, or at which a blocked or asking one waits no longer. */
  timer: Schema.NullOr(Schema.String),
  counters: Counters,
  /** Subject keys that must close before a blocked agent goes on; one that waited too long and is escalated keeps them. */
  blockedOn: Schema.Array(Schema.String),
  /** What an asking agent wants to know, or why a parked one is parked. */
  note: Schema.String,
  /** The harness session to resume, where the harness has one. */
  session: Schema.NullOr(Schema.String),
  fingerprint: Schema.NullOr(Schema.String),
  /** The number of its pull request, or null. */
  pullRequest: Schema.NullOr(Schema.Int),
  /** The branch that it works on where that is an earlier agent's; null for its own. */
  branch: Schema.NullOr(BranchName),
  /** Until when a person with write access vouched for what is written on its subject, in milliseconds since 1970. */
  vouchedAt: Schema.NullOr(Schema.Int),
  /** Protected paths that a person let it change. */
  approved: Schema.Array(Schema.String),
  /** Causality depth of the event that created it. */
  depth: Schema.Int,
  createdAt: Schema.Int,
  /** Since when it has this status, in milliseconds since 1970. */
  since: Schema.Int
})
export type Agent = typeof Agent.Type

/** The id of the agent of this role that this event brings to life: unique, since a sequence number is. */
export const agentId = (role: string, subject: Subject, seq: number): string => `${role}-${subject.number}-e${seq}`

/** The role that an agent's id names; a role's own name may end in a number, too. */
export const roleOfId = (id: string): string => id.replace(/-\d+-e\d+$/, "")
