import type { Action, ActionDraft } from "./Action.ts"
import { type Agent, type AgentStatus, canMove, isLive } from "./Agent.ts"
import { change } from "./changeAgent.ts"
import type { Event } from "./Event.ts"
import type { JournalDraft, RuleVerdict } from "./Journal.ts"
import type { Mention } from "./Mention.ts"
import type { MessageDraft, MessageKind } from "./Message.ts"
import type { Squad } from "./Role.ts"
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

/** A step in the making: what an event means, part by part. Later parts see what earlier ones changed. */
export interface Routing extends RouteInput {
  readonly now: number
  /** The agent as it is by now. */
  readonly current: (agent: Agent) => Agent
  readonly find: (wanted: (agent: Agent) => boolean) => Agent | undefined
  /** Whether this event has changed the agent. */
  readonly touched: (id: string) => boolean
  /** Adds an agent that is born. */
  readonly add: (agent: Agent) => void
  readonly put: (agent: Agent) => void
  readonly move: (agent: Agent, to: AgentStatus, why: string, next?: Partial<Agent>) => void
  readonly send: (agent: string, kind: MessageKind, text: string) => void
  readonly act: (name: string, on: Subject.Subject, action: Action, options?: ActOptions) => void
  /** Comments on the event's subject. */
  readonly reply: (name: string, body: string) => void
  readonly restore: (agent: string) => void
  readonly dropTimer: (agent: string) => void
  readonly own: (subject: string, agent: string) => void
  readonly note: (kind: JournalDraft["kind"], agent: string | null, text: string) => void
  /** Adds to what the journal says of the event. */
  readonly say: (text: string) => void
  readonly judge: (verdict: RuleVerdict) => void
  readonly finish: () => Step.Step
}

type ActOptions = {
  readonly agent?: string
  /** Instead of one that is the event's own: so that other events do not do it again. */
  readonly key?: string
}

export const makeRouting = (input: RouteInput): Routing => {
  const { event } = input
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
  const put = (agent: Agent) => {
    after.set(agent.id, agent)
    if (agent.timer === null && (before.get(agent.id)?.timer ?? null) !== null) dropped.push(agent.id)
  }
  const note: Routing["note"] = (kind, agent, text) =>
    journal.push({ kind, at: now, event: event.seq, agent, text, verdicts: [] })
  const act: Routing["act"] = (name, on, action, options = {}) =>
    actions.push({
      key: options.key ?? `e${event.seq}/${name}`,
      subject: on,
      agent: options.agent ?? null,
      depth: event.depth + 1,
      action
    })

  return {
    ...input,
    now,
    current,
    find: (wanted) => [...before.values()].map(current).find(wanted),
    touched: (id) => after.has(id),
    add: (agent) => {
      before.set(agent.id, agent)
      put(agent)
    },
    put,
    move: (agent, to, why, next = {}) => {
      if (!canMove(agent.status, to)) {
        said.push(`${agent.id} is ${agent.status}, so ${why} changes nothing`)
        return
      }
      put(change(current(agent), now, { note: "", ...next, status: to }))
      said.push(`${agent.id}: ${agent.status} → ${to}`)
      note("agent.changed", agent.id, `${agent.status} → ${to}: ${why}`)
    },
    send: (agent, kind, text) => messages.push({ agent, kind, event: event.seq, text }),
    act,
    reply: (name, body) => act(name, event.subject, { _tag: "comment", body }),
    restore: (agent) => restored.push(agent),
    dropTimer: (agent) => dropped.push(agent),
    own: (subject, agent) => owned.push({ subject, agent }),
    note,
    say: (text) => said.push(text),
    judge: (verdict) => verdicts.push(verdict),
    finish: () => {
      const only =
        messages.length === 1 ? (messages[0]?.agent ?? null) : "agent" in event.detail ? event.detail.agent : null
      const { _tag: type } = event.detail
      const text =
        said.length > 0 ? said.join("; ") : type === "other" ? "no use for this event yet" : "nobody takes it"
      return Step.make({
        agents: [...after.values()].map((agent) => ({ agent, expected: versionOf(input.roster, agent) })),
        messages,
        actions,
        restored,
        timersDropped: dropped,
        owned,
        journal: [
          ...journal,
          {
            kind: "event.routed",
            at: now,
            event: event.seq,
            agent: only,
            text: `${type} on ${Subject.key(event.subject)}: ${text}`,
            verdicts
          }
        ]
      })
    }
  }
}

/** Live agents of the event's own subject. */
export const onSubject = ({ event, roster }: RouteInput): ReadonlyArray<Agent> =>
  roster.filter((agent) => isLive(agent.status) && Subject.key(agent.subject) === Subject.key(event.subject))

const versionOf = (roster: ReadonlyArray<Agent>, agent: Agent): number | null =>
  roster.find((other) => other.id === agent.id)?.version ?? null
