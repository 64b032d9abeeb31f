import type { ActionDraft, RequestedAction } from "./Action.ts"
import { type Agent, type AgentStatus, type Counters, noCounts } from "./Agent.ts"
import { change } from "./changeAgent.ts"
import type { JournalDraft } from "./Journal.ts"
import { describe, type Outcome } from "./Outcome.ts"
import { escalation, quote } from "./replies.ts"
import type { Policy, Role } from "./Role.ts"
import type { Run } from "./Run.ts"
import * as Step from "./Step.ts"
import * as Subject from "./Subject.ts"
import { never, type Timer, type TimerKind } from "./Timer.ts"

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

/** `min(base · 2^(n−1), max)`, less up to a fifth by jitter; milliseconds. `n` counts from 1. */
export const backoff = (policy: Policy, n: number, jitter: number): number =>
  Math.round(Math.min(policy.retryBase * 2 ** Math.min(n - 1, 30), policy.retryMax) * (1 - 0.2 * jitter))

const settled: Partial<Counters> = { retries: 0, turnsEnded: 0, turnCaps: 0, unproven: 0, denials: 0, standstill: 0 }

/**
 * Decides what the end of a turn means for its agent. Pure and total: every outcome has its policy, and a decision
 * on an agent that is no longer running (a person stopped it meanwhile) only closes the run.
 */
export const supervise = (input: SuperviseInput): Supervised => {
  const { agent, delivered, now, outcome, policy, role } = input
  const closed: Run = { ...input.run, closedAt: now, outcome }
  const line = (text: string, kind: JournalDraft["kind"] = "run.ended"): JournalDraft => ({
    kind,
    at: now,
    event: null,
    agent: agent.id,
    text,
    verdicts: []
  })
  if (agent.status !== "running") {
    return {
      step: Step.make({
        runs: [closed],
        actions: input.own,
        journal: [line(`run ${closed.n} ended: ${describe(outcome)}`)]
      }),
      again: false,
      notice: ""
    }
  }

  const depth = agent.depth + 1
  const onIssue = agent.subject.kind !== "repository"
  const prefix = `${input.run.id}.${input.run.turns}`
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
  const speak = (name: string, body: string): ReadonlyArray<ActionDraft> =>
    onIssue
      ? [
          {
            key: `${prefix}/${name}`,
            subject: agent.subject,
            agent: agent.id,
            depth,
            action: { _tag: "comment", body }
          }
        ]
      : []
  const needsHuman = (why: string): ReadonlyArray<ActionDraft> =>
    onIssue
      ? [
          ...speak("escalated", escalation(role.name, why)),
          {
            key: `${prefix}/needs-human`,
            subject: agent.subject,
            agent: agent.id,
            depth,
            action: { _tag: "add_labels", labels: ["needs-human"] }
          }
        ]
      : []

  const base = { session: input.session ?? agent.session, fingerprint: input.fingerprint }
  const ends = (
    status: AgentStatus,
    options: {
      readonly read?: boolean
      readonly counters?: Partial<Counters>
      readonly note?: string
      readonly blockedOn?: ReadonlyArray<string>
      readonly timer?: { readonly kind: TimerKind; readonly dueAt: number }
      readonly actions?: ReadonlyArray<ActionDraft>
      readonly setAside?: { readonly id: number; readonly reason: string }
      readonly journal?: ReadonlyArray<JournalDraft>
      readonly requested?: boolean
    } = {}
  ): Supervised => {
    const read = options.read === false ? [] : delivered
    const gone = read.length + (options.setAside === undefined ? 0 : 1)
    const timer: Timer | null =
      options.timer === undefined
        ? null
        : { id: `${agent.id}/t${agent.version + 1}`, agent: agent.id, ...options.timer }
    const next = change(agent, now, {
      ...base,
      status,
      unread: Math.max(0, agent.unread - gone),
      setAside: agent.setAside + (options.setAside === undefined ? 0 : 1),
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
        setAside: options.setAside === undefined ? [] : [options.setAside],
        actions: [...(options.requested === false ? [] : requested), ...(options.actions ?? []), ...input.own],
        timers: timer === null ? [] : [timer],
        journal: [...(options.journal ?? []), line(`run ${closed.n} → ${next.status}: ${describe(outcome)}`)]
      })
    }
  }
  const goesOn = (notice: string, counters: Partial<Counters>, actions = requested): Supervised => ({
    again: true,
    notice,
    step: Step.make({
      agents: [
        {
          agent: change(agent, now, {
            ...base,
            unread: Math.max(0, agent.unread - delivered.length),
            counters: { ...agent.counters, ...counters }
          }),
          expected: agent.version
        }
      ],
      read: delivered,
      actions: [...actions, ...input.own],
      journal: notice === "" ? [] : [line(`turn ${input.run.turns}: ${notice}`)]
    })
  })
  const escalates = (why: string, options: Parameters<typeof ends>[1] = {}): Supervised =>
    ends("escalated", { note: why, actions: needsHuman(why), ...options })

  const left = agent.unread - delivered.length
  const unchanged = input.fingerprint !== null && input.fingerprint === agent.fingerprint
  const standstill = unchanged ? agent.counters.standstill + 1 : 0

  switch (outcome._tag) {
    case "Completed":
    case "NoWorkNeeded": {
      if (outcome._tag === "Completed" && outcome.evidence.summary.trim() === "") {
        const unproven = agent.counters.unproven + 1
        return unproven > policy.unproven
          ? escalates("it says that it is done but shows nothing for it")
          : goesOn("You reported completion without saying what was done. Report again with a summary.", { unproven })
      }
      if (outcome._tag === "Completed" && input.missing.length > 0 && input.subjectOpen) {
        const unproven = agent.counters.unproven + 1
        const lacks = input.missing.join("; ")
        return unproven > policy.unproven
          ? escalates(`it says that it is done, and ${lacks}`, { counters: { unproven } })
          : goesOn(`You reported completion, but ${lacks}. Do what is missing and report again.`, {
              unproven,
              turnsEnded: 0
            })
      }
      if (left > 0) return goesOn("", settled)
      const actions =
        outcome._tag === "NoWorkNeeded"
          ? speak("nothing", `**${role.name}**: no work needed: ${quote(outcome.reason)}`)
          : []
      return ends(role.lifetime === "task" || !input.subjectOpen ? "done" : "sleeping", { counters: settled, actions })
    }
    case "Blocked":
      if (input.refusal !== null) {
        const unproven = agent.counters.unproven + 1
        return unproven > policy.unproven ? escalates(input.refusal) : goesOn(input.refusal, { unproven })
      }
      return outcome.on.length === 0
        ? ends("ready", { counters: { unproven: 0 } })
        : ends("blocked", { blockedOn: [...new Set(outcome.on)], note: outcome.reason, counters: { ...settled } })
    case "NeedsInput":
      return ends("asking", {
        note: outcome.question,
        counters: settled,
        actions: speak(
          "question",
          `**${role.name}** asks: ${quote(outcome.question)}\n\nAnswer with \`squadron answer ${agent.id}\` or by addressing \`${role.name}\` in a comment.`
        )
      })
    case "TurnEnded": {
      if (left > 0) return goesOn("", { turnsEnded: 0, standstill })
      if (!input.subjectOpen) return ends("done")
      const turnsEnded = agent.counters.turnsEnded + 1
      if (standstill >= policy.standstill) return escalates(`${standstill + 1} turns in a row changed nothing`)
      return turnsEnded >= role.limits.maxTurns
        ? escalates(`${turnsEnded} turns ended without a result`)
        : ends("waiting", {
            counters: { turnsEnded, standstill, retries: 0 },
            timer: { kind: "continue", dueAt: now + policy.continueAfter }
          })
    }
    case "TurnCap": {
      const turnCaps = agent.counters.turnCaps + 1
      return outcome.progressed && turnCaps <= policy.turnCaps
        ? ends("waiting", {
            counters: { turnCaps, retries: 0 },
            timer: { kind: "continue", dueAt: now + policy.continueAfter }
          })
        : escalates(
            outcome.progressed
              ? `its turns were renewed ${policy.turnCaps} times`
              : "a whole run of turns changed nothing"
          )
    }
    case "BudgetExhausted":
      return ends("paused", {
        read: false,
        note: `the ${outcome.kind} budget is used up`,
        actions: needsHuman(describe(outcome))
      })
    case "QuotaLimited":
      return ends("waiting", {
        read: false,
        note: describe(outcome),
        timer: { kind: "quota", dueAt: Math.max(now, outcome.resetAt) },
        requested: false
      })
    case "RateLimited":
      return ends("waiting", {
        read: false,
        note: describe(outcome),
        timer: { kind: "limit", dueAt: now + Math.max(0, outcome.retryAfter) },
        requested: false
      })
    case "NotAuthorized":
      return ends("paused", {
        read: false,
        note: `${describe(outcome)}; no ${role.name} starts until this one is resumed or cancelled`,
        timer: { kind: "authorization", dueAt: never },
        actions: needsHuman(`${describe(outcome)}. No ${role.name} starts until \`squadron resume ${agent.id}\``),
        requested: false
      })
    case "ToolsDenied": {
      const denials = agent.counters.denials + 1
      return denials >= policy.denials
        ? ends("paused", {
            note: describe(outcome),
            counters: { denials },
            actions: needsHuman(describe(outcome)),
            requested: false
          })
        : goesOn(`You may not use ${outcome.tools.join(", ")}. You may use: ${role.tools.join(", ")}.`, { denials }, [])
    }
    case "Refused":
      return escalates(describe(outcome), { requested: false })
    case "Stalled":
    case "TimedOut":
    case "Crashed":
    case "ProtocolError":
    case "WorkspaceError": {
      const retries = agent.counters.retries + 1
      if (retries <= policy.retries) {
        return ends("waiting", {
          read: false,
          requested: false,
          note: describe(outcome),
          counters: { retries },
          timer: { kind: "retry", dueAt: now + backoff(policy, retries, input.jitter) }
        })
      }
      const poison = delivered[0]
      if (poison === undefined) return escalates(describe(outcome), { requested: false, counters: { retries: 0 } })
      const reason = describe(outcome)
      const rest = agent.unread - 1
      return ends(rest > 0 ? "ready" : "escalated", {
        read: false,
        requested: false,
        note: rest > 0 ? "" : reason,
        counters: { ...noCounts, runs: agent.counters.runs },
        setAside: { id: poison, reason },
        actions: needsHuman(reason),
        journal: [line(`message ${poison} is set aside after ${retries} tries: ${reason}`, "message.set_aside")]
      })
    }
    case "Cancelled":
      return ends("cancelled", { read: false, note: describe(outcome), requested: false })
    case "Interrupted":
      return ends("ready", { read: false, note: describe(outcome), requested: false })
  }
}
