import { type Agent, isLive, noCounts } from "./Agent.ts"
import { change, receives } from "./changeAgent.ts"
import type { Detail } from "./Event.ts"
import { overdue, overdueCall } from "./replies.ts"
import type { Routing } from "./Routing.ts"

/** An event that names the one agent that it is about: a person's request, or a timer of its own. */
export type Request = Extract<Detail, { readonly agent: string }>

export const isRequest = (detail: Detail): detail is Request => "agent" in detail

/** It waited too long for an answer or a blocker: a person is called, and what it waits for still wakes it. */
const callPerson = (routing: Routing, agent: Agent): void => {
  const why = overdue(agent, routing.now)
  routing.move(agent, "escalated", why, { note: why })
  if (agent.subject.kind === "repository") return
  const byIt = { agent: agent.id }
  routing.act("overdue", agent.subject, { _tag: "comment", body: overdueCall(agent, why) }, byIt)
  routing.act("needs-human", agent.subject, { _tag: "add_labels", labels: ["needs-human"] }, byIt)
}

const fire = (routing: Routing, agent: Agent, detail: Extract<Request, { readonly _tag: "timer.fired" }>): void => {
  if (agent.timer !== detail.timer) routing.say("its timer is no longer wanted")
  else if (detail.kind === "patience") callPerson(routing, agent)
  else routing.move(agent, "ready", `its ${detail.kind} timer is due`)
}

/** Answers an event that names an agent; one that is not there or has ended changes nothing. */
export const routeRequest = (routing: Routing, detail: Request): void => {
  const { event, move, now, put, say, send } = routing
  const agent = routing.roster.find(({ id }) => id === detail.agent)
  if (detail._tag === "timer.fired" && (agent === undefined || agent.timer === null || agent.timer === detail.timer)) {
    routing.dropTimer(detail.agent)
  }
  if (agent === undefined || !isLive(agent.status)) return say(`there is no live agent ${detail.agent}`)
  const by = event.actor.login
  const because = (reason: string) => (reason === "" ? "" : `: ${reason}`)
  switch (detail._tag) {
    case "timer.fired":
      return fire(routing, agent, detail)
    case "agent.cancel_requested":
      return move(agent, "cancelled", `cancelled by ${by}${because(detail.reason)}`, { note: `cancelled by ${by}` })
    case "agent.pause_requested":
      return move(agent, "paused", `paused by ${by}${because(detail.reason)}`, { note: `paused by ${by}` })
    case "agent.resume_requested": {
      if (agent.status !== "paused") return say(`${agent.id} is ${agent.status}, not paused`)
      // what is counted is not settled, so its work is not done
      const { runs: _, ...counted } = agent.counters
      const goesOn = agent.unread > 0 || agent.blockedOn.length > 0 || Object.values(counted).some((n) => n > 0)
      return move(agent, goesOn ? "ready" : "sleeping", `resumed by ${by}`)
    }
    case "agent.retry_requested":
      if (agent.setAside > 0) routing.restore(agent.id)
      return move(agent, agent.status === "running" ? "running" : "ready", `retried by ${by}`, {
        unread: agent.unread + agent.setAside,
        setAside: 0,
        blockedOn: [],
        counters: { ...noCounts, runs: agent.counters.runs }
      })
    case "agent.answered":
      put(receives(agent, "answer", now))
      send(agent.id, "answer", detail.answer)
      return say(`${agent.id} has its answer`)
    case "agent.approved": {
      const asked = agent.status === "asking"
      // only one that asked has to hear of it
      put({
        ...(asked ? receives(agent, "answer", now) : change(agent, now, {})),
        approved: [...new Set([...agent.approved, ...detail.paths])]
      })
      if (asked) send(agent.id, "answer", `${by} approved your changes to ${detail.paths.join(", ")}.`)
      return say(`${agent.id} may change ${detail.paths.join(", ")}`)
    }
  }
}
