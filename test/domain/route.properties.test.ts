import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Agent, canMove, isLive, roleOfId } from "../../src/domain/Agent.ts"
import { Event } from "../../src/domain/Event.ts"
import type { Mention } from "../../src/domain/Mention.ts"
import { Squad } from "../../src/domain/Role.ts"
import { route } from "../../src/domain/route.ts"
import type { RouteInput } from "../../src/domain/Routing.ts"
import type { Step } from "../../src/domain/Step.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { situation } from "../support/Situations.ts"

const Said: Schema.Codec<Mention> = Schema.Struct({ word: Schema.String, colon: Schema.Boolean, text: Schema.String })

/** What each role has alive on each subject once the step is applied to the roster. */
const liveAfter = (input: RouteInput, step: Step) => {
  const agents = new Map(input.roster.map((agent) => [agent.id, agent]))
  for (const { agent } of step.agents) agents.set(agent.id, agent)
  return [...agents.values()].filter((agent) => isLive(agent.status))
}

const holds = (promise: string, check: (input: RouteInput, step: Step) => void) =>
  it.prop(promise, [situation], ([input]) => check(input, route(input)), { arbitrary: { size: 40, runs: 600 } })

const countOf = (list: ReadonlyArray<string>, one: string) => list.filter((other) => other === one).length

describe("route", () => {
  it.prop(
    "is total and deterministic on any event, squad, roster and text",
    [Event, Squad, Schema.Array(Agent), Schema.Array(Said)],
    ([event, squad, roster, mentions]) => {
      const input = { event, squad, roster, mentions }
      assert.deepStrictEqual(route(input), route(structuredClone(input)))
    },
    // every list of a squad grows with the size, so a larger one costs much and adds little
    { arbitrary: { size: 12, runs: 100 }, timeout: 30_000 }
  )

  holds("is deterministic where events meet rules and agents, and leaves its input alone", (input, step) => {
    const before = structuredClone(input)
    assert.deepStrictEqual(route(input), step)
    assert.deepStrictEqual(input, before)
  })

  holds(
    "moves agents along the transition table only, one version on each, and from the version it saw",
    (input, step) => {
      for (const { agent, expected } of step.agents) {
        const before = input.roster.find((other) => other.id === agent.id)
        assert.strictEqual(expected, before?.version ?? null)
        assert.strictEqual(agent.version, (before?.version ?? 0) + 1)
        if (before === undefined) assert.strictEqual(agent.status, "ready")
        else {
          assert.isTrue(canMove(before.status, agent.status), `${before.status} → ${agent.status}`)
          assert.strictEqual(agent.since, before.status === agent.status ? before.since : input.event.at)
        }
      }
      const ids = step.agents.map(({ agent }) => agent.id)
      assert.strictEqual(new Set(ids).size, ids.length)
    }
  )

  holds("leaves at most one live agent of each role on each subject", (input, step) => {
    const places = liveAfter(input, step).map((agent) => `${agent.role} on ${Subject.key(agent.subject)}`)
    assert.strictEqual(new Set(places).size, places.length, places.join("; "))
  })

  holds("sends messages to live agents only", (input, step) => {
    const live = liveAfter(input, step).map((agent) => agent.id)
    for (const message of step.messages) {
      assert.include(live, message.agent)
      assert.strictEqual(message.event, input.event.seq)
    }
  })

  holds("sends each agent one message at most", (_, step) => {
    const to = step.messages.map((message) => message.agent)
    assert.strictEqual(new Set(to).size, to.length)
  })

  holds("counts as unread exactly the messages that it sends and restores", (input, step) => {
    for (const { agent } of step.agents) {
      const before = input.roster.find((other) => other.id === agent.id)
      const restored = step.restored.includes(agent.id) ? (before?.setAside ?? 0) : 0
      const sent = countOf(
        step.messages.map((message) => message.agent),
        agent.id
      )
      assert.strictEqual(agent.unread, (before?.unread ?? 0) + sent + restored)
      assert.strictEqual(agent.setAside, (before?.setAside ?? 0) - restored)
    }
    const changed = step.agents.map(({ agent }) => agent.id)
    for (const message of step.messages) assert.include(changed, message.agent)
    for (const agent of step.restored) assert.include(changed, agent)
  })

  holds("drops the timer of whoever leaves waiting, and of nobody else who waits", (input, step) => {
    for (const { agent } of step.agents) {
      const before = input.roster.find((other) => other.id === agent.id)
      if (before?.status !== "waiting") continue
      const left = agent.status !== "waiting"
      assert.strictEqual(agent.timer, left ? null : before.timer)
      assert.strictEqual(step.timersDropped.includes(agent.id), left)
    }
    const changed = new Set(step.agents.map(({ agent }) => agent.id))
    for (const agent of input.roster) {
      if (agent.status === "waiting" && !changed.has(agent.id)) assert.notInclude(step.timersDropped, agent.id)
    }
  })

  holds("acts only as Squadron, and says that work was handed over only where some was stopped", (input, step) => {
    const stopped = step.agents.filter(({ agent }) => agent.status === "cancelled")
    for (const action of step.actions) {
      assert.isNull(action.agent)
      assert.strictEqual(action.depth, input.event.depth + 1)
    }
    if ("agent" in input.event.detail) assert.deepStrictEqual(step.actions, [])
    if (step.actions.some((action) => action.key.endsWith("/handover"))) assert.isNotEmpty(stopped)
    const keys = step.actions.map((action) => action.key)
    assert.strictEqual(new Set(keys).size, keys.length)
  })

  holds("changes nobody where the table forbids what a person asks for", (input, step) => {
    const { detail } = input.event
    if (!("agent" in detail)) return
    const named = input.roster.find((agent) => agent.id === detail.agent)
    if (named === undefined || !isLive(named.status)) assert.deepStrictEqual(step.agents, [])
    for (const { agent } of step.agents) assert.strictEqual(agent.id, detail.agent)
    if (named !== undefined && detail._tag === "agent.pause_requested" && !canMove(named.status, "paused")) {
      assert.deepStrictEqual(step.agents, [])
    }
  })

  holds("never wakes the role that caused the event, save for who waited for just this", (input, step) => {
    const { causedBy, detail, subject } = input.event
    if (causedBy === null || "agent" in detail) return
    for (const message of step.messages) {
      const agent = step.agents.find((change) => change.agent.id === message.agent)?.agent
      const before = input.roster.find((other) => other.id === message.agent)
      if (agent?.role !== roleOfId(causedBy)) continue
      assert.isTrue(before?.blockedOn.includes(Subject.key(subject)), `${causedBy} woke ${message.agent}`)
    }
  })

  holds(
    "wakes nobody once too many agents stand between the event and a person, save who waited for it",
    (input, step) => {
      const { detail, depth, subject } = input.event
      if ("agent" in detail || depth <= input.squad.policy.maxDepth) return
      for (const { agent: id } of step.messages) {
        const waited = input.roster.find((agent) => agent.id === id)
        assert.isTrue(detail._tag === "issue.closed" && waited?.blockedOn.includes(Subject.key(subject)), id)
      }
      for (const { expected } of step.agents) assert.isNotNull(expected)
      assert.deepStrictEqual(step.restored, [])
      assert.match(step.journal.at(-1)?.text ?? "", /the chain ends here/)
    }
  )

  holds("writes one routing line for the event, with a verdict for each rule of its type", (input, step) => {
    const { event, squad } = input
    const lines = step.journal.filter((line) => line.kind === "event.routed")
    assert.strictEqual(lines.length, 1)
    for (const line of step.journal) assert.strictEqual(line.event, event.seq)
    if ("agent" in event.detail || event.depth > squad.policy.maxDepth) return
    const rules = squad.roles.flatMap((role) =>
      role.on.flatMap((rule, index) => (rule.event === event.detail._tag ? [`${role.name} ${index + 1}`] : []))
    )
    const verdicts = lines.flatMap((line) => line.verdicts).filter((verdict) => verdict.rule > 0)
    assert.deepStrictEqual(
      verdicts.map((verdict) => `${verdict.role} ${verdict.rule}`),
      rules
    )
    for (const verdict of verdicts) assert.notStrictEqual(verdict.why, "")
  })

  holds("notes in the journal each agent that is born or ended, and touches nothing that is not its own", (_, step) => {
    for (const { agent, expected } of step.agents) {
      const lines = step.journal.filter((line) => line.agent === agent.id && line.kind !== "event.routed")
      if (expected === null)
        assert.deepStrictEqual(
          lines.map((line) => line.kind),
          ["agent.created"]
        )
      else if (agent.status === "cancelled" || agent.status === "done") {
        assert.deepStrictEqual(
          lines.map((line) => line.kind),
          ["agent.changed"]
        )
      }
    }
    assert.isTrue(
      step.cursor === null && step.read.length === 0 && step.setAside.length === 0 && step.timers.length === 0
    )
  })
})

describe("agent ids", () => {
  it.prop(
    "name their role, also a role that ends in a number",
    [situation],
    ([input]) => {
      for (const agent of input.roster) assert.strictEqual(roleOfId(agent.id), agent.role)
    },
    { arbitrary: { size: 40, runs: 100 } }
  )

  it.prop("of arbitrary roles give back the role", [Arbitrary.schema(Squad)], ([squad]) => {
    for (const role of squad.roles) {
      assert.strictEqual(roleOfId(`${role.name}-0-e12`), role.name)
      assert.strictEqual(roleOfId(`${role.name}-7-e12`), role.name)
    }
  })
})
