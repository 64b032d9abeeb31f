import { type Agent, isLive, roleOfId } from "./Agent.ts"
import { born, receives } from "./changeAgent.ts"
import { matchRule } from "./matchRule.ts"
import { type Command, commandOf } from "./Mention.ts"
import type { MessageKind } from "./Message.ts"
import { newsForOwner, ownerOf } from "./pullRequestNews.ts"
import { help, mayNot, noSuchRole, waitsForWord } from "./replies.ts"
import type { Role } from "./Role.ts"
import { isHandedOver, routeClosing, routeHandover, routePull } from "./routeEnding.ts"
import { isRequest, routeRequest } from "./routeRequest.ts"
import { makeRouting, type RouteInput, type Routing } from "./Routing.ts"
import { type Steering, steers } from "./steering.ts"
import type { Step } from "./Step.ts"
import * as Subject from "./Subject.ts"

/** The role's live agent for the event: on its subject, or, on a pull request, the one that opened it. */
const heldBy = (routing: Routing, role: Role, owner: Agent | undefined): Agent | undefined =>
  routing.find(
    (agent) =>
      agent.role === role.name &&
      isLive(agent.status) &&
      (Subject.key(agent.subject) === Subject.key(routing.event.subject) || agent.id === owner?.id)
  )

/** Gives the role's agent a message, and brings one to life where there is none. */
const deliver = (
  routing: Routing,
  role: Role,
  held: Agent | undefined,
  message: { readonly kind: MessageKind; readonly text: string; readonly vouches: boolean }
): void => {
  const { event, now } = routing
  const vouched = message.vouches ? { vouchedAt: now } : {}
  if (held === undefined) {
    const agent = { ...born(role, event), ...vouched }
    routing.add(agent)
    routing.send(agent.id, message.kind, message.text)
    routing.say(`${agent.id} is new`)
    routing.note("agent.created", agent.id, `${role.name} starts on ${Subject.key(event.subject)}`)
    return
  }
  // whoever stops because of this event is not told about it
  if (isHandedOver(event, routing.squad)) return
  const next = { ...receives(held, message.kind, now), ...vouched }
  routing.put(next)
  routing.send(held.id, message.kind, message.text)
  routing.say(next.status === held.status ? `${held.id} gets a message` : `${held.id} wakes`)
}

/** A rule's verdict, once it is known whether the event may wake the role at all. */
const trusting = (
  verdict: { readonly matched: boolean; readonly why: string },
  steering: Steering
): { readonly matched: boolean; readonly why: string } =>
  verdict.matched && !steering.allowed ? { matched: false, why: steering.why } : verdict

/** Asks each role whether a rule of its takes the event, or whether it is addressed. Gives those that wait for a word. */
const applyRules = (
  routing: Routing,
  owner: Agent | undefined,
  addressed: ReadonlyMap<string, ReadonlyArray<string>>
): ReadonlySet<string> => {
  const { event, squad } = routing
  const own = event.causedBy === null ? null : roleOfId(event.causedBy)
  const waiting = new Set<string>()
  for (const role of squad.roles) {
    const held = heldBy(routing, role, owner)
    const steering = steers(squad, role, event, held)
    let matched = false
    for (const [index, rule] of role.on.entries()) {
      if (rule.event !== event.detail._tag) continue
      const takes = matchRule(rule, event)
      const verdict: { readonly matched: boolean; readonly why: string } =
        role.name === own
          ? { matched: false, why: "does not hear what its own agents did" }
          : matched
            ? { matched: false, why: "an earlier rule of the role took it" }
            : trusting(takes, steering)
      matched ||= verdict.matched
      routing.judge({ role: role.name, rule: index + 1, ...verdict })
      if (!steering.allowed && steering.waits && takes.matched) waiting.add(role.name)
    }
    const vouches = steering.allowed && steering.vouches
    const texts = role.name === own ? undefined : addressed.get(role.name)
    if (texts !== undefined) {
      const verdict = trusting({ matched: true, why: "is addressed in the text" }, steering)
      routing.judge({ role: role.name, rule: 0, ...verdict })
      if (steering.allowed) deliver(routing, role, held, { kind: "command", text: texts.join("\n\n"), vouches })
      else routing.reply(`refused-${role.name}`, mayNot(role, event.actor.login, steering.why))
    } else if (matched && role.name !== owner?.role) {
      deliver(routing, role, held, { kind: "event", text: "", vouches })
    }
  }
  return waiting
}

/** Tells whoever opened a pull request what happened to it. */
const tellOwner = (routing: Routing, owner: Agent): void => {
  const { event, squad } = routing
  const news = newsForOwner(event, owner)
  if (news === null || !isLive(routing.current(owner).status) || routing.touched(owner.id)) return
  const role = squad.roles.find((one) => one.name === owner.role)
  if (role === undefined) return
  const steering = steers(squad, role, event, owner)
  if (steering.allowed) {
    const held = heldBy(routing, role, owner)
    deliver(routing, role, held, { kind: "event", text: news, vouches: steering.vouches })
  } else routing.say(`${owner.id} is not told: ${steering.why}`)
}

/** Finds who takes an event that names no agent: by rules, by being addressed, and by whose pull request it is about. */
const wake = (routing: Routing, owner: Agent | undefined): void => {
  const { event, squad } = routing
  const names = squad.roles.map((role) => role.name)
  const commands = routing.mentions
    .map((mention) => commandOf(mention, names))
    .filter((command): command is Command => command !== null)
  const addressed = new Map<string, Array<string>>()
  for (const command of commands) {
    if (command._tag !== "Address") continue
    addressed.set(command.role, [...(addressed.get(command.role) ?? []), command.text])
  }
  const waiting = applyRules(routing, owner, addressed)
  if (owner !== undefined) tellOwner(routing, owner)
  // one comment for a subject and role, however many events ask for it
  for (const name of waiting) {
    const key = `${Subject.key(event.subject)}/waits/${name}`
    routing.act("waits", event.subject, { _tag: "comment", body: waitsForWord(name, squad.mention) }, { key })
  }
  if (event.actor.kind === "person" || event.actor.kind === "bot") {
    if (commands.some((command) => command._tag === "Help")) routing.reply("help", help(squad))
    const unknown = commands.find((command) => command._tag === "Unknown")
    if (unknown?._tag === "Unknown") routing.reply("unknown", noSuchRole(squad, unknown.word))
  }
}

/** What an event that names no agent means: who takes it, and what it ends, however many agents stand before it. */
const routeNews = (routing: Routing): void => {
  const { event, squad } = routing
  const { detail } = event
  const owner = ownerOf(event, routing.roster)
  if (event.depth <= squad.policy.maxDepth) wake(routing, owner)
  else routing.say(`${event.depth} agents stand between this and what a person did; the chain ends here`)
  if (owner !== undefined) routePull(routing, owner)
  if (detail._tag === "issue.closed" || detail._tag === "pull_request.closed") routeClosing(routing)
  if (detail._tag === "issue.assigned" && isHandedOver(event, squad)) routeHandover(routing, detail.assignee)
}

/**
 * Decides what an event means for the squad: which agents are born, which get a message, which stop, and why no
 * other rule took it. Pure and total; the same input gives the same step. An event never wakes the role that caused
 * it; once `maxDepth` agents stand between it and what a person did, it only ends and frees those that waited for it.
 */
export const route = (input: RouteInput): Step => {
  const routing = makeRouting(input)
  const { detail } = input.event
  if (isRequest(detail)) routeRequest(routing, detail)
  else routeNews(routing)
  return routing.finish()
}
