import { type Agent, type AgentStatus, agentId, canMove, noCounts } from "./Agent.ts"
import type { Event } from "./Event.ts"
import type { MessageKind } from "./Message.ts"
import type { Role } from "./Role.ts"

/**
 * The agent after a change: one version on, and, if it moved, a new `since` and no timer but one that is given. A move
 * that the table forbids is no move.
 */
export const change = (agent: Agent, now: number, next: Partial<Agent>): Agent => {
  const status = next.status !== undefined && canMove(agent.status, next.status) ? next.status : agent.status
  return {
    ...agent,
    ...next,
    status,
    version: agent.version + 1,
    timer: next.timer === undefined ? (status === agent.status ? agent.timer : null) : next.timer,
    since: status === agent.status ? agent.since : now
  }
}

/** A new agent of the role on the event's subject, ready for its first message. */
export const born = (role: Role, event: Event): Agent => ({
  id: agentId(role.name, event.subject, event.seq),
  role: role.name,
  subject: event.subject,
  status: "ready",
  version: 1,
  priority: role.priority,
  unread: 1,
  setAside: 0,
  timer: null,
  counters: noCounts,
  blockedOn: [],
  note: "",
  session: null,
  fingerprint: null,
  pullRequest: null,
  branch: null,
  vouchedAt: null,
  approved: [],
  depth: event.depth,
  createdAt: event.at,
  since: event.at
})

/** Where a message of this kind takes an agent that stands there. */
const wakes = (status: AgentStatus, kind: MessageKind): AgentStatus => {
  switch (status) {
    case "sleeping":
    case "escalated":
      return "ready"
    case "blocked":
    case "asking":
      return kind === "event" ? status : "ready"
    default:
      return status
  }
}

/** The agent with one more unread message. */
export const receives = (agent: Agent, kind: MessageKind, now: number): Agent => {
  const status = wakes(agent.status, kind)
  return change(agent, now, {
    status,
    unread: agent.unread + 1,
    ...(status === "ready" && agent.status !== "ready"
      ? { blockedOn: [], note: "", counters: { ...agent.counters, retries: 0, standstill: 0 } }
      : {})
  })
}
