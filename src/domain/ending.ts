import type { ActionDraft, RequestedAction } from "./Action.ts"
import type { Agent, AgentStatus, Counters } from "./Agent.ts"
import { change } from "./changeAgent.ts"
import type { JournalDraft } from "./Journal.ts"
import { describe, type Outcome } from "./Outcome.ts"
import { escalation } from "./replies.ts"
import type { Policy, Role } from "./Role.ts"
import type { Run } from "./Run.ts"
import * as Step from "./Step.ts"
import * as Subject from "./Subject.ts"
import type { Timer, TimerKind } from "./Timer.ts"

export interface SuperviseInput {
  readonly agent: Agent
  readonly role: Role
  readonly policy: Policy
  /** As it shall be recorded if it ends here. */
  readonly run: Run
  readonly outcome: Outcome
  /** Ids of the messages that the turn saw. */
  readonly delivered: ReadonlyArray<number>
  readonly actions: ReadonlyArray<RequestedAction>
  readonly session: string | null
  readonly fingerprint: string | null
  readonly now: number
  /** From 0 to 1, for the spread of retries. */
  readonly jitter: number
  /** Whether the subject is still open. */
  readonly subjectOpen: boolean
  /** What a completed turn lacks, as Squadron found by looking; a sentence each. */
  readonly missing: ReadonlyArray<string>
  /** Squadron's own actions, done whatever the outcome. */
  readonly own: ReadonlyArray<ActionDraft>
  /** For `Blocked`: why the blockers cannot be taken, or null. */
  readonly refusal: string | null
}

export interface Supervised {
  readonly step: Step.Step
  /** Whether the same run goes on with another turn. */
  readonly again: boolean
  /** What the agent shall be told at its next turn. */
  readonly notice: string
}

/** How a run ends; what is not said is as usual: all that the turn saw is read, and what it asked for is done. */
export interface EndOptions {
  /** False: the next run sees the same messages. */
  readonly read?: boolean
  readonly counters?: Partial<Counters>
  readonly note?: string
  readonly blockedOn?: ReadonlyArray<string>
  readonly timer?: { readonly kind: TimerKind; readonly dueAt: number }
  readonly actions?: ReadonlyArray<ActionDraft>
  readonly setAside?: { readonly id: number; readonly reason: string }
  readonly journal?: ReadonlyArray<JournalDraft>
  /** False: what the turn asked for is not done. */
  readonly requested?: boolean
}

/** The ways in which a turn can end. */
export interface Ending {
  /** Closes the run and leaves the agent as it is, since somebody else decided on it meanwhile. */
  readonly closes: () => Supervised
  /** Closes the run, with the agent in this status. */
  readonly ends: (status: AgentStatus, options?: EndOptions) => Supervised
  /** Closes the run and calls a person. */
  readonly escalates: (why: string, options?: EndOptions) => Supervised
  /** Another turn of the same run, which is told `notice`. */
  readonly goesOn: (notice: string, counters: Partial<Counters>, options?: Pick<EndOptions, "requested">) => Supervised
  /** A comment on the agent's subject, where one can be made. */
  readonly speak: (name: string, body: string) => ReadonlyArray<ActionDraft>
  /** What calls a person to the agent's subject. */
  readonly needsHuman: (why: string) => ReadonlyArray<ActionDraft>
  readonly line: (text: string, kind?: JournalDraft["kind"]) => JournalDraft
}

export const makeEnding = (input: SuperviseInput): Ending => {
  const { agent, delivered, now, outcome, role } = input
  const closed: Run = { ...input.run, closedAt: now, outcome }
  const depth = agent.depth + 1
  const prefix = `${input.run.id}.${input.run.turns}`
  const base = { session: input.session ?? agent.session, fingerprint: input.fingerprint }

  const line: Ending["line"] = (text, kind = "run.ended") => ({
    kind,
    at: now,
    event: null,
    agent: agent.id,
    text,
    verdicts: []
  })
  const requested: ReadonlyArray<ActionDraft> = input.actions.map(({ action, issue }, index) => ({
    key: `${prefix}/${index}`,
    subject:
      issue === undefined || issue === agent.subject.number
        ? agent.subject
        : Subject.issue(agent.subject.repository, issue),
    agent: agent.id,
    depth,
    action
  }))
  const onSubject = (name: string, action: ActionDraft["action"]): ReadonlyArray<ActionDraft> =>
    agent.subject.kind === "repository"
      ? []
      : [{ key: `${prefix}/${name}`, subject: agent.subject, agent: agent.id, depth, action }]
  const speak: Ending["speak"] = (name, body) => onSubject(name, { _tag: "comment", body })
  const needsHuman: Ending["needsHuman"] = (why) => [
    ...speak("escalated", escalation(role.name, why)),
    ...onSubject("needs-human", { _tag: "add_labels", labels: ["needs-human"] })
  ]

  const ends: Ending["ends"] = (status, options = {}) => {
    const read = options.read === false ? [] : delivered
    const aside = options.setAside === undefined ? [] : [options.setAside]
    const timer: Timer | null =
      options.timer === undefined
        ? null
        : { id: `${agent.id}/t${agent.version + 1}`, agent: agent.id, ...options.timer }
    const next = change(agent, now, {
      ...base,
      status,
      unread: Math.max(0, agent.unread - read.length - aside.length),
      setAside: agent.setAside + aside.length,
      counters: { ...agent.counters, ...options.counters },
      note: options.note ?? "",
      blockedOn: options.blockedOn ?? [],
      timer: timer?.id ?? null
    })
    return {
      again: false,
      notice: "",
      step: Step.make({
        agents: [{ agent: next, expected: agent.version }],
        runs: [closed],
        read,
        setAside: aside,
        actions: [...(options.requested === false ? [] : requested), ...(options.actions ?? []), ...input.own],
        timers: timer === null ? [] : [timer],
        journal: [...(options.journal ?? []), line(`run ${closed.n} → ${next.status}: ${describe(outcome)}`)]
      })
    }
  }

  return {
    closes: () => ({
      step: Step.make({
        runs: [closed],
        actions: input.own,
        journal: [line(`run ${closed.n} ended: ${describe(outcome)}`)]
      }),
      again: false,
      notice: ""
    }),
    ends,
    escalates: (why, options = {}) => ends("escalated", { note: why, actions: needsHuman(why), ...options }),
    goesOn: (notice, counters, options = {}) => {
      const next = change(agent, now, {
        ...base,
        unread: Math.max(0, agent.unread - delivered.length),
        counters: { ...agent.counters, ...counters }
      })
      return {
        again: true,
        notice,
        step: Step.make({
          agents: [{ agent: next, expected: agent.version }],
          read: delivered,
          actions: [...(options.requested === false ? [] : requested), ...input.own],
          journal: notice === "" ? [] : [line(`turn ${input.run.turns}: ${notice}`)]
        })
      }
    },
    speak,
    needsHuman,
    line
  }
}
