import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { QueuedAction } from "../../domain/Action.ts"
import type { Agent, AgentStatus } from "../../domain/Agent.ts"
import { StaleVersion } from "../../domain/Errors.ts"
import type { Event } from "../../domain/Event.ts"
import type { JournalEntry } from "../../domain/Journal.ts"
import type { Step } from "../../domain/Step.ts"
import * as Subject from "../../domain/Subject.ts"
import { appendEvents } from "./appendEvents.ts"
import { forValues, insertRows, orUpdate } from "./insertRows.ts"
import type { Numbering } from "./numbering.ts"
import {
  actionOf,
  type ActionRow,
  agentCells,
  agentColumns,
  agentOf,
  type AgentRow,
  type Cell,
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
  /** The rows of the journal, which are to be sealed with the transaction. */
  readonly lines: ReadonlyArray<ReadonlyArray<Cell>>
  readonly events: ReadonlyArray<Event>
  /** How many agents came to and left each status. */
  readonly moved: ReadonlyMap<AgentStatus, number>
  /** Whether actions were queued. */
  readonly actions: boolean
  /** Whether timers were set or dropped. */
  readonly timers: boolean
}

/** A step that is decided when its turn comes. */
export interface Decision {
  /** The agents that it must see. */
  readonly agents: ReadonlyArray<string>
  /** The actions that it must see. */
  readonly actions: ReadonlyArray<number>
  readonly decide: (
    current: ReadonlyMap<string, Agent>,
    actions: ReadonlyMap<number, QueuedAction>
  ) => Step | StaleVersion
}

/** A step that was decided before: refused where an agent has another version by now. */
export const decided = (step: Step): Decision => ({
  agents: step.agents.map((change) => change.agent.id),
  actions: [],
  decide: (current) => {
    for (const { agent, expected } of step.agents) {
      const actual = current.get(agent.id)?.version ?? null
      if (actual !== expected) return new StaleVersion({ agent: agent.id, expected, actual })
    }
    return step
  }
})

/** The agents that decisions must see, as they are in this transaction. */
const agentsOf = Effect.fnUntraced(function* (
  decisions: ReadonlyArray<Decision>,
  known: (id: string) => Agent | undefined
) {
  const current = new Map<string, Agent>()
  const unknown = new Set<string>()
  for (const decision of decisions) {
    for (const id of decision.agents) {
      const agent = known(id)
      if (agent === undefined) unknown.add(id)
      else current.set(id, agent)
    }
  }
  const sql = yield* SqlClient.SqlClient
  for (const row of yield* forValues<AgentRow>(sql, "SELECT * FROM agents WHERE id IN (??)", [...unknown])) {
    current.set(row.id, agentOf(row))
  }
  return current
})

/** The actions that decisions must see, as they are in this transaction. */
const actionsOf = Effect.fnUntraced(function* (decisions: ReadonlyArray<Decision>) {
  const sql = yield* SqlClient.SqlClient
  const ids = new Set(decisions.flatMap(({ actions }) => actions))
  const rows = yield* forValues<ActionRow>(sql, "SELECT * FROM actions WHERE id IN (??)", [...ids])
  return new Map(rows.map((row): [number, QueuedAction] => [row.id, actionOf(row)]))
})

/** What a step makes of the actions that were read. */
const follow = (actions: Map<number, QueuedAction>, step: Step): void => {
  if (actions.size === 0) return
  for (const { error, id, status, tries = 1 } of step.settled) {
    const held = actions.get(id)
    if (held !== undefined) actions.set(id, { ...held, status, error, attempts: held.attempts + tries })
  }
  for (const id of step.retried) {
    const held = actions.get(id)
    if (held?.status === "failed") actions.set(id, { ...held, status: "queued", error: "" })
  }
}

/**
 * Decides and applies in order, in the caller's transaction, with one statement per table for all of them. A
 * decision that is refused is left out; a broken constraint fails the whole group. `known` gives agents as they are
 * before, where they need not be read.
 */
export const applySteps = Effect.fnUntraced(function* (
  decisions: ReadonlyArray<Decision>,
  options: {
    readonly watched: boolean
    readonly last: Numbering
    readonly known: (id: string) => Agent | undefined
  }
) {
  const { known, last, watched } = options
  const sql = yield* SqlClient.SqlClient
  const current = yield* agentsOf(decisions, known)
  const actions = yield* actionsOf(decisions)
  const statuses = new Map<string, AgentStatus>()
  for (const agent of current.values()) statuses.set(agent.id, agent.status)
  const agents = new Map<string, Agent>()
  const refused: Array<StaleVersion | null> = []
  const accepted: Array<Step> = []
  for (const decision of decisions) {
    const step = decision.decide(current, actions)
    if ("_tag" in step) {
      refused.push(step)
      continue
    }
    refused.push(null)
    accepted.push(step)
    follow(actions, step)
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
    const span = [
      last.messages,
      last.messages + messages.length,
      last.journal,
      last.journal + journal.length,
      last.runs,
      last.runs + runs.length
    ]
    yield* insertRows(
      sql,
      "agents",
      allAgentColumns,
      all.map((agent) => [...agentCells(agent), ...span]),
      orUpdateAgent
    )
    yield* forValues(
      sql,
      `UPDATE agents SET last_journal = ${last.journal + journal.length}, last_run = ${last.runs + runs.length} WHERE id IN (??)`,
      others
    )
  }
  yield* insertRows(
    sql,
    "messages",
    messageColumns,
    messages.map((message) => [++last.messages, message.agent, message.kind, message.event, "unread", message.text, ""])
  )
  yield* forValues(
    sql,
    "UPDATE messages SET status = 'read' WHERE id IN (??)",
    accepted.flatMap((step) => step.read)
  )
  yield* insertRows(
    sql,
    "runs",
    ["id", "agent", "body"],
    runs.map((run) => [++last.runs, run.agent, JSON.stringify(run)])
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
  const entries = journal.map((line): JournalEntry => ({ id: ++last.journal, ...line }))
  const lines = entries.map((line) => [
    line.id,
    line.kind,
    line.at,
    line.event,
    line.agent,
    line.text,
    line.verdicts.length === 0 ? "" : JSON.stringify(line.verdicts)
  ])
  yield* insertRows(sql, "journal", journalColumns, lines)
  let cursor: number | null = null
  for (const step of accepted) {
    if (step.cursor !== null) cursor = step.cursor
    for (const { id, reason } of step.setAside) {
      yield* sql`UPDATE messages SET status = 'set_aside', reason = ${reason} WHERE id = ${id} AND status = 'unread'`
    }
    for (const { id, status, error, tries = 1 } of step.settled) {
      yield* sql`UPDATE actions SET status = ${status}, error = ${error}, attempts = attempts + ${tries} WHERE id = ${id}`
    }
    yield* forValues(
      sql,
      "UPDATE actions SET status = 'queued', error = '' WHERE status = 'failed' AND id IN (??)",
      step.retried
    )
    for (const agent of step.restored) {
      yield* sql`UPDATE messages SET status = 'unread', reason = '' WHERE agent = ${agent} AND status = 'set_aside'`
    }
    for (const { agent, subject } of step.owned) {
      yield* sql`INSERT INTO pull_owners (subject, agent) VALUES (${subject}, ${agent})
        ON CONFLICT (subject) DO UPDATE SET agent = excluded.agent`
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
  const { events } = drafts.length === 0 ? { events: [] } : yield* appendEvents(drafts, last)
  const applied: Applied = {
    refused,
    agents: all,
    journal: watched ? entries : [],
    lines,
    events,
    moved,
    actions: accepted.some((step) => step.actions.length > 0 || step.settled.length > 0 || step.retried.length > 0),
    timers: accepted.some((step) => step.timers.length > 0 || step.timersDropped.length > 0)
  }
  return applied
})
