import type { Action, ActionDraft } from "./Action.ts"
import { type Agent, canMove, isLive, roleOfId } from "./Agent.ts"
import { born, change, receives } from "./changeAgent.ts"
import type { Event } from "./Event.ts"
import type { JournalDraft, RuleVerdict } from "./Journal.ts"
import { matchRule } from "./matchRule.ts"
import { type Command, commandOf, type Mention } from "./Mention.ts"
import type { MessageDraft, MessageKind } from "./Message.ts"
import { help, mayNot, noSuchRole, waitsForWord } from "./replies.ts"
import type { Role, Squad } from "./Role.ts"
import { newsForOwner, ownerOf } from "./pullRequestNews.ts"
import { type Steering, steers } from "./steering.ts"
import * as Step from "./Step.ts"
import * as Subject from "./Subject.ts"

export interface RouteInput {
  readonly event: Event
  readonly squad: Squad
  /**
   * Live agents on the subject, agents blocked on it, the agent that the event names, and the one whose pull request or
   * branch it is about.
   */
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
  const owned: Array<Step.Step["owned"][number]> = []
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
  const act = (name: string, on: Subject.Subject, action: Action, agent: string | null = null) =>
    actions.push({ key: `e${event.seq}/${name}`, subject: on, agent, depth: event.depth + 1, action })
  const owner = ownerOf(event, input.roster)
  const heldBy = (role: Role): Agent | undefined =>
    [...before.values()].map(current).find(
      (agent) =>
        agent.role === role.name &&
        isLive(agent.status) &&
        // who opened a pull request is who is addressed there
        (Subject.key(agent.subject) === Subject.key(event.subject) || agent.id === owner?.id)
    )
  const deliver = (role: Role, kind: MessageKind, text: string, vouches: boolean) => {
    const vouched = vouches ? { vouchedAt: now } : {}
    const held = heldBy(role)
    if (held === undefined) {
      const agent = { ...born(role, event), ...vouched }
      before.set(agent.id, agent)
      put(agent)
      send(agent.id, kind, text)
      said.push(`${agent.id} is new`)
      note("agent.created", agent.id, `${role.name} starts on ${Subject.key(event.subject)}`)
      return
    }
    // whoever stops because of this event is not told about it
    if (handedOver) return
    const next = { ...receives(held, kind, now), ...vouched }
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
      case "agent.approved":
        put({
          // only one that asked has to hear of it
          ...(addressed.status === "asking" ? receives(addressed, "answer", now) : change(addressed, now, {})),
          timer: addressed.timer,
          approved: [...new Set([...addressed.approved, ...detail.paths])]
        })
        if (addressed.status === "asking") {
          send(addressed.id, "answer", `${event.actor.login} approved your changes to ${detail.paths.join(", ")}.`)
        }
        said.push(`${addressed.id} may change ${detail.paths.join(", ")}`)
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
    const waiting = new Set<string>()
    for (const command of commands) {
      if (command._tag === "Address" && command.role !== own) {
        addressedRoles.set(command.role, [...(addressedRoles.get(command.role) ?? []), command.text])
      }
    }
    for (const role of squad.roles) {
      const texts = addressedRoles.get(role.name)
      let matched = false
      const steering = steers(squad, role, event, heldBy(role))
      for (const [index, rule] of role.on.entries()) {
        if (rule.event !== detail._tag) continue
        const verdict: { readonly matched: boolean; readonly why: string } =
          role.name === own
            ? { matched: false, why: "does not hear what its own agents did" }
            : matched
              ? { matched: false, why: "an earlier rule of the role took it" }
              : trusting(matchRule(rule, event), steering)
        matched ||= verdict.matched
        verdicts.push({ role: role.name, rule: index + 1, ...verdict })
        if (!steering.allowed && steering.waits && rule.event === detail._tag && matchRule(rule, event).matched) {
          waiting.add(role.name)
        }
      }
      if (texts !== undefined) {
        const verdict = trusting({ matched: true, why: "is addressed in the text" }, steering)
        verdicts.push({ role: role.name, rule: 0, ...verdict })
        if (steering.allowed) deliver(role, "command", texts.join("\n\n"), steering.vouches)
        else reply(`refused-${role.name}`, mayNot(role, event.actor.login, steering.why))
      } else if (matched && role.name !== owner?.role) deliver(role, "event", "", steering.allowed && steering.vouches)
    }
    const news = owner === undefined ? null : newsForOwner(event, owner)
    if (owner !== undefined && news !== null && isLive(current(owner).status) && !after.has(owner.id)) {
      const role = squad.roles.find((one) => one.name === owner.role)
      const steering = role === undefined ? null : steers(squad, role, event, owner)
      if (role !== undefined && steering?.allowed === true) deliver(role, "event", news, steering.vouches)
      else if (steering !== null && !steering.allowed) said.push(`${owner.id} is not told: ${steering.why}`)
    }
    // one comment for a subject and role, however many events ask for it
    for (const name of waiting) {
      actions.push({
        key: `${Subject.key(event.subject)}/waits/${name}`,
        subject: event.subject,
        agent: null,
        depth: event.depth + 1,
        action: { _tag: "comment", body: waitsForWord(name, squad.mention) }
      })
    }
    if (event.actor.kind === "person" || event.actor.kind === "bot") {
      if (commands.some((command) => command._tag === "Help")) reply("help", help(squad))
      const unknown = commands.find((command) => command._tag === "Unknown")
      if (unknown?._tag === "Unknown") reply("unknown", noSuchRole(squad, unknown.word))
    }
    const subject = Subject.key(event.subject)
    if (detail._tag === "pull_request.opened" && owner !== undefined && isLive(owner.status)) {
      put(change(current(owner), now, { pullRequest: event.subject.number, timer: current(owner).timer }))
      owned.push({ subject, agent: owner.id })
      said.push(`${owner.id} has its pull request`)
    }
    if (detail._tag === "pull_request.closed" && owner !== undefined && owner.pullRequest === event.subject.number) {
      const { head, merged } = detail.pullRequest
      if (merged) {
        act("delete-branch", Subject.repository(event.subject.repository), {
          _tag: "delete_branch",
          branch: head.ref,
          commit: head.sha
        })
        if (owner.subject.kind === "issue") act("close", owner.subject, { _tag: "close_issue", reason: "completed" })
      }
      const held = current(owner)
      if (isLive(held.status)) {
        if (!merged) move(held, "cancelled", `its pull request was closed by ${event.actor.login}`)
        else if (canMove(held.status, "done")) move(held, "done", "its pull request is merged")
        else move(held, "cancelled", "its pull request is merged")
      }
    }
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
    owned,
    journal
  })
}

/** A rule's verdict, once it is known whether the event may wake the role at all. */
const trusting = (
  verdict: { readonly matched: boolean; readonly why: string },
  steering: Steering
): { readonly matched: boolean; readonly why: string } =>
  verdict.matched && !steering.allowed ? { matched: false, why: steering.why } : verdict

const expectedOf = (roster: ReadonlyArray<Agent>, agent: Agent): number | null =>
  roster.find((other) => other.id === agent.id)?.version ?? null
