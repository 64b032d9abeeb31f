import type { QueuedAction } from "../../domain/Action.ts"
import type { Agent, AgentStatus } from "../../domain/Agent.ts"
import type { Event, EventDraft } from "../../domain/Event.ts"
import type { JournalEntry, JournalKind, RuleVerdict } from "../../domain/Journal.ts"
import type { MessageKind, MessageStatus } from "../../domain/Message.ts"
import type { Run } from "../../domain/Run.ts"
import * as Subject from "../../domain/Subject.ts"
import type { Timer, TimerKind } from "../../domain/Timer.ts"

/** A value as the database takes it. */
export type Cell = string | number | null

/** Rows are written by this program only, so reading them trusts their shape; what people send is decoded before. */
const json = <A>(text: string): A => JSON.parse(text)

export const eventColumns = ["seq", "key", "type", "subject", "at", "body"]
export const eventCells = (seq: number, draft: EventDraft): ReadonlyArray<Cell> => [
  seq,
  draft.key,
  draft.detail._tag,
  Subject.key(draft.subject),
  draft.at,
  JSON.stringify(draft)
]
export type EventRow = { readonly seq: number; readonly body: string }
export const eventOf = (row: EventRow): Event => ({ seq: row.seq, ...json<EventDraft>(row.body) })

export const agentColumns = [
  "id",
  "role",
  "subject",
  "repository",
  "kind",
  "number",
  "status",
  "version",
  "priority",
  "unread",
  "since",
  "created_at",
  "state"
]
/** Between which numbers an agent's rows lie in the tables that only grow, instead of an index over each. */
export const spanColumns = ["first_message", "last_message", "first_journal", "last_journal", "first_run", "last_run"]
export type AgentSpan = { readonly [Column in `${"first" | "last"}_${"message" | "journal" | "run"}`]: number }
type AgentState = Pick<
  Agent,
  "setAside" | "timer" | "counters" | "blockedOn" | "note" | "session" | "fingerprint" | "depth"
> &
  Partial<Pick<Agent, "pullRequest" | "branch" | "vouchedAt" | "approved">>
export const agentCells = (agent: Agent): ReadonlyArray<Cell> => {
  const state: AgentState = {
    setAside: agent.setAside,
    timer: agent.timer,
    counters: agent.counters,
    blockedOn: agent.blockedOn,
    note: agent.note,
    session: agent.session,
    fingerprint: agent.fingerprint,
    depth: agent.depth,
    // most agents have none of these
    ...(agent.pullRequest === null ? {} : { pullRequest: agent.pullRequest }),
    ...(agent.branch === null ? {} : { branch: agent.branch }),
    ...(agent.vouchedAt === null ? {} : { vouchedAt: agent.vouchedAt }),
    ...(agent.approved.length === 0 ? {} : { approved: agent.approved })
  }
  return [
    agent.id,
    agent.role,
    Subject.key(agent.subject),
    agent.subject.repository,
    agent.subject.kind,
    agent.subject.number,
    agent.status,
    agent.version,
    agent.priority,
    agent.unread,
    agent.since,
    agent.createdAt,
    JSON.stringify(state)
  ]
}
export type AgentRow = {
  readonly id: string
  readonly role: string
  readonly repository: string
  readonly kind: Subject.SubjectKind
  readonly number: number
  readonly status: AgentStatus
  readonly version: number
  readonly priority: number
  readonly unread: number
  readonly since: number
  readonly created_at: number
  readonly state: string
}
export const agentOf = (row: AgentRow): Agent => ({
  id: row.id,
  role: row.role,
  subject: { repository: row.repository, kind: row.kind, number: row.number },
  status: row.status,
  version: row.version,
  priority: row.priority,
  unread: row.unread,
  createdAt: row.created_at,
  since: row.since,
  pullRequest: null,
  branch: null,
  vouchedAt: null,
  approved: [],
  ...json<AgentState>(row.state)
})

export const messageColumns = ["id", "agent", "kind", "event", "status", "text", "reason"]
export type MessageRow = {
  readonly id: number
  readonly agent: string
  readonly kind: MessageKind
  readonly event: number
  readonly status: MessageStatus
  readonly text: string
  readonly reason: string
}

export const runOf = (row: { readonly body: string }): Run => json<Run>(row.body)

type ActionBody = Pick<QueuedAction, "subject" | "depth" | "action">
export type ActionRow = {
  readonly id: number
  readonly key: string
  readonly agent: string | null
  readonly status: QueuedAction["status"]
  readonly attempts: number
  readonly error: string
  readonly body: string
}
export const actionOf = (row: ActionRow): QueuedAction => ({
  id: row.id,
  key: row.key,
  agent: row.agent,
  status: row.status,
  attempts: row.attempts,
  error: row.error,
  ...json<ActionBody>(row.body)
})

export const timerOf = (row: {
  readonly id: string
  readonly agent: string
  readonly kind: TimerKind
  readonly due_at: number
}): Timer => ({ id: row.id, agent: row.agent, kind: row.kind, dueAt: row.due_at })

export const journalColumns = ["id", "kind", "at", "event", "agent", "text", "verdicts"]
export type JournalRow = {
  readonly id: number
  readonly kind: JournalKind
  readonly at: number
  readonly event: number | null
  readonly agent: string | null
  readonly text: string
  readonly verdicts: string
}
export const journalOf = (row: JournalRow): JournalEntry => ({
  id: row.id,
  kind: row.kind,
  at: row.at,
  event: row.event,
  agent: row.agent,
  text: row.text,
  verdicts: row.verdicts === "" ? [] : json<ReadonlyArray<RuleVerdict>>(row.verdicts)
})
