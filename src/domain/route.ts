import type { ActionDraft } from "./Action.ts"
import { type Agent, canMove, isLive, roleOfId } from "./Agent.ts"
import { born, change, receives } from "./changeAgent.ts"
import type { Event } from "./Event.ts"
import type { JournalDraft, RuleVerdict } from "./Journal.ts"
import { matchRule } from "./matchRule.ts"
import { type Command, commandOf, type Mention } from "./Mention.ts"
import type { MessageDraft, MessageKind } from "./Message.ts"
import { help, noSuchRole } from "./replies.ts"
import type { Role, Squad } from "./Role.ts"
import * as Step from "./Step.ts"
import * as Subject from "./Subject.ts"

export interface RouteInput {
  readonly event: Event
  readonly squad: Squad
  /** Live agents on the subject, agents blocked on it, and the agent that the event names. */
  readonly roster: ReadonlyArray<Agent>
  /** What the event's text says to Squadron. */
  readonly mentions: ReadonlyArray<Mention>
}

/**
 * Decides what an event means for the squad: which agents are born, which get a message, which stop, and why no
 * other rule took it. Pure and total; the same input gives the same step. An event never wakes the role that caused
 * it, nor anyone once `maxDepth` agents stand between it and what a person did.
 */
export const route = (input: RouteInput): Step.Step => {
  const { event, squad } = input
  const detail = event.detail
  const now = event.at
  const before = new Map(input.roster.map((agent) => [agent.id, agent]))
  const after = new Map<string, Agent>()
  const messages: Array<MessageDraft> = []
  const actions: Array<ActionDraft> = []
  const journal: Array<JournalDraft> = []
  const verdicts: Array<RuleVerdict> = []
  const restored: Array<string> = []
  const dropped: Array<string> = []
  const said: Array<string> = []
  const current = (agent: Agent): Agent => after.get(agent.id) ?? agent
  const note = (kind: JournalDraft["kind"], agent: string | null, text: string, why: ReadonlyArray<RuleVerdict> = []) =>
    journal.push({ kind, at: now, event: event.seq, agent, text, verdicts: why })
  const put = (agent: Agent) => {
    after.set(agent.id, agent)
    if (agent.timer === null && (before.get(agent.id)?.timer ?? null) !== null) dropped.push(agent.id)
  }
  const send = (agent: string, kind: MessageKind, text: string) =>
    messages.push({ agent, kind, event: event.seq, text })
  const reply = (name: string, body: string) =>
    actions.push({
      key: `e${event.seq}/${name}`,
      subject: event.subject,
      agent: null,
      depth: event.depth + 1,
      action: { _tag: "comment", body }
    })

  const handedOver =
    detail._tag === "issue.assigned" && event.actor.kind === "person" && detail.assignee !== squad.mention
  const deliver = (role: Role, kind: MessageKind, text: string) => {
    const held = [...before.values()]
      .map(current)
      .find(
        (agent) =>
          agent.role === role.name && isLive(agent.status) && Subject.key(agent.subject) === Subject.key(event.subject)
      )
    if (held === undefined) {
      const agent = born(role, event)
      before.set(agent.id, agent)
      put(agent)
      send(agent.id, kind, text)
      said.push(`${agent.id} is new`)
      note("agent.created", agent.id, `${role.name} starts on ${Subject.key(event.subject)}`)
      return
    }
    // whoever stops because of this event is not told about it
    if (handedOver) return
    const next = receives(held, kind, now)
    put(next.status === "waiting" || next.status === "paused" ? next : { ...next, timer: null })
    send(held.id, kind, text)
    said.push(next.status === held.status ? `${held.id} gets a message` : `${held.id} wakes`)
  }

  const move = (agent: Agent, to: Agent["status"], why: string, next: Partial<Agent> = {}) => {
    if (!canMove(agent.status, to)) {
      said.push(`${agent.id} is ${agent.status}, so ${why} changes nothing`)
      return
    }
    put(change(current(agent), now, { note: "", timer: null, ...next, status: to }))
    said.push(`${agent.id}: ${agent.status} → ${to}`)
    note("agent.changed", agent.id, `${agent.status} → ${to}: ${why}`)
  }

  if (detail._tag === "timer.fired") {
    const timer = before.get(detail.agent)?.timer ?? null
    if (timer === null || timer === detail.timer) dropped.push(detail.agent)
  }
  const addressed = "agent" in detail ? before.get(detail.agent) : undefined
  if ("agent" in detail && (addressed === undefined || !isLive(addressed.status))) {
    said.push(`there is no live agent ${detail.agent}`)
  } else if (addressed !== undefined) {
    switch (detail._tag) {
      case "timer.fired":
        if (addressed.timer === detail.timer) move(addressed, "ready", `its ${detail.kind} timer is due`)
        else said.push("its timer is no longer wanted")
        break
      case "agent.cancel_requested":
        move(
          addressed,
          "cancelled",
          `cancelled by ${event.actor.login}${detail.reason === "" ? "" : `: ${detail.reason}`}`,
          {
            note: `cancelled by ${event.actor.login}`
          }
        )
        break
      case "agent.pause_requested":
        move(addressed, "paused", `paused by ${event.actor.login}${detail.reason === "" ? "" : `: ${detail.reason}`}`, {
          note: `paused by ${event.actor.login}`
        })
        break
      case "agent.resume_requested":
        if (addressed.status !== "paused") said.push(`${addressed.id} is ${addressed.status}, not paused`)
        else {
          // what is counted is not settled, so its work is not done
          const { runs: _, ...counted } = addressed.counters
          const goesOn =
            addressed.unread > 0 || addressed.blockedOn.length > 0 || Object.values(counted).some((n) => n > 0)
          move(addressed, goesOn ? "ready" : "sleeping", `resumed by ${event.actor.login}`)
        }
        break
      case "agent.retry_requested":
        if (addressed.setAside > 0) restored.push(addressed.id)
        move(addressed, addressed.status === "running" ? "running" : "ready", `retried by ${event.actor.login}`, {
          unread: addressed.unread + addressed.setAside,
          setAside: 0,
          counters: {
            ...addressed.counters,
            retries: 0,
            turnsEnded: 0,
            turnCaps: 0,
            unproven: 0,
            denials: 0,
            standstill: 0
          }
        })
        break
      case "agent.answered":
        put({ ...receives(addressed, "answer", now), timer: addressed.timer })
        send(addressed.id, "answer", detail.answer)
        said.push(`${addressed.id} has its answer`)
        break
    }
  } else if (event.depth > squad.policy.maxDepth) {
    said.push(`${event.depth} agents stand between this and what a person did; the chain ends here`)
  } else {
    const own = event.causedBy === null ? null : roleOfId(event.causedBy)
    const commands = input.mentions
      .map((mention) =>
        commandOf(
          mention,
          squad.roles.map((role) => role.name)
        )
      )
      .filter((command): command is Command => command !== null)
    const addressedRoles = new Map<string, Array<string>>()
    for (const command of commands) {
      if (command._tag === "Address" && command.role !== own) {
        addressedRoles.set(command.role, [...(addressedRoles.get(command.role) ?? []), command.text])
      }
    }
    for (const role of squad.roles) {
      const texts = addressedRoles.get(role.name)
      let matched = false
      for (const [index, rule] of role.on.entries()) {
        if (rule.event !== detail._tag) continue
        const verdict: { readonly matched: boolean; readonly why: string } =
          role.name === own
            ? { matched: false, why: "does not hear what its own agents did" }
            : matched
              ? { matched: false, why: "an earlier rule of the role took it" }
              : matchRule(rule, event)
        matched ||= verdict.matched
        verdicts.push({ role: role.name, rule: index + 1, ...verdict })
      }
      if (texts !== undefined) {
        verdicts.push({ role: role.name, rule: 0, matched: true, why: "is addressed in the text" })
        deliver(role, "command", texts.join("\n\n"))
      } else if (matched) deliver(role, "event", "")
    }
    if (event.actor.kind === "person" || event.actor.kind === "bot") {
      if (commands.some((command) => command._tag === "Help")) reply("help", help(squad))
      const unknown = commands.find((command) => command._tag === "Unknown")
      if (unknown?._tag === "Unknown") reply("unknown", noSuchRole(squad, unknown.word))
    }
    const subject = Subject.key(event.subject)
    if (detail._tag === "issue.closed" || detail._tag === "pull_request.closed") {
      for (const agent of input.roster) {
        const held = current(agent)
        if (held.status === "blocked" && held.blockedOn.includes(subject)) {
          const left = held.blockedOn.filter((other) => other !== subject)
          if (left.length > 0) put(change(held, now, { blockedOn: left }))
          else {
            put(change(held, now, { status: "ready", blockedOn: [], note: "", unread: held.unread + 1 }))
            send(held.id, "event", "")
            note("agent.changed", held.id, `blocked → ready: ${subject} is closed`)
          }
          said.push(left.length > 0 ? `${held.id} still waits for ${left.join(", ")}` : `${held.id} is free`)
        } else if (
          Subject.key(held.subject) === subject &&
          !after.has(held.id) &&
          held.status !== "ready" &&
          held.status !== "running" &&
          isLive(held.status)
        ) {
          if (held.status === "sleeping") move(held, "done", `${subject} is closed`)
          else move(held, "cancelled", `${subject} is closed`)
        }
      }
    }
    if (handedOver) {
      const stopped = input.roster.filter((agent) => isLive(agent.status) && Subject.key(agent.subject) === subject)
      for (const agent of stopped) move(agent, "cancelled", `${subject} was given to ${detail.assignee}`)
      if (stopped.length > 0) {
        reply(
          "handover",
          `${detail.assignee} takes over. Stopped: ${stopped.map((agent) => agent.role).join(", ")}. Work done so far is kept.`
        )
      }
    }
  }

  const only = messages.length === 1 ? (messages[0]?.agent ?? null) : "agent" in detail ? detail.agent : null
  const text =
    said.length > 0 ? said.join("; ") : detail._tag === "other" ? "no use for this event yet" : "nobody takes it"
  note("event.routed", only, `${detail._tag} on ${Subject.key(event.subject)}: ${text}`, verdicts)

  return Step.make({
    agents: [...after.values()].map((agent) => ({ agent, expected: expectedOf(input.roster, agent) })),
    messages,
    actions,
    restored,
    timersDropped: dropped,
    journal
  })
}

const expectedOf = (roster: ReadonlyArray<Agent>, agent: Agent): number | null =>
  roster.find((other) => other.id === agent.id)?.version ?? null
