import { type Agent, canMove, isLive } from "./Agent.ts"
import { change } from "./changeAgent.ts"
import type { Event } from "./Event.ts"
import { leftOpen } from "./replies.ts"
import { onSubject, type Routing } from "./Routing.ts"
import type { Squad } from "./Role.ts"
import * as Subject from "./Subject.ts"

/** Whether a person took the subject away from Squadron. */
export const isHandedOver = ({ actor, detail }: Event, squad: Squad): boolean =>
  detail._tag === "issue.assigned" && actor.kind === "person" && detail.assignee !== squad.mention

/** Notes whose work a pull request is, and ends that agent with it. */
export const routePull = (routing: Routing, owner: Agent): void => {
  const { event, current, move } = routing
  const { detail, subject } = event
  if (detail._tag === "pull_request.opened" && isLive(owner.status)) {
    routing.put(change(current(owner), routing.now, { pullRequest: subject.number }))
    routing.own(Subject.key(subject), owner.id)
    routing.say(`${owner.id} has its pull request`)
  }
  if (detail._tag !== "pull_request.closed" || owner.pullRequest !== subject.number) return
  const { head, merged } = detail.pullRequest
  if (merged) {
    routing.act("delete-branch", Subject.repository(subject.repository), {
      _tag: "delete_branch",
      branch: head.ref,
      commit: head.sha
    })
    if (owner.subject.kind === "issue") {
      routing.act("close", owner.subject, { _tag: "close_issue", reason: "completed" })
    }
  }
  const held = current(owner)
  if (!isLive(held.status)) return
  if (!merged) move(held, "cancelled", `its pull request was closed by ${event.actor.login}`)
  else move(held, canMove(held.status, "done") ? "done" : "cancelled", "its pull request is merged")
}

/** Frees who was blocked on the subject, and ends who waits or sleeps on it; who works ends by itself. */
export const routeClosing = (routing: Routing): void => {
  const { current, event, move, now, say } = routing
  const subject = Subject.key(event.subject)
  for (const agent of routing.roster) {
    const held = current(agent)
    if ((held.status === "blocked" || held.status === "escalated") && held.blockedOn.includes(subject)) {
      const left = held.blockedOn.filter((other) => other !== subject)
      if (left.length > 0) routing.put(change(held, now, { blockedOn: left }))
      else {
        routing.put(change(held, now, { status: "ready", blockedOn: [], note: "", unread: held.unread + 1 }))
        routing.send(held.id, "event", "")
        routing.note("agent.changed", held.id, `${held.status} → ready: ${subject} is closed`)
      }
      say(left.length > 0 ? `${held.id} still waits for ${left.join(", ")}` : `${held.id} is free`)
    } else if (Subject.key(held.subject) === subject && !routing.touched(held.id) && isLive(held.status)) {
      if (held.pullRequest !== null && held.subject.kind === "issue") {
        const pull = Subject.pullRequest(held.subject.repository, held.pullRequest)
        const body = leftOpen(held.role, subject)
        routing.act("left-open", pull, { _tag: "comment", body }, { key: `${Subject.key(pull)}/left-open/${held.id}` })
      }
      if (held.status === "ready" || held.status === "running") continue
      move(held, held.status === "sleeping" ? "done" : "cancelled", `${subject} is closed`)
    }
  }
}

/** Stops the subject's agents, since a person took it over. */
export const routeHandover = (routing: Routing, assignee: string): void => {
  const stopped = onSubject(routing)
  for (const agent of stopped) {
    routing.move(agent, "cancelled", `${Subject.key(routing.event.subject)} was given to ${assignee}`)
  }
  if (stopped.length === 0) return
  routing.reply(
    "handover",
    `${assignee} takes over. Stopped: ${stopped.map((agent) => agent.role).join(", ")}. Work done so far is kept.`
  )
}
