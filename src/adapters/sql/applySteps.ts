import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Agent, AgentStatus } from "../../domain/Agent.ts"
import { StaleVersion } from "../../domain/Errors.ts"
import type { Event, EventDraft } from "../../domain/Event.ts"
import type { JournalEntry } from "../../domain/Journal.ts"
import type { Step } from "../../domain/Step.ts"
import * as Subject from "../../domain/Subject.ts"
import { forValues, insertRows, orUpdate } from "./insertRows.ts"
import {
  agentCells,
  agentColumns,
  agentOf,
  type AgentRow,
  eventCells,
  eventColumns,
  journalColumns,
  messageColumns,
  spanColumns
} from "./rows.ts"

const allAgentColumns = [...agentColumns, ...spanColumns]
// who it is and where its rows begin never changes, so no index over it is touched
const orUpdateAgent = orUpdate("id", [
  "status",
  "version",
  "unread",
  "since",
  "state",
  ...spanColumns.filter((column) => column.startsWith("last_"))
])

/** What a group of steps came to. */
export interface Applied {
  /** One per step: null, or why it was refused. */
  readonly refused: ReadonlyArray<StaleVersion | null>
  readonly agents: ReadonlyArray<Agent>
  readonly journal: ReadonlyArray<JournalEntry>
  readonly events: ReadonlyArray<Event>
  /** How many agents came to and left each status. */
  readonly moved: ReadonlyMap<AgentStatus, number>
  /** Whether actions were queued. */
  readonly actions: boolean
  /** Whether timers were set or dropped. */
  readonly timers: boolean
}

/** Appends events whose keys are new; the answer holds a number for every key, old or new. */
export const appendEvents = Effect.fnUntraced(function* (drafts: ReadonlyArray<EventDraft>) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* insertRows<{ seq: number; key: string }>(
    sql,
    "events",
    eventColumns,
    drafts.map(eventCells),
    "ON CONFLICT (key) DO NOTHING RETURNING seq, key"
  )
  const fresh = new Map(rows.map((row) => [row.key, row.seq]))
  const known = new Map<string, number>()
  if (fresh.size < drafts.length) {
    const missing = [...new Set(drafts.map((draft) => draft.key))].filter((key) => !fresh.has(key))
    for (const row of yield* forValues<{ seq: number; key: string }>(
      sql,
      "SELECT seq, key FROM events WHERE key IN (??)",
      missing
    )) {
      known.set(row.key, row.seq)
    }
  }
  const events: Array<Event> = []
  const taken = new Set<string>()
  for (const draft of drafts) {
    const seq = fresh.get(draft.key)
    if (seq !== undefined && !taken.has(draft.key)) {
      taken.add(draft.key)
      events.push({ seq, ...draft })
    }
  }
  return { events, fresh, known }
})

/** A step that is decided when its turn comes. */
export interface Decision {
  /** The agents that it must see. */
  readonly agents: ReadonlyArray<string>
  readonly decide: (current: ReadonlyMap<string, Agent>) => Step | StaleVersion
}

/** A step that was decided before: refused where an agent has another version by now. */
export const decided = (step: Step): Decision => ({
  agents: step.agents.map((change) => change.agent.id),
  decide: (current) => {
    for (const { agent, expected } of step.agents) {
      const actual = current.get(agent.id)?.version ?? null
      if (actual !== expected) return new StaleVersion({ agent: agent.id, expected, actual })
    }
    return step
  }
})

/**
 * Decides and applies in order, in the caller's transaction, with one statement per table for all of them. A
 * decision that is refused is left out; a broken constraint fails the whole group.
 */
export const applySteps = Effect.fnUntraced(function* (decisions: ReadonlyArray<Decision>, watched: boolean) {
  const sql = yield* SqlClient.SqlClient
  const ids =
    decisions.length === 1
      ? (decisions[0]?.agents ?? [])
      : [...new Set(decisions.flatMap((decision) => decision.agents))]
  const rows = yield* forValues<AgentRow>(sql, "SELECT * FROM agents WHERE id IN (??)", ids)
  const current = new Map<string, Agent>()
  const statuses = new Map<string, AgentStatus>()
  for (const row of rows) {
    current.set(row.id, agentOf(row))
    statuses.set(row.id, row.status)
  }
  const agents = new Map<string, Agent>()
  const refused: Array<StaleVersion | null> = []
  const accepted: Array<Step> = []
  for (const decision of decisions) {
    const step = decision.decide(current)
    if ("_tag" in step) {
      refused.push(step)
      continue
    }
    refused.push(null)
    accepted.push(step)
    for (const { agent } of step.agents) {
      current.set(agent.id, agent)
      // last in order, so that the row that frees a subject comes before the one that takes it
      agents.delete(agent.id)
      agents.set(agent.id, agent)
    }
  }
  const moved = new Map<AgentStatus, number>()
  const count = (status: AgentStatus, by: number) => moved.set(status, (moved.get(status) ?? 0) + by)
  for (const agent of agents.values()) {
    const from = statuses.get(agent.id)
    if (from !== undefined) count(from, -1)
    count(agent.status, 1)
  }
  const all = [...agents.values()]

  const messages = accepted.flatMap((step) => step.messages)
  const runs = accepted.flatMap((step) => step.runs)
  const journal = accepted.flatMap((step) => step.journal)
  // a run may end after its agent was stopped, and a request be refused: such rows must be found, too
  const named = new Set([...runs.map((run) => run.agent), ...journal.flatMap((line) => line.agent ?? [])])
  const others = [...named].filter((id) => !agents.has(id))
  if (all.length > 0 || others.length > 0) {
    const [tops] = yield* sql<{ message: number; journal: number; run: number }>`SELECT
      coalesce((SELECT max(id) FROM messages), 0) AS message, coalesce((SELECT max(id) FROM journal), 0) AS journal,
      coalesce((SELECT max(id) FROM runs), 0) AS run`
    const { message, journal: line, run } = tops ?? { message: 0, journal: 0, run: 0 }
    const span = [message, message + messages.length, line, line + journal.length, run, run + runs.length]
    yield* insertRows(
      sql,
      "agents",
      allAgentColumns,
      all.map((agent) => [...agentCells(agent), ...span]),
      orUpdateAgent
    )
    yield* forValues(
      sql,
      `UPDATE agents SET last_journal = ${line + journal.length}, last_run = ${run + runs.length} WHERE id IN (??)`,
      others
    )
  }
  yield* insertRows(
    sql,
    "messages",
    messageColumns,
    messages.map((message) => [message.agent, message.kind, message.event, "unread", message.text, ""])
  )
  yield* forValues(
    sql,
    "UPDATE messages SET status = 'read' WHERE id IN (??)",
    accepted.flatMap((step) => step.read)
  )
  yield* insertRows(
    sql,
    "runs",
    ["agent", "body"],
    runs.map((run) => [run.agent, JSON.stringify(run)])
  )
  yield* insertRows(
    sql,
    "actions",
    ["key", "subject", "agent", "status", "attempts", "error", "body"],
    accepted.flatMap((step) =>
      step.actions.map((draft) => [
        draft.key,
        Subject.key(draft.subject),
        draft.agent,
        "queued",
        0,
        "",
        JSON.stringify({ subject: draft.subject, depth: draft.depth, action: draft.action })
      ])
    ),
    "ON CONFLICT (key) DO NOTHING"
  )
  const numbered = yield* insertRows<{ id: number }>(
    sql,
    "journal",
    journalColumns,
    journal.map((line) => [
      line.kind,
      line.at,
      line.event,
      line.agent,
      line.text,
      line.verdicts.length === 0 ? "" : JSON.stringify(line.verdicts)
    ]),
    watched ? "RETURNING id" : ""
  )
  let cursor: number | null = null
  for (const step of accepted) {
    if (step.cursor !== null) cursor = step.cursor
    for (const { id, reason } of step.setAside) {
      yield* sql`UPDATE messages SET status = 'set_aside', reason = ${reason} WHERE id = ${id} AND status = 'unread'`
    }
    for (const { id, status, error } of step.settled) {
      yield* sql`UPDATE actions SET status = ${status}, error = ${error}, attempts = attempts + 1 WHERE id = ${id}`
    }
    for (const agent of step.restored) {
      yield* sql`UPDATE messages SET status = 'unread', reason = '' WHERE agent = ${agent} AND status = 'set_aside'`
    }
    yield* forValues(sql, "DELETE FROM timers WHERE agent IN (??)", step.timersDropped)
    if (step.timers.length > 0) {
      yield* insertRows(
        sql,
        "timers",
        ["agent", "id", "kind", "due_at"],
        step.timers.map((timer) => [timer.agent, timer.id, timer.kind, timer.dueAt]),
        orUpdate("agent", ["agent", "id", "kind", "due_at"])
      )
    }
  }
  if (cursor !== null) yield* sql`UPDATE cursors SET seq = ${cursor} WHERE name = 'router'`
  const drafts = accepted.flatMap((step) => step.events)
  const { events } = drafts.length === 0 ? { events: [] } : yield* appendEvents(drafts)
  const entries = watched ? journal.map((line, index) => ({ id: numbered[index]?.id ?? 0, ...line })) : []
  const applied: Applied = {
    refused,
    agents: all,
    journal: entries,
    events,
    moved,
    actions: accepted.some((step) => step.actions.length > 0 || step.settled.length > 0),
    timers: accepted.some((step) => step.timers.length > 0 || step.timersDropped.length > 0)
  }
  return applied
})
