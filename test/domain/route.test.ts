import { assert, describe, it } from "@effect/vitest"
import { type Agent, agentId, noCounts } from "../../src/domain/Agent.ts"
import type { Detail, Event } from "../../src/domain/Event.ts"
import type { Mention } from "../../src/domain/Mention.ts"
import { makeRole, makeSquad, type Rule } from "../../src/domain/Role.ts"
import { route } from "../../src/domain/route.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { someAgent } from "../support/someAgent.ts"

const repository = "acme/widgets"
const issue = { title: "Rounding", body: "", state: "open" as const, author: "ada", labels: ["bug"], assignees: [] }

const event = (detail: Detail, options: Partial<Event> = {}): Event => ({
  seq: 20,
  key: "k",
  source: "local",
  at: 5000,
  actor: { login: "ada", kind: "person" },
  subject: Subject.issue(repository, 1),
  causedBy: null,
  depth: 0,
  detail,
  ...options
})

const role = (name: string, ...on: ReadonlyArray<Rule>) => makeRole({ name, harness: { _tag: "function", name }, on })
const squad = makeSquad({ roles: [role("triage", { event: "issue.opened" }), role("fixer"), role("tester")] })

const agent = (options: Partial<Agent> = {}): Agent =>
  someAgent({
    id: agentId(options.role ?? "fixer", options.subject ?? Subject.issue(repository, 1), 3),
    role: "fixer",
    subject: Subject.issue(repository, 1),
    status: "sleeping",
    version: 7,
    ...options
  })

const comment = (mentions: ReadonlyArray<Mention>, options: Partial<Event> = {}, roster: ReadonlyArray<Agent> = []) =>
  route({
    event: event(
      {
        _tag: "comment.created",
        title: "",
        labels: [],
        comment: { id: 1, body: "", author: "ada", association: "OWNER" }
      },
      options
    ),
    squad,
    roster,
    mentions
  })
const say = (word: string, text = "", colon = true): Mention => ({ word, colon, text })
const bodies = (step: ReturnType<typeof route>) =>
  step.actions.map(({ action }) => (action._tag === "comment" ? action.body : action._tag))
const changes = (step: ReturnType<typeof route>) => step.agents.map((change) => [change.agent.id, change.agent.status])
const asks = (detail: Detail, held: Agent, options: Partial<Event> = {}) =>
  route({ event: event(detail, { source: "person", ...options }), squad, roster: [held], mentions: [] })

describe("what a text says to Squadron", () => {
  it("help is answered with every role, and starts nobody", () => {
    const step = comment([say("help", "", false)])
    assert.strictEqual(step.actions.length, 1)
    for (const name of ["triage", "fixer", "tester"]) assert.include(bodies(step)[0], `\`${name}\``)
    assert.deepStrictEqual([step.agents, step.messages], [[], []])
  })

  it("a word that is no role is a mistake with a colon, and prose without one", () => {
    assert.match(bodies(comment([say("fixr")]))[0] ?? "", /no role `fixr`/)
    assert.deepStrictEqual(comment([say("thanks", "", false)]).actions, [])
  })

  it("two mistakes get one answer", () => {
    assert.strictEqual(comment([say("fixr"), say("tseter")]).actions.length, 1)
  })

  it("an agent's or Squadron's own words are not answered", () => {
    assert.deepStrictEqual(comment([say("help"), say("fixr")], { actor: { login: "x", kind: "agent" } }).actions, [])
    assert.deepStrictEqual(comment([say("help")], { actor: { login: "x", kind: "system" } }).actions, [])
  })

  it("each role that is addressed gets its own text, once, also where it is addressed twice", () => {
    const step = comment([say("fixer", "fix it"), say("tester", "test it", false), say("fixer", "soon")])
    assert.deepStrictEqual(
      step.messages.map(({ agent, kind, text }) => [agent, kind, text]),
      [
        ["fixer-1-e20", "command", "fix it\n\nsoon"],
        ["tester-1-e20", "command", "test it"]
      ]
    )
    assert.deepStrictEqual(changes(step), [
      ["fixer-1-e20", "ready"],
      ["tester-1-e20", "ready"]
    ])
  })

  it("a role whose rule matches and which is addressed gets one message, the command", () => {
    const step = route({
      event: event({ _tag: "issue.opened", issue }),
      squad,
      roster: [],
      mentions: [say("triage", "look at the labels")]
    })
    assert.deepStrictEqual(step.messages, [
      { agent: "triage-1-e20", kind: "command", event: 20, text: "look at the labels" }
    ])
    assert.strictEqual(step.agents[0]?.agent.unread, 1)
  })

  it("an agent cannot address its own role, only others", () => {
    const step = comment([say("fixer", "again"), say("tester", "go")], {
      causedBy: "fixer-1-e3",
      depth: 1,
      actor: { login: "fixer-1-e3", kind: "agent" }
    })
    assert.deepStrictEqual(
      step.messages.map((message) => message.agent),
      ["tester-1-e20"]
    )
  })

  it("a command wakes who is blocked or asks; a plain event does not", () => {
    for (const status of ["blocked", "asking"] as const) {
      const held = agent({ status, blockedOn: status === "blocked" ? [`${repository}#9`] : [] })
      assert.deepStrictEqual(changes(comment([say("fixer")], {}, [held])), [[held.id, "ready"]])
      const listening = makeSquad({ roles: [role("fixer", { event: "issue.opened" })] })
      const step = route({
        event: event({ _tag: "issue.opened", issue }),
        squad: listening,
        roster: [held],
        mentions: []
      })
      assert.deepStrictEqual(changes(step), [[held.id, status]])
      assert.strictEqual(step.agents[0]?.agent.unread, 1)
    }
  })

  it("an agent that is there gets the message, and no second one is born", () => {
    const step = comment([say("fixer")], {}, [agent({ status: "running", unread: 2 })])
    assert.deepStrictEqual(changes(step), [["fixer-1-e3", "running"]])
    assert.deepStrictEqual(
      [step.agents[0]?.agent.unread, step.agents[0]?.agent.version, step.agents[0]?.expected],
      [3, 8, 7]
    )
  })
})

describe("an issue that closes", () => {
  const closed = (roster: ReadonlyArray<Agent>, number = 9) =>
    route({
      event: event({ _tag: "issue.closed", issue }, { subject: Subject.issue(repository, number) }),
      squad,
      roster,
      mentions: []
    })

  it("frees the agent that waited for it alone, with a message", () => {
    const held = agent({ status: "blocked", blockedOn: [`${repository}#9`], note: "needs it" })
    const step = closed([held])
    assert.deepInclude(step.agents[0]?.agent, { status: "ready", blockedOn: [], note: "", unread: 1, since: 5000 })
    assert.deepStrictEqual(step.messages, [{ agent: held.id, kind: "event", event: 20, text: "" }])
  })

  it("leaves the agent blocked that waits for another, too", () => {
    const step = closed([agent({ status: "blocked", blockedOn: [`${repository}#9`, `${repository}#4`] })])
    assert.deepInclude(step.agents[0]?.agent, { status: "blocked", blockedOn: [`${repository}#4`], unread: 0 })
    assert.deepStrictEqual(step.messages, [])
  })

  it("ends who sleeps on it, cancels who waits on it for anything else, and leaves those at work", () => {
    const ends = (status: Agent["status"]) => closed([agent({ status, subject: Subject.issue(repository, 9) })])
    assert.deepStrictEqual(changes(ends("sleeping")), [["fixer-9-e3", "done"]])
    for (const status of ["asking", "paused", "escalated"] as const) {
      assert.deepStrictEqual(changes(ends(status)), [["fixer-9-e3", "cancelled"]])
    }
    for (const status of ["ready", "running", "done", "cancelled"] as const)
      assert.deepStrictEqual(changes(ends(status)), [])
    const waiting = agent({ status: "waiting", timer: "t", subject: Subject.issue(repository, 9) })
    assert.deepStrictEqual(closed([waiting]).timersDropped, [waiting.id])
  })
})

describe("an issue that is assigned", () => {
  const listening = makeSquad({
    roles: [role("fixer", { event: "issue.assigned" }), role("tester", { event: "issue.assigned" })]
  })
  const assigned = (assignee: string, roster: ReadonlyArray<Agent>, options: Partial<Event> = {}) =>
    route({
      event: event({ _tag: "issue.assigned", issue, assignee }, options),
      squad: listening,
      roster,
      mentions: []
    })

  it("to a person stops its agents in one change each, says so, and tells them nothing more", () => {
    const step = assigned("grace", [agent({ status: "running" })])
    assert.deepStrictEqual(changes(step), [
      ["tester-1-e20", "ready"],
      ["fixer-1-e3", "cancelled"]
    ])
    assert.strictEqual(step.agents[1]?.agent.version, 8)
    assert.deepStrictEqual(
      step.messages.map((message) => message.agent),
      ["tester-1-e20"]
    )
    assert.deepStrictEqual(bodies(step), ["grace takes over. Stopped: fixer. Work done so far is kept."])
  })

  it("to a person, with nobody at work, says nothing", () => {
    assert.deepStrictEqual(assigned("grace", []).actions, [])
  })

  it("to Squadron, or by an agent, stops nobody", () => {
    assert.deepStrictEqual(changes(assigned("squadron", [agent({ status: "running" })]))[0], ["fixer-1-e3", "running"])
    const byAgent = assigned("grace", [agent({ status: "running" })], {
      actor: { login: "tester-1-e2", kind: "agent" }
    })
    assert.deepStrictEqual(changes(byAgent)[0], ["fixer-1-e3", "running"])
  })
})

describe("what a person asks of an agent", () => {
  const id = agent().id

  it("an answer makes an asking agent ready, with the answer as its message", () => {
    const step = asks(
      { _tag: "agent.answered", agent: id, answer: "half to even" },
      agent({ status: "asking", note: "How?", session: "s" })
    )
    assert.deepInclude(step.agents[0]?.agent, { status: "ready", unread: 1, note: "", session: "s" })
    assert.deepStrictEqual(step.messages, [{ agent: id, kind: "answer", event: 20, text: "half to even" }])
  })

  it("an answer to who waits for its timer leaves the timer", () => {
    const step = asks({ _tag: "agent.answered", agent: id, answer: "yes" }, agent({ status: "waiting", timer: "t" }))
    assert.deepInclude(step.agents[0]?.agent, { status: "waiting", timer: "t", unread: 1 })
    assert.deepStrictEqual(step.timersDropped, [])
  })

  it("a retry brings back what was set aside and starts all counts anew, but the runs", () => {
    const counters = { runs: 5, retries: 3, turnsEnded: 2, turnCaps: 1, unproven: 1, denials: 2, standstill: 2 }
    const step = asks(
      { _tag: "agent.retry_requested", agent: id },
      agent({ status: "escalated", unread: 1, setAside: 2, counters })
    )
    assert.deepInclude(step.agents[0]?.agent, {
      status: "ready",
      unread: 3,
      setAside: 0,
      counters: { ...noCounts, runs: 5 }
    })
    assert.deepStrictEqual(step.restored, [id])
  })

  it("a retry of who waits drops its timer; of who runs, leaves it running", () => {
    assert.deepStrictEqual(
      asks({ _tag: "agent.retry_requested", agent: id }, agent({ status: "waiting", timer: "t" })).timersDropped,
      [id]
    )
    assert.deepStrictEqual(changes(asks({ _tag: "agent.retry_requested", agent: id }, agent({ status: "running" }))), [
      [id, "running"]
    ])
  })

  it("resuming goes on where there is work left, and sleeps where there is none", () => {
    const resumed = (options: Partial<Agent>) =>
      changes(asks({ _tag: "agent.resume_requested", agent: id }, agent({ status: "paused", ...options })))
    assert.deepStrictEqual(resumed({}), [[id, "sleeping"]])
    assert.deepStrictEqual(resumed({ counters: { ...noCounts, runs: 9 } }), [[id, "sleeping"]])
    assert.deepStrictEqual(resumed({ unread: 1 }), [[id, "ready"]])
    assert.deepStrictEqual(resumed({ blockedOn: [`${repository}#4`] }), [[id, "ready"]])
    for (const count of ["retries", "turnsEnded", "turnCaps", "unproven", "denials", "standstill"] as const) {
      assert.deepStrictEqual(resumed({ counters: { ...noCounts, [count]: 1 } }), [[id, "ready"]], count)
    }
  })

  it("resuming who is not paused changes nothing", () => {
    for (const status of ["ready", "running", "waiting", "blocked", "asking", "escalated", "sleeping"] as const) {
      assert.deepStrictEqual(changes(asks({ _tag: "agent.resume_requested", agent: id }, agent({ status }))), [])
    }
  })

  it("pausing and cancelling take the timer with them and say who did it", () => {
    const pause = asks(
      { _tag: "agent.pause_requested", agent: id, reason: "lunch" },
      agent({ status: "waiting", timer: "t" })
    )
    assert.deepInclude(pause.agents[0]?.agent, { status: "paused", timer: null, note: "paused by ada" })
    assert.deepStrictEqual(pause.timersDropped, [id])
    const cancel = asks({ _tag: "agent.cancel_requested", agent: id, reason: "" }, agent({ status: "escalated" }))
    assert.deepInclude(cancel.agents[0]?.agent, { status: "cancelled", note: "cancelled by ada" })
  })

  it("what is asked of an agent that has ended, or was never there, changes nothing and is noted", () => {
    for (const held of [agent({ status: "done" }), agent({ id: "other-1-e1" })]) {
      const step = asks({ _tag: "agent.retry_requested", agent: id }, held)
      assert.deepStrictEqual([step.agents, step.messages, step.restored], [[], [], []])
      assert.match(step.journal[0]?.text ?? "", /there is no live agent/)
    }
  })
})

describe("a timer", () => {
  it("wakes the agent that waits for it, and no agent that waits for another", () => {
    const held = agent({ status: "waiting", timer: "fixer-1-e3/t7", unread: 1 })
    const fired = (timer: string) =>
      asks({ _tag: "timer.fired", timer, kind: "retry", agent: held.id }, held, { source: "timer" })
    assert.deepInclude(fired("fixer-1-e3/t7").agents[0]?.agent, { status: "ready", timer: null, unread: 1 })
    assert.deepStrictEqual(fired("fixer-1-e3/t7").timersDropped.slice(0, 1), [held.id])
    assert.deepStrictEqual([fired("fixer-1-e3/t5").agents, fired("fixer-1-e3/t5").timersDropped], [[], []])
  })

  it("that belongs to nobody is dropped", () => {
    assert.deepStrictEqual(
      asks({ _tag: "timer.fired", timer: "t", kind: "retry", agent: "gone-1-e1" }, agent()).timersDropped,
      ["gone-1-e1"]
    )
  })
})

describe("who caused it", () => {
  it("a role with a number at its end is told from the role without", () => {
    const on: Rule = { event: "custom" }
    const both = makeSquad({ roles: [role("fix", on), role("fix-1", on)] })
    const wakes = (causedBy: string) =>
      route({
        event: event(
          { _tag: "custom", name: "n", payload: null },
          { causedBy, depth: 1, subject: Subject.repository(repository) }
        ),
        squad: both,
        roster: [],
        mentions: []
      }).messages.map((message) => message.agent)
    assert.deepStrictEqual(wakes(agentId("fix-1", Subject.repository(repository), 5)), [
      agentId("fix", Subject.repository(repository), 20)
    ])
    assert.deepStrictEqual(wakes(agentId("fix", Subject.issue(repository, 1), 5)), [
      agentId("fix-1", Subject.repository(repository), 20)
    ])
  })
})
