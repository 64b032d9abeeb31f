import { Schema } from "effect"
import { type Agent, isLive } from "../../src/domain/Agent.ts"
import type { Step } from "../../src/domain/Step.ts"
import * as Steps from "../../src/domain/Step.ts"
import * as Subject from "../../src/domain/Subject.ts"
import type { Timer } from "../../src/domain/Timer.ts"
import { someAgent } from "./someAgent.ts"

const repository = "acme/widgets"
const Which = Schema.Literals([0, 1, 2, 3])

/** What may be asked of the store, in terms of what is there by then. */
export const Command = Schema.Struct({
  kind: Schema.Literals([
    "birth",
    "birth",
    "send",
    "send",
    "read",
    "setAside",
    "restore",
    "wait",
    "wake",
    "act",
    "settle",
    "fail",
    "retry",
    "end",
    "stale",
    "route"
  ]),
  agent: Which,
  message: Which
})
export type Command = typeof Command.Type

type Message = { readonly id: number; readonly agent: string; status: "unread" | "read" | "set_aside" }
type Action = { readonly key: string; status: "queued" | "done" | "failed"; attempts: number }

const newborn = (id: string, number: number): Agent =>
  someAgent({
    id,
    role: "fixer",
    subject: Subject.issue(repository, number),
    status: "ready",
    version: 1,
    priority: number,
    unread: 1
  })

/** The store in a few lines of plain data: what a list of steps must come to. */
export class StoreModel {
  readonly agents = new Map<string, Agent>()
  readonly messages: Array<Message> = []
  readonly timers = new Map<string, Timer>()
  readonly actions: Array<Action> = []
  readonly journal: Array<string> = []
  cursor = 0
  /** The store's own numbers of actions, which may have gaps; by key. */
  readonly numbers = new Map<string, number>()
  private born = 0

  /** Null, or why the step must be refused; then nothing of it is here either. */
  apply(step: Step): "StaleVersion" | "AgentExists" | null {
    for (const { agent, expected } of step.agents) {
      if ((this.agents.get(agent.id)?.version ?? null) !== expected) return "StaleVersion"
      const place = Subject.key(agent.subject)
      for (const other of this.agents.values()) {
        if (
          other.id !== agent.id &&
          isLive(other.status) &&
          isLive(agent.status) &&
          Subject.key(other.subject) === place
        )
          return "AgentExists"
      }
    }
    for (const { agent } of step.agents) this.agents.set(agent.id, agent)
    for (const { agent } of step.messages) this.messages.push({ id: this.messages.length + 1, agent, status: "unread" })
    for (const message of this.messages) {
      if (step.read.includes(message.id)) message.status = "read"
      if (step.setAside.some(({ id }) => id === message.id)) message.status = "set_aside"
      if (step.restored.includes(message.agent) && message.status === "set_aside") message.status = "unread"
    }
    for (const agent of step.timersDropped) this.timers.delete(agent)
    for (const timer of step.timers) this.timers.set(timer.agent, timer)
    for (const { key } of step.actions) {
      if (this.actions.every((action) => action.key !== key)) this.actions.push({ key, status: "queued", attempts: 0 })
    }
    const numbered = (id: number) => this.actions.find(({ key }) => this.numbers.get(key) === id)
    for (const { id, status, tries = 1 } of step.settled) {
      const action = numbered(id)
      if (action !== undefined) Object.assign(action, { status, attempts: action.attempts + tries })
    }
    for (const id of step.retried) {
      const action = numbered(id)
      if (action?.status === "failed") action.status = "queued"
    }
    for (const line of step.journal) this.journal.push(line.text)
    if (step.cursor !== null) this.cursor = step.cursor
    return null
  }

  /** The step that a command stands for, on the state as it is. */
  step({ agent: which, kind, message }: Command): Step {
    const id = [...this.agents.keys()][which] ?? `fixer-${which}-e0`
    const held = this.agents.get(id)
    const of = (status: Message["status"]) => this.messages.filter((one) => one.agent === id && one.status === status)
    const changed = (next: Partial<Agent>, rest: Partial<Step> = {}): Step =>
      held === undefined || !isLive(held.status)
        ? Steps.empty
        : Steps.make({
            agents: [{ agent: { ...held, version: held.version + 1, ...next }, expected: held.version }],
            journal: [{ kind: "agent.changed", at: 0, event: null, agent: id, text: kind, verdicts: [] }],
            ...rest
          })
    const numbers = [...this.numbers.values()].slice(message, message + 1)
    switch (kind) {
      case "birth": {
        const agent = newborn(`fixer-${which + 1}-e${++this.born}`, which + 1)
        return Steps.make({
          agents: [{ agent, expected: null }],
          messages: [{ agent: agent.id, kind: "event", event: 1, text: "" }]
        })
      }
      case "send":
        return changed(
          { unread: (held?.unread ?? 0) + 1 },
          { messages: [{ agent: id, kind: "command", event: 1, text: "" }] }
        )
      case "read": {
        const read = of("unread")
          .slice(0, message + 1)
          .map((one) => one.id)
        return changed({ unread: (held?.unread ?? 0) - read.length }, { read })
      }
      case "setAside": {
        const [first] = of("unread")
        return first === undefined
          ? Steps.empty
          : changed(
              { unread: (held?.unread ?? 0) - 1, setAside: (held?.setAside ?? 0) + 1 },
              { setAside: [{ id: first.id, reason: "poison" }] }
            )
      }
      case "restore":
        return changed({ unread: (held?.unread ?? 0) + (held?.setAside ?? 0), setAside: 0 }, { restored: [id] })
      case "wait":
        return changed(
          { status: "waiting" },
          { timers: [{ id: `${id}/t${held?.version ?? 0}`, agent: id, kind: "retry", dueAt: message }] }
        )
      case "wake":
        return changed({ status: "ready" }, { timersDropped: [id] })
      case "act":
        return changed(
          {},
          {
            actions: [
              {
                key: `${id}/${message}`,
                subject: Subject.issue(repository, which + 1),
                agent: id,
                depth: 1,
                action: { _tag: "reopen_issue" }
              }
            ]
          }
        )
      case "settle":
        return Steps.make({ settled: numbers.map((number) => ({ id: number, status: "done", error: "" })) })
      case "fail":
        return Steps.make({
          settled: numbers.map((number) => ({ id: number, status: "failed", error: "no", tries: which }))
        })
      case "retry":
        return Steps.make({ retried: numbers })
      case "end":
        return changed({ status: message === 0 ? "cancelled" : "done" }, { timersDropped: [id] })
      case "stale":
        return held === undefined
          ? Steps.empty
          : Steps.make({
              agents: [{ agent: held, expected: held.version + 1 }],
              timersDropped: [id],
              cursor: 99
            })
      case "route":
        return Steps.make({ cursor: this.cursor + 1 })
    }
  }

  unread(agent: string): ReadonlyArray<number> {
    return this.messages.filter((message) => message.agent === agent && message.status === "unread").map(({ id }) => id)
  }
}
