import { type Counters, noCounts } from "./Agent.ts"
import { makeEnding, type Supervised, type SuperviseInput } from "./ending.ts"
import { describe } from "./Outcome.ts"
import { blockedOn, quote } from "./replies.ts"
import type { Policy } from "./Role.ts"
import { never } from "./Timer.ts"

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
  const { closes, ends, escalates, goesOn, line, needsHuman, speak } = makeEnding(input)
  if (agent.status !== "running") return closes()

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
        : ends("blocked", {
            blockedOn: [...new Set(outcome.on)],
            note: outcome.reason,
            counters: { ...settled },
            actions: speak("blocked", blockedOn(role.name, [...new Set(outcome.on)], outcome.reason)),
            timer: { kind: "patience", dueAt: now + policy.patience }
          })
    case "NeedsInput":
      return ends("asking", {
        note: outcome.question,
        counters: settled,
        timer: { kind: "patience", dueAt: now + policy.patience },
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
        : goesOn(
            `You may not use ${outcome.tools.join(", ")}. You may use: ${role.tools.join(", ")}.`,
            { denials },
            { requested: false }
          )
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
