import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Agent, AgentStatus, canMove, noCounts } from "../../src/domain/Agent.ts"
import { RequestedAction } from "../../src/domain/Action.ts"
import { isRetried, Outcome } from "../../src/domain/Outcome.ts"
import { defaultPolicy, makeRole, Policy, Role } from "../../src/domain/Role.ts"
import { Run } from "../../src/domain/Run.ts"
import * as Subject from "../../src/domain/Subject.ts"
import type { SuperviseInput } from "../../src/domain/ending.ts"
import { backoff, supervise } from "../../src/domain/supervise.ts"
import { someAgent } from "../support/someAgent.ts"

const repository = "acme/widgets"
const running: Agent = someAgent({
  id: "fixer-1-e1",
  role: "fixer",
  subject: Subject.issue(repository, 1),
  status: "running",
  version: 4,
  unread: 1,
  counters: { ...noCounts, runs: 1 },
  session: "old",
  depth: 2
})
const fixer = makeRole({ name: "fixer", harness: { _tag: "function", name: "fixer" }, tools: ["comment"] })
const requested: RequestedAction = { action: { _tag: "comment", body: "done" } }
const run: Run = {
  id: "fixer-1-e1/1",
  agent: "fixer-1-e1",
  n: 1,
  openedAt: 0,
  closedAt: null,
  turns: 1,
  outcome: null,
  transcript: "",
  exit: null,
  stderr: ""
}

const ended = (outcome: Outcome, input: Partial<SuperviseInput> = {}, held: Partial<Agent> = {}) => {
  const decision = supervise({
    agent: { ...running, ...held },
    role: fixer,
    policy: defaultPolicy,
    run,
    outcome,
    delivered: [11],
    actions: [requested],
    session: null,
    fingerprint: null,
    now: 1000,
    jitter: 0,
    subjectOpen: true,
    refusal: null,
    missing: [],
    own: [],
    ...input
  })
  const [change] = decision.step.agents
  assert.isDefined(change)
  return {
    ...decision,
    agent: change.agent,
    status: change.agent.status,
    actions: decision.step.actions.map(({ action }) => (action._tag === "comment" ? action.body : action._tag)),
    timer: decision.step.timers[0]
  }
}

const { cases } = Outcome
const completed = cases.Completed.make({ evidence: { summary: "rounded" } })
const failures = [
  cases.Stalled.make({ silentFor: 1 }),
  cases.TimedOut.make({ limit: 1 }),
  cases.Crashed.make({ exit: 2, stderr: "x" }),
  cases.ProtocolError.make({ message: "x" }),
  cases.WorkspaceError.make({ message: "x" })
]

describe("an outcome's policy", () => {
  it("Completed with a summary: done for a task, asleep for a subject", () => {
    assert.deepInclude(ended(completed), { status: "done", again: false, actions: ["done"] })
    assert.strictEqual(ended(completed, { role: { ...fixer, lifetime: "subject" } }).status, "sleeping")
    assert.deepStrictEqual(ended(completed).step.read, [11])
  })

  it("Completed with nothing to show: one more turn, three times, then a person", () => {
    const empty = cases.Completed.make({ evidence: { summary: " " } })
    for (const unproven of [0, 1, 2]) {
      const next = ended(empty, {}, { counters: { ...noCounts, unproven } })
      assert.deepInclude(next, { again: true, status: "running" })
      assert.match(next.notice, /Report again/)
      assert.strictEqual(next.agent.counters.unproven, unproven + 1)
    }
    const last = ended(empty, {}, { counters: { ...noCounts, unproven: 3 } })
    assert.deepInclude(last, { again: false, status: "escalated" })
    assert.include(last.actions, "add_labels")
  })

  it("Completed while a message waits: another turn of the same run", () => {
    const next = ended(completed, {}, { unread: 3 })
    assert.deepInclude(next, { again: true, status: "running", notice: "" })
    assert.strictEqual(next.agent.unread, 2)
    assert.deepStrictEqual(next.step.runs, [])
  })

  it("NoWorkNeeded: done, and says why", () => {
    const next = ended(cases.NoWorkNeeded.make({ reason: "a duplicate" }))
    assert.strictEqual(next.status, "done")
    assert.deepStrictEqual(next.actions, ["done", "**fixer**: no work needed: `a duplicate`"])
  })

  it("Blocked: sleeps until its blockers close; with none left it goes on", () => {
    const on = [`${repository}#4`, `${repository}#4`, `${repository}#5`]
    const next = ended(cases.Blocked.make({ on, reason: "needs them" }))
    assert.deepInclude(next.agent, {
      status: "blocked",
      blockedOn: [`${repository}#4`, `${repository}#5`],
      note: "needs them"
    })
    assert.deepStrictEqual(next.actions, [
      "done",
      `**fixer** waits until ${repository}#4, ${repository}#5 are closed: \`needs them\``
    ])
    assert.strictEqual(ended(cases.Blocked.make({ on: [], reason: "" })).status, "ready")
  })

  it("Blocked in a circle: refused to the agent, three times, then a person", () => {
    const circle = cases.Blocked.make({ on: [], reason: "" })
    assert.deepInclude(ended(circle, { refusal: "Refused: a circle." }), { again: true, notice: "Refused: a circle." })
    const last = ended(circle, { refusal: "Refused: a circle." }, { counters: { ...noCounts, unproven: 3 } })
    assert.strictEqual(last.status, "escalated")
  })

  it("NeedsInput: asks, keeps the session, and puts the question on the subject", () => {
    const next = ended(cases.NeedsInput.make({ question: "Which?" }), { session: "new" })
    assert.deepInclude(next.agent, { status: "asking", note: "Which?", session: "new" })
    assert.match(next.actions[1] ?? "", /asks: `Which\?`/)
    assert.strictEqual(ended(cases.NeedsInput.make({ question: "Which?" })).agent.session, "old")
  })

  it("TurnEnded: continues after a second, at most maxTurns times, and not on a closed subject", () => {
    const next = ended(cases.TurnEnded.make({}))
    assert.deepStrictEqual(next.timer, { id: `${running.id}/t5`, kind: "continue", dueAt: 2000, agent: running.id })
    assert.deepInclude(next.agent, { status: "waiting", timer: `${running.id}/t5` })
    assert.strictEqual(ended(cases.TurnEnded.make({}), { subjectOpen: false }).status, "done")
    const tired = (turnsEnded: number) =>
      ended(cases.TurnEnded.make({}), {}, { counters: { ...noCounts, turnsEnded } }).status
    assert.deepStrictEqual(
      [tired(fixer.limits.maxTurns - 2), tired(fixer.limits.maxTurns - 1)],
      ["waiting", "escalated"]
    )
  })

  it("TurnEnded while a message waits: another turn, also where the subject is closed or none", () => {
    for (const subjectOpen of [true, false]) {
      const next = ended(cases.TurnEnded.make({}), { subjectOpen }, { unread: 2 })
      assert.deepInclude(next, { again: true, status: "running" })
    }
  })

  it("TurnEnded without progress: after `standstill` turns that changed nothing, a person", () => {
    const still = (standstill: number, fingerprint: string) =>
      ended(cases.TurnEnded.make({}), { fingerprint }, { fingerprint: "f", counters: { ...noCounts, standstill } })
    assert.strictEqual(still(defaultPolicy.standstill - 1, "f").status, "escalated")
    assert.deepInclude(still(defaultPolicy.standstill - 2, "f"), { status: "waiting" })
    assert.strictEqual(still(defaultPolicy.standstill - 1, "g").agent.counters.standstill, 0)
    const blind = ended(cases.TurnEnded.make({}), {}, { counters: { ...noCounts, standstill: 2 } })
    assert.deepInclude(blind, { status: "waiting" })
  })

  it("TurnCap: a fresh budget ten times where something changed, else a person", () => {
    const capped = (turnCaps: number, progressed = true) =>
      ended(cases.TurnCap.make({ progressed }), {}, { counters: { ...noCounts, turnCaps } })
    assert.strictEqual(capped(9).status, "waiting")
    assert.strictEqual(capped(9).timer?.kind, "continue")
    assert.strictEqual(capped(10).status, "escalated")
    assert.strictEqual(capped(0, false).status, "escalated")
  })

  it("BudgetExhausted and NotAuthorized: paused with the message unread, and a person told", () => {
    for (const outcome of [
      cases.BudgetExhausted.make({ kind: "tokens" }),
      cases.NotAuthorized.make({ reason: "no key" })
    ]) {
      const next = ended(outcome)
      assert.deepInclude(next.agent, { status: "paused", unread: 1 })
      assert.deepStrictEqual(next.step.read, [])
      assert.include(next.actions, "add_labels")
      assert.strictEqual(next.timer?.kind, outcome._tag === "NotAuthorized" ? "authorization" : undefined)
    }
  })

  it("QuotaLimited and RateLimited: wait as long as told, with no retry used and nothing read", () => {
    const quota = ended(cases.QuotaLimited.make({ resetAt: 9000 }))
    assert.deepStrictEqual([quota.timer?.kind, quota.timer?.dueAt], ["quota", 9000])
    assert.strictEqual(ended(cases.QuotaLimited.make({ resetAt: 5 })).timer?.dueAt, 1000)
    const rate = ended(cases.RateLimited.make({ retryAfter: 700 }))
    assert.strictEqual(rate.timer?.dueAt, 1700)
    assert.strictEqual(ended(cases.RateLimited.make({ retryAfter: -5 })).timer?.dueAt, 1000)
    for (const next of [quota, rate]) {
      assert.deepInclude(next.agent, { status: "waiting", unread: 1, counters: running.counters })
      assert.deepStrictEqual([next.step.read, next.actions], [[], []])
    }
  })

  it("ToolsDenied: told what it may use, at the third time paused, and nothing that it asked for is done", () => {
    const denied = (denials: number) =>
      ended(cases.ToolsDenied.make({ tools: ["assign"] }), {}, { counters: { ...noCounts, denials } })
    assert.deepInclude(denied(1), { again: true, actions: [] })
    assert.match(denied(1).notice, /You may not use assign\. You may use: comment\./)
    assert.strictEqual(denied(2).status, "paused")
    assert.notInclude(denied(2).actions, "done")
  })

  it("Refused: a person, at once", () => {
    const next = ended(cases.Refused.make({ reason: "no" }))
    assert.strictEqual(next.status, "escalated")
    assert.notInclude(next.actions, "done")
  })

  it("failures: three retries with growing waits, then the message is set aside", () => {
    for (const outcome of failures) {
      const waits = [0, 1, 2].map((retries) => {
        const next = ended(outcome, {}, { counters: { ...noCounts, retries } })
        assert.deepInclude(next.agent, { status: "waiting", unread: 1 })
        assert.deepStrictEqual([next.step.read, next.step.setAside, next.actions], [[], [], []])
        return (next.timer?.dueAt ?? 0) - 1000
      })
      assert.deepStrictEqual(waits, [10_000, 20_000, 40_000])
      const last = ended(
        outcome,
        { delivered: [11, 12] },
        { unread: 2, counters: { ...noCounts, runs: 4, retries: 3 } }
      )
      assert.deepInclude(last.agent, { status: "ready", unread: 1, setAside: 1, counters: { ...noCounts, runs: 4 } })
      assert.deepStrictEqual(
        last.step.setAside.map(({ id }) => id),
        [11]
      )
      assert.include(
        last.step.journal.map(({ kind }) => kind),
        "message.set_aside"
      )
      assert.strictEqual(ended(outcome, {}, { counters: { ...noCounts, retries: 3 } }).status, "escalated")
      assert.strictEqual(
        ended(outcome, { delivered: [] }, { unread: 0, counters: { ...noCounts, retries: 3 } }).status,
        "escalated"
      )
    }
  })

  it("Cancelled: stopped; Interrupted: ready again with no retry used and nothing read", () => {
    assert.strictEqual(ended(cases.Cancelled.make({ by: "ada" })).status, "cancelled")
    const next = ended(cases.Interrupted.make({ reason: "stop" }))
    assert.deepInclude(next.agent, { status: "ready", unread: 1, counters: running.counters })
    assert.deepStrictEqual([next.step.read, next.actions, next.step.timers], [[], [], []])
  })

  it("on the repository as a whole nothing is commented or labeled", () => {
    const next = ended(cases.Refused.make({ reason: "no" }), {}, { subject: Subject.repository(repository) })
    assert.deepStrictEqual(next.actions, [])
  })

  it("an action names its own issue, or another of the same repository", () => {
    const { step } = ended(completed, { actions: [requested, { ...requested, issue: 1 }, { ...requested, issue: 8 }] })
    assert.deepStrictEqual(
      step.actions.map(({ subject }) => Subject.key(subject)),
      ["#1", "#1", "#8"].map((key) => repository + key)
    )
    assert.deepStrictEqual(
      step.actions.map(({ key }) => key),
      ["0", "1", "2"].map((n) => `fixer-1-e1/1.1/${n}`)
    )
    assert.deepStrictEqual(
      step.actions.map(({ depth }) => depth),
      [3, 3, 3]
    )
  })
})

describe("backoff", () => {
  const Jitter = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
  it.prop(
    "is min(base · 2^(n−1), max), less a fifth at most",
    [Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2000 })), Jitter],
    ([n, jitter]) => {
      const full = Math.min(10_000 * 2 ** (n - 1), 300_000)
      const wait = backoff(defaultPolicy, n, jitter)
      assert.isAtMost(wait, full)
      assert.isAtLeast(wait, full * 0.8)
      assert.strictEqual(backoff(defaultPolicy, n, 0), full)
    },
    { arbitrary: { size: 40, runs: 500 } }
  )
})

const Small = Schema.Literals([0, 1, 2, 3, 4])
const SomeEnd = Schema.Struct({
  outcome: Outcome,
  status: Schema.Literals(["running", "running", "running", ...AgentStatus.literals]),
  unread: Small,
  delivered: Small,
  retries: Small,
  unproven: Small,
  denials: Small,
  actions: Schema.Array(RequestedAction).check(Schema.isMaxLength(2)),
  lifetime: Schema.Literals(["task", "subject"]),
  fingerprint: Schema.NullOr(Schema.Literals(["f", "g"])),
  subjectOpen: Schema.Boolean,
  refusal: Schema.NullOr(Schema.Literals(["Refused: a circle."]))
})

/** An end as the pool gives it: the turn saw some of the messages that are unread. */
const end = Arbitrary.map(Arbitrary.schema(SomeEnd), (some): SuperviseInput => ({
  agent: {
    ...running,
    status: some.status,
    unread: some.unread,
    fingerprint: "f",
    counters: {
      ...noCounts,
      retries: some.retries,
      unproven: some.unproven,
      denials: some.denials,
      standstill: some.retries
    }
  },
  role: { ...fixer, lifetime: some.lifetime },
  policy: defaultPolicy,
  run,
  outcome: some.outcome,
  session: null,
  now: 1000,
  jitter: 0.5,
  delivered: [11, 12, 13, 14].slice(0, Math.min(some.delivered, some.unread)),
  actions: some.actions,
  fingerprint: some.fingerprint,
  subjectOpen: some.subjectOpen,
  refusal: some.refusal,
  missing: [],
  own: []
}))

const holds = (promise: string, check: (input: SuperviseInput, decision: ReturnType<typeof supervise>) => void) =>
  it.prop(promise, [end], ([input]) => check(input, supervise(input)), { arbitrary: { size: 20, runs: 600 } })

describe("supervise", () => {
  it.prop(
    "is total and deterministic on any agent, role, policy, run and outcome",
    [Agent, Role, Policy, Run, Outcome, Schema.Array(Schema.Int), Schema.Array(RequestedAction), Schema.Boolean],
    ([agent, role, policy, anyRun, outcome, delivered, actions, flag]) => {
      for (const status of [agent.status, "running" as const]) {
        const input: SuperviseInput = {
          agent: { ...agent, status },
          role,
          policy,
          run: anyRun,
          outcome,
          delivered,
          actions,
          session: null,
          fingerprint: agent.fingerprint,
          now: 0,
          jitter: 0.3,
          subjectOpen: flag,
          refusal: flag ? null : "no",
          missing: [],
          own: []
        }
        const decision = supervise(input)
        assert.deepStrictEqual(decision, supervise(structuredClone(input)))
        assert.strictEqual(decision.step.runs.length, decision.again ? 0 : 1)
        for (const change of decision.step.agents) assert.isAtLeast(change.agent.unread, 0)
      }
    },
    { arbitrary: { size: 12, runs: 150 }, timeout: 30_000 }
  )

  holds("changes no agent that is not running, and only closes its run", (input, { again, step }) => {
    if (input.agent.status === "running") return
    assert.isFalse(again)
    assert.deepStrictEqual([step.agents, step.read, step.setAside, step.actions, step.timers], [[], [], [], [], []])
    assert.strictEqual(step.runs[0]?.closedAt, input.now)
    assert.deepStrictEqual(step.runs[0]?.outcome, input.outcome)
  })

  holds("moves along the transition table, one version on", (input, { again, step }) => {
    for (const { agent, expected } of step.agents) {
      assert.isTrue(canMove("running", agent.status))
      assert.deepStrictEqual([expected, agent.version], [input.agent.version, input.agent.version + 1])
      assert.strictEqual(again, agent.status === "running")
      assert.deepStrictEqual(
        step.runs.map(({ closedAt }) => closedAt),
        again ? [] : [input.now]
      )
    }
  })

  holds("leaves each message that the turn saw either read, or unread, or set aside", (input, { step }) => {
    const [change] = step.agents
    if (change === undefined) return
    const aside = step.setAside.map(({ id }) => id)
    for (const id of [...step.read, ...aside]) assert.include(input.delivered, id)
    assert.deepStrictEqual(
      aside.filter((id) => step.read.includes(id)),
      []
    )
    assert.strictEqual(new Set([...step.read, ...aside]).size, step.read.length + aside.length)
    assert.strictEqual(change.agent.unread, input.agent.unread - step.read.length - aside.length)
    assert.strictEqual(change.agent.setAside, input.agent.setAside + aside.length)
    assert.isAtLeast(change.agent.unread, 0)
  })

  holds("sets a timer exactly where the agent waits for it", (input, { step }) => {
    for (const { agent } of step.agents) {
      const waits =
        ["waiting", "blocked", "asking"].includes(agent.status) ||
        (agent.status === "paused" && input.outcome._tag === "NotAuthorized")
      assert.deepStrictEqual(
        step.timers.map(({ id }) => id),
        waits ? [agent.timer] : []
      )
      assert.strictEqual(agent.timer === null, !waits)
      assert.strictEqual(agent.blockedOn.length > 0, agent.status === "blocked")
    }
    for (const timer of step.timers) assert.isAtLeast(timer.dueAt, input.now)
  })

  holds(
    "does nothing that the agent asked for where its turn failed, was denied, or was cut off",
    (input, { step }) => {
      const { outcome } = input
      const silent =
        isRetried(outcome) ||
        ["ToolsDenied", "Refused", "NotAuthorized", "Cancelled", "Interrupted"].includes(outcome._tag)
      const asked = step.actions.filter(({ key }) => /\/\d+$/.test(key))
      if (silent) assert.deepStrictEqual(asked, [])
      else if (asked.length > 0) assert.strictEqual(asked.length, input.actions.length)
      const keys = step.actions.map(({ key }) => key)
      assert.strictEqual(new Set(keys).size, keys.length)
    }
  )

  holds("never ends an agent that has unread messages, unless it was cancelled", (input, { step }) => {
    for (const { agent } of step.agents) {
      if (agent.status === "done" || agent.status === "sleeping")
        assert.strictEqual(agent.unread, 0, input.outcome._tag)
    }
  })

  holds("notes the end of each run", (_, { again, step }) => {
    if (!again)
      assert.include(
        step.journal.map(({ kind }) => kind),
        "run.ended"
      )
  })
})
