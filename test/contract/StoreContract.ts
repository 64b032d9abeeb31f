/** What the rest of Squadron relies on from any store. */
import { assert, it } from "@effect/vitest"
import { Arbitrary, Effect, Exit, type Layer, Result, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { SqlWriter } from "../../src/adapters/sql/SqlWriter.ts"
import { type Agent, isLive, noCounts } from "../../src/domain/Agent.ts"
import type { JournalDraft } from "../../src/domain/Journal.ts"
import type { Run } from "../../src/domain/Run.ts"
import * as Step from "../../src/domain/Step.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { type Committed, Store } from "../../src/services/Store.ts"
import { Command, StoreModel } from "../support/StoreModel.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { someAgent } from "../support/someAgent.ts"

const repository = "acme/widgets"

export const agentOf = (number: number, options: Partial<Agent> = {}): Agent =>
  someAgent({
    id: `fixer-${number}-e1`,
    role: "fixer",
    subject: Subject.issue(repository, number),
    status: "ready",
    version: 1,
    ...options
  })
export const birth = (agent: Agent, rest: Partial<Step.Step> = {}) =>
  Step.make({ agents: [{ agent, expected: null }], ...rest })
export const onto = (agent: Agent, next: Partial<Agent>, rest: Partial<Step.Step> = {}) =>
  Step.make({
    agents: [{ agent: { ...agent, version: agent.version + 1, ...next }, expected: agent.version }],
    ...rest
  })
export const message = (agent: string, text = "") => ({ agent, kind: "command" as const, event: 1, text })
const line = (text: string, options: Partial<JournalDraft> = {}): JournalDraft => ({
  kind: "run.ended",
  at: 0,
  event: null,
  agent: null,
  text,
  verdicts: [],
  ...options
})
const action = (key: string, number = 1) => ({
  key,
  subject: Subject.issue(repository, number),
  agent: `fixer-${number}-e1`,
  depth: 1,
  action: { _tag: "reopen_issue" as const }
})
const runOf = (agent: Agent, n: number): Run => ({
  id: `${agent.id}/${n}`,
  agent: agent.id,
  n,
  openedAt: 0,
  closedAt: 9,
  turns: 1,
  outcome: { _tag: "TurnEnded" },
  transcript: "",
  exit: null,
  stderr: ""
})
const together = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.all(effects.map(Effect.result), { concurrency: "unbounded" })
const tagOf = <E extends { readonly _tag: string }>(result: Result.Result<unknown, E>) =>
  Result.isFailure(result) ? result.failure._tag : "done"

type Services = Store | SqlWriter | SqlClient.SqlClient

/** Runs the contract; every test gets a store of its own. */
export const suite = (name: string, layer: () => Layer.Layer<Services, unknown>): void => {
  const test = <E>(promise: string, body: Effect.Effect<void, E, Services | Scope.Scope>) =>
    it.effect(`${name}: ${promise}`, () => Effect.provide(body, layer()))

  test(
    "a key is accepted once, also of fifty at the same time, and later it is a duplicate of the same number",
    Effect.gen(function* () {
      const store = yield* Store
      const same = customEvent({ key: "same" })
      const answers = yield* Effect.all(
        Array.from({ length: 50 }, () => store.publish(same)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.filter(({ _tag }) => _tag === "Accepted").length, 1)
      assert.deepStrictEqual([...new Set(answers.map(({ seq }) => seq))], [1])
      assert.deepStrictEqual(yield* store.publish(same), { _tag: "Duplicate", seq: 1 })
      const next = yield* store.publish(customEvent())
      assert.strictEqual(next._tag, "Accepted")
      assert.deepStrictEqual(
        (yield* store.eventsAfter(0, 10)).map(({ seq }) => seq),
        [1, next.seq]
      )
      assert.deepStrictEqual(
        (yield* store.eventsAfter(1, 10)).map(({ seq }) => seq),
        [next.seq]
      )
    })
  )

  test(
    "agents are found by their pull requests, those that ended too, and by what they wait for",
    Effect.gen(function* () {
      const store = yield* Store
      const own = (number: number, pull: number): Partial<Step.Step> => ({
        owned: [{ subject: `${repository}#${pull}`, agent: agentOf(number).id }]
      })
      yield* store.commit(birth(agentOf(1)))
      yield* store.commit(birth(agentOf(2, { pullRequest: 12 }), own(2, 12)))
      const ending = agentOf(3, { status: "sleeping", pullRequest: 13 })
      yield* store.commit(birth(ending, own(3, 13)))
      yield* store.commit(onto(ending, { status: "done" }))
      assert.deepStrictEqual((yield* store.owners([`${repository}#12`, `${repository}#13`])).toSorted(), [
        agentOf(2).id,
        agentOf(3).id
      ])
      assert.deepStrictEqual(yield* store.owners([`${repository}#2`]), [])
      const branch = `squadron/${agentOf(3).id}`
      const key = `${repository}:${branch}`
      yield* store.commit(
        birth(agentOf(7, { pullRequest: 13, branch }), {
          owned: [`${repository}#13`, key].map((subject) => ({ subject, agent: agentOf(7).id }))
        })
      )
      assert.deepStrictEqual(yield* store.owners([`${repository}#13`, key]), [agentOf(7).id])
      assert.strictEqual((yield* store.agent(agentOf(7).id)).branch, branch)
      assert.deepStrictEqual((yield* store.withPulls).map(({ id }) => id).toSorted(), [agentOf(2).id, agentOf(7).id])
      yield* store.commit(birth(agentOf(4, { status: "blocked", blockedOn: [`${repository}#1`] })))
      yield* store.commit(birth(agentOf(5, { status: "escalated", blockedOn: [`${repository}#1`] })))
      yield* store.commit(birth(agentOf(6, { status: "escalated" })))
      assert.deepStrictEqual((yield* store.blocked).map(({ id }) => id).toSorted(), [agentOf(4).id, agentOf(5).id])
    })
  )

  test(
    "concurrent publishers share a transaction, and each gets its own number",
    Effect.gen(function* () {
      const store = yield* Store
      const groups: Array<number> = []
      yield* store.observe((committed) => groups.push(committed.events.length))
      const answers = yield* Effect.all(
        Array.from({ length: 200 }, () => store.publish(customEvent())),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(answers.map(({ seq }) => seq)).size, 200)
      assert.strictEqual(
        groups.reduce((sum, n) => sum + n, 0),
        200
      )
      assert.isAtMost(groups.length, 5)
    })
  )

  test(
    "events come in their order, from any number on, and one by its number",
    Effect.gen(function* () {
      const store = yield* Store
      const drafts = Array.from({ length: 10 }, (_, n) => customEvent({ key: `k${n}`, issue: (n % 2) + 1 }))
      yield* Effect.forEach(drafts, store.publish, { discard: true })
      const keys = (from: number, limit: number) =>
        Effect.map(store.eventsAfter(from, limit), (events) => events.map(({ key }) => key))
      assert.deepStrictEqual(
        yield* keys(0, 100),
        drafts.map(({ key }) => key)
      )
      assert.deepStrictEqual(yield* keys(7, 2), ["k7", "k8"])
      assert.deepStrictEqual(yield* keys(10, 2), [])
      assert.deepStrictEqual(yield* store.event(3), { seq: 3, ...customEvent({ key: "k2", issue: 1 }) })
      assert.deepInclude(yield* Effect.flip(store.event(99)), { _tag: "EventNotFound", seq: 99 })
      const page = yield* store.events({ limit: 2, before: 9, subject: `${repository}#2` })
      assert.deepStrictEqual(
        page.map(({ seq }) => seq),
        [8, 6]
      )
      assert.deepStrictEqual(yield* store.events({ limit: 5, type: "push" }), [])
    })
  )

  test(
    "a step on an older version is refused, typed, and nothing of it is stored",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.publish(customEvent())
      const held = agentOf(1)
      yield* store.commit(birth(held))
      yield* store.commit(onto(held, { note: "newer" }))
      const stale = onto(
        held,
        { note: "older" },
        {
          cursor: 1,
          messages: [message(held.id)],
          runs: [runOf(held, 1)],
          actions: [action("a")],
          journal: [line("x")],
          timers: [{ id: "t", agent: held.id, kind: "retry", dueAt: 1 }],
          events: [customEvent()]
        }
      )
      assert.deepInclude(yield* Effect.flip(store.commit(stale)), {
        _tag: "StaleVersion",
        agent: held.id,
        expected: 1,
        actual: 2
      })
      assert.strictEqual((yield* store.agent(held.id)).note, "newer")
      assert.deepStrictEqual(
        [
          yield* store.cursor,
          yield* store.unread([held.id], 9),
          yield* store.queuedActions(9, []),
          yield* store.journal({ limit: 9 }),
          yield* store.timers(9),
          yield* store.runs(held.id),
          (yield* store.eventsAfter(0, 9)).length
        ],
        [0, [], [], [], [], [], 1]
      )
      assert.deepInclude(yield* Effect.flip(store.commit(birth(held))), {
        _tag: "StaleVersion",
        expected: null,
        actual: 2
      })
      assert.deepInclude(yield* Effect.flip(store.commit(onto(agentOf(8), {}))), {
        _tag: "StaleVersion",
        expected: 1,
        actual: null
      })
    })
  )

  test(
    "of many who change one version at the same time, one succeeds",
    Effect.gen(function* () {
      const store = yield* Store
      const held = agentOf(1)
      yield* store.commit(birth(held))
      const results = yield* together(
        Array.from({ length: 20 }, (_, n) => store.commit(onto(held, { note: `${n}` }, { journal: [line(`${n}`)] })))
      )
      assert.deepStrictEqual(results.map(tagOf), ["done", ...Array<string>(19).fill("StaleVersion")])
      assert.deepStrictEqual(
        [(yield* store.agent(held.id)).note, (yield* store.journal({ limit: 99 })).length],
        ["0", 1]
      )
    })
  )

  test(
    "a second live agent of a role on a subject is refused, alone among its neighbours in the group",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.publish(customEvent())
      yield* store.commit(birth(agentOf(1)))
      let groups = 0
      yield* store.observe(() => groups++)
      const second = agentOf(1, { id: "fixer-1-e2" })
      const results = yield* together([
        store.commit(birth(agentOf(2), { messages: [message("fixer-2-e1")] })),
        store.commit(birth(second, { messages: [message(second.id)], actions: [action("no")], journal: [line("no")] })),
        store.commit(birth(agentOf(3))),
        store.commit(birth(agentOf(1, { id: "tester-1-e1", role: "tester" })))
      ])
      assert.deepStrictEqual(results.map(tagOf), ["done", "AgentExists", "done", "done"])
      assert.strictEqual(groups, 1)
      const [, refused] = results
      if (refused !== undefined && Result.isFailure(refused))
        assert.deepInclude(refused.failure, { role: "fixer", subject: `${repository}#1` })
      assert.deepStrictEqual(
        (yield* store.agents({ limit: 9 })).map(({ id }) => id),
        ["tester-1-e1", "fixer-3-e1", "fixer-2-e1", "fixer-1-e1"]
      )
      assert.deepStrictEqual([yield* store.queuedActions(9, []), yield* store.journal({ limit: 9 })], [[], []])
      assert.strictEqual((yield* store.counts).agents.ready, 4)
    })
  )

  test(
    "an agent may follow one that has ended, also in the same group",
    Effect.gen(function* () {
      const store = yield* Store
      const first = agentOf(1)
      yield* store.commit(birth(first))
      const next = agentOf(1, { id: "fixer-1-e2" })
      const results = yield* together([store.commit(onto(first, { status: "cancelled" })), store.commit(birth(next))])
      assert.deepStrictEqual(results.map(tagOf), ["done", "done"])
      assert.deepStrictEqual(
        (yield* store.roster([`${repository}#1`])).map(({ id }) => id),
        [next.id]
      )
      assert.deepStrictEqual((yield* store.agents({ limit: 9 })).length, 2)
      assert.deepInclude((yield* store.counts).agents, { ready: 1, cancelled: 1 })
    })
  )

  test(
    "a decision sees agents as they are, those included that the group changed before it",
    Effect.gen(function* () {
      const store = yield* Store
      const held = agentOf(1)
      yield* store.commit(birth(held))
      const more = store.decide([held.id], (current) => {
        const now = current.get(held.id) ?? held
        return { step: onto(now, { unread: now.unread + 1 }), value: now.version }
      })
      const seen = yield* Effect.all(
        Array.from({ length: 10 }, () => more),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      assert.deepInclude(yield* store.agent(held.id), { version: 11, unread: 10 })
      const none = yield* store.decide(["nobody"], (current) => ({ step: Step.empty, value: current.size }))
      assert.strictEqual(none, 0)
    })
  )

  test(
    "a decision that throws fails its callers, and the writer goes on",
    Effect.gen(function* () {
      const store = yield* Store
      const broken = store.decide([], (): { step: Step.Step; value: number } => {
        throw new Error("a defect")
      })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(broken)))
      assert.strictEqual((yield* store.publish(customEvent()))._tag, "Accepted")
    })
  )

  test(
    "each agent's messages come in their order, at most so many of each",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.publish(customEvent())
      const [one, two] = [agentOf(1), agentOf(2)]
      yield* store.commit(birth(one, { messages: [message(one.id, "a"), message(one.id, "b")] }))
      yield* store.commit(birth(two, { messages: [message(two.id, "x")] }))
      yield* store.commit(onto(one, {}, { messages: [message(one.id, "c")] }))
      const texts = (agents: ReadonlyArray<string>, limit: number) =>
        Effect.map(store.unread(agents, limit), (all) => all.map(({ agent, text }) => [agent, text]))
      assert.deepStrictEqual(yield* texts([one.id], 9), [
        [one.id, "a"],
        [one.id, "b"],
        [one.id, "c"]
      ])
      const both = yield* texts([one.id, two.id], 2)
      assert.deepStrictEqual(
        both.filter(([agent]) => agent === one.id).map(([, text]) => text),
        ["a", "b"]
      )
      assert.deepStrictEqual(
        both.filter(([agent]) => agent === two.id).map(([, text]) => text),
        ["x"]
      )
      assert.deepStrictEqual(
        (yield* store.inbox(one.id, { limit: 2 })).map(({ text }) => text),
        ["c", "b"]
      )
      assert.strictEqual((yield* store.unread([one.id], 1))[0]?.event.seq, 1)
      assert.deepStrictEqual(yield* store.unread([], 9), [])
    })
  )

  test(
    "a message is read, or set aside with its reason and restored, and never deleted",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.publish(customEvent())
      const held = agentOf(1)
      yield* store.commit(birth(held, { messages: ["a", "b", "c"].map((text) => message(held.id, text)) }))
      yield* store.commit(Step.make({ read: [1], setAside: [{ id: 2, reason: "crashed" }] }))
      const inbox = Effect.map(store.inbox(held.id, { limit: 9 }), (all) =>
        all.map(({ reason, status, text }) => [text, status, reason])
      )
      assert.deepStrictEqual(yield* inbox, [
        ["c", "unread", ""],
        ["b", "set_aside", "crashed"],
        ["a", "read", ""]
      ])
      assert.strictEqual((yield* store.counts).setAside, 1)
      yield* store.commit(Step.make({ restored: [held.id] }))
      assert.deepStrictEqual(yield* inbox, [
        ["c", "unread", ""],
        ["b", "unread", ""],
        ["a", "read", ""]
      ])
    })
  )

  test(
    "ready agents come by priority, then by age, and without the roles that are full",
    Effect.gen(function* () {
      const store = yield* Store
      const put = (number: number, options: Partial<Agent>) => store.commit(birth(agentOf(number, options)))
      yield* put(1, { since: 30 })
      yield* put(2, { since: 20 })
      yield* put(3, { since: 40, priority: 5 })
      yield* put(4, { since: 10, status: "sleeping" })
      yield* put(5, { since: 10, role: "tester", id: "tester-5-e1" })
      const ids = (limit: number, without: ReadonlyArray<string>) =>
        Effect.map(store.ready(limit, without), (all) => all.map(({ id }) => id))
      assert.deepStrictEqual(yield* ids(9, []), ["fixer-3-e1", "tester-5-e1", "fixer-2-e1", "fixer-1-e1"])
      assert.deepStrictEqual(yield* ids(2, ["tester"]), ["fixer-3-e1", "fixer-2-e1"])
      assert.deepStrictEqual(
        (yield* store.agents({ limit: 9, status: "sleeping" })).map(({ id }) => id),
        ["fixer-4-e1"]
      )
      assert.strictEqual((yield* store.agents({ limit: 9, role: "fixer", live: true })).length, 4)
      assert.deepStrictEqual(
        (yield* store.agentsById(["fixer-1-e1", "nobody"])).map(({ id }) => id),
        ["fixer-1-e1"]
      )
      assert.deepInclude(yield* Effect.flip(store.agent("nobody")), { _tag: "AgentNotFound", agent: "nobody" })
    })
  )

  test(
    "an agent has one timer at most, the newest, and the next that is due comes first",
    Effect.gen(function* () {
      const store = yield* Store
      const timer = (agent: string, id: string, dueAt: number) => ({ agent, id, kind: "retry" as const, dueAt })
      yield* store.commit(Step.make({ timers: [timer("a", "a/1", 50), timer("b", "b/1", 20), timer("c", "c/1", 30)] }))
      yield* store.commit(Step.make({ timers: [timer("a", "a/2", 10)], timersDropped: ["c"] }))
      assert.deepStrictEqual(yield* store.timers(9), [timer("a", "a/2", 10), timer("b", "b/1", 20)])
      yield* store.commit(Step.make({ timers: [timer("a", "a/3", 60)], timersDropped: ["a"] }))
      assert.deepStrictEqual(yield* store.timers(1), [timer("b", "b/1", 20)])
      assert.deepStrictEqual(
        (yield* store.timers(9)).map(({ id }) => id),
        ["b/1", "a/3"]
      )
    })
  )

  test(
    "an action's key is queued once; one that was settled leaves the queue",
    Effect.gen(function* () {
      const store = yield* Store
      yield* Effect.all(
        [1, 2, 3].map(() => store.commit(Step.make({ actions: [action("k")] }))),
        { concurrency: "unbounded" }
      )
      yield* store.commit(Step.make({ actions: [action("k"), action("other", 2)] }))
      const [first, second] = (yield* store.queuedActions(9, [])).map(({ id }) => id)
      assert.isTrue(first !== undefined && second !== undefined && first < second)
      assert.deepStrictEqual(
        (yield* store.queuedActions(9, [])).map(({ key }) => key),
        ["k", "other"]
      )
      assert.deepStrictEqual(
        (yield* store.queuedActions(9, [`${repository}#1`])).map(({ key }) => key),
        ["other"]
      )
      yield* store.commit(Step.make({ settled: [{ id: first ?? 0, status: "queued", error: "later" }] }))
      assert.deepInclude((yield* store.queuedActions(1, []))[0], { id: first ?? 0, attempts: 1, error: "later" })
      yield* store.commit(
        Step.make({
          settled: [
            { id: first ?? 0, status: "failed", error: "no" },
            { id: second ?? 0, status: "done", error: "" }
          ]
        })
      )
      assert.deepStrictEqual(yield* store.queuedActions(9, []), [])
      assert.deepInclude(yield* store.counts, { actionsQueued: 0, actionsFailed: 1 })
      assert.deepStrictEqual(
        (yield* store.actions({ limit: 9, agent: "fixer-1-e1" })).map(({ key, status }) => [key, status]),
        [["k", "failed"]]
      )
    })
  )

  test(
    "a failed action is queued again with its number, its key and its tries, in its place, and that is written down",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.commit(Step.make({ actions: [action("a"), action("b"), action("c")] }))
      const [first = 0, second = 0] = (yield* store.queuedActions(9, [])).map(({ id }) => id)
      yield* store.commit(
        Step.make({
          settled: [
            { id: first, status: "failed", error: "gone", tries: 10 },
            { id: second, status: "done", error: "" }
          ]
        })
      )
      const seen: Array<Committed> = []
      yield* store.observe((committed) => seen.push(committed), { journal: true })
      const queued = { id: first, key: "a", status: "queued" as const, attempts: 10, error: "" }
      assert.deepInclude(yield* store.retryAction(first, 7), queued)
      assert.deepStrictEqual(
        seen.map(({ actions, journal }) => [actions, journal.map(({ kind }) => kind)]),
        [[true, ["action.retried"]]]
      )
      assert.deepStrictEqual(
        (yield* store.queuedActions(9, [])).map(({ key }) => key),
        ["a", "c"]
      )
      assert.deepInclude((yield* store.queuedActions(1, []))[0], queued)
      assert.strictEqual((yield* store.counts).actionsFailed, 0)
      assert.deepStrictEqual(
        (yield* store.journal({ limit: 9 })).map(({ agent, at, kind, text }) => ({ agent, at, kind, text })),
        [
          {
            agent: "fixer-1-e1",
            at: 7,
            kind: "action.retried",
            text: `to be tried again: reopen on ${repository}#1, which failed: gone`
          }
        ]
      )
    })
  )

  test(
    "an action that has not failed, or is not there, is not queued again, and nothing is written",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.commit(Step.make({ actions: [action("done"), action("queued")] }))
      const [done = 0, queued = 0] = (yield* store.queuedActions(9, [])).map(({ id }) => id)
      yield* store.commit(Step.make({ settled: [{ id: done, status: "done", error: "" }] }))
      assert.deepInclude(yield* Effect.flip(store.retryAction(done, 0)), {
        _tag: "ActionNotFailed",
        action: done,
        status: "done"
      })
      assert.deepInclude(yield* Effect.flip(store.retryAction(queued, 0)), {
        _tag: "ActionNotFailed",
        action: queued,
        status: "queued"
      })
      assert.deepInclude(yield* Effect.flip(store.retryAction(queued + 9, 0)), {
        _tag: "ActionNotFound",
        action: queued + 9
      })
      // a step is no way around that
      yield* store.commit(Step.make({ retried: [done, queued + 9] }))
      assert.deepStrictEqual(
        (yield* store.queuedActions(9, [])).map(({ key }) => key),
        ["queued"]
      )
      assert.deepStrictEqual(yield* store.journal({ limit: 9 }), [])
    })
  )

  test(
    "of many who retry an action at the same time one succeeds, also where it has failed in the same group",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.commit(birth(agentOf(1), { actions: [action("k")] }))
      const [id = 0] = (yield* store.queuedActions(9, [])).map((queued) => queued.id)
      const fails = store.commit(Step.make({ settled: [{ id, status: "failed", error: "no" }] }))
      const retries = Array.from({ length: 5 }, () => store.retryAction(id, 0))
      let groups = 0
      yield* store.observe(() => groups++)
      const first = yield* together<unknown, { readonly _tag: string }, never>([fails, ...retries])
      assert.deepStrictEqual(first.map(tagOf), ["done", "done", ...Array<string>(4).fill("ActionNotFailed")])
      // each in a savepoint of its own, since a neighbour breaks a constraint
      const second = yield* together<unknown, { readonly _tag: string }, never>([
        fails,
        store.commit(birth(agentOf(1, { id: "fixer-1-e2" }))),
        ...retries
      ])
      assert.deepStrictEqual(second.map(tagOf), [
        "done",
        "AgentExists",
        "done",
        ...Array<string>(4).fill("ActionNotFailed")
      ])
      assert.strictEqual(groups, 2)
      assert.deepInclude((yield* store.queuedActions(9, []))[0], { id, attempts: 2 })
      assert.strictEqual((yield* store.journal({ limit: 9 })).length, 2)
    })
  )

  test(
    "actions are listed in pages, by status and by agent",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.commit(Step.make({ actions: ["a", "b", "c", "d"].map((key) => action(key)) }))
      yield* store.commit(Step.make({ actions: [action("other", 2)] }))
      const ids = (yield* store.queuedActions(9, [])).map(({ id }) => id)
      yield* store.commit(
        Step.make({
          settled: [0, 1, 4].map((n) => ({ id: ids[n] ?? 0, status: n === 1 ? "done" : "failed", error: "" }))
        })
      )
      const keys = (page: Parameters<typeof store.actions>[0]) =>
        Effect.map(store.actions(page), (all) => all.map(({ key }) => key))
      assert.deepStrictEqual(yield* keys({ limit: 9, status: "failed" }), ["other", "a"])
      assert.deepStrictEqual(yield* keys({ limit: 9, status: "failed", agent: "fixer-1-e1" }), ["a"])
      assert.deepStrictEqual(yield* keys({ limit: 1, status: "queued" }), ["d"])
      assert.deepStrictEqual(yield* keys({ limit: 9, status: "queued", before: ids[3] }), ["c"])
      assert.deepStrictEqual(yield* keys({ limit: 9, status: "done" }), ["b"])
      assert.deepStrictEqual(yield* keys({ limit: 2 }), ["other", "d"])
    })
  )

  test(
    "open runs are those of running agents; ended runs are kept, newest first",
    Effect.gen(function* () {
      const store = yield* Store
      const held = agentOf(1, { status: "running", since: 7, counters: { ...noCounts, runs: 2 } })
      yield* store.commit(birth(held))
      assert.deepStrictEqual(
        (yield* store.openRuns).map(({ closedAt, id, openedAt }) => [id, openedAt, closedAt]),
        [[`${held.id}/2`, 7, null]]
      )
      yield* store.commit(onto(held, { status: "ready" }, { runs: [runOf(held, 1)] }))
      yield* store.commit(onto({ ...held, version: 2 }, { status: "sleeping" }, { runs: [runOf(held, 2)] }))
      assert.deepStrictEqual(yield* store.openRuns, [])
      assert.deepStrictEqual(yield* store.runs(held.id), [runOf(held, 2), runOf(held, 1)])
      assert.deepStrictEqual(yield* store.runs("nobody"), [])
    })
  )

  test(
    "a run and a line that end after their agent did are found, too",
    Effect.gen(function* () {
      const store = yield* Store
      const held = agentOf(1, { status: "running" })
      yield* store.commit(birth(held))
      yield* store.commit(onto(held, { status: "cancelled" }))
      yield* store.commit(birth(agentOf(2), { journal: [line("of another", { agent: "fixer-2-e1" })] }))
      yield* store.commit(Step.make({ runs: [runOf(held, 1)], journal: [line("ended", { agent: held.id })] }))
      assert.deepStrictEqual(
        (yield* store.runs(held.id)).map(({ id }) => id),
        [`${held.id}/1`]
      )
      assert.deepStrictEqual(
        (yield* store.journal({ agent: held.id, limit: 9 })).map(({ text }) => text),
        ["ended"]
      )
    })
  )

  test(
    "the journal is read in pages, by agent and by event",
    Effect.gen(function* () {
      const store = yield* Store
      const held = agentOf(1)
      const verdicts = [{ role: "fixer", rule: 1, matched: false, why: "wants the label bug" }]
      yield* store.commit(
        birth(held, {
          journal: [1, 2, 3, 4, 5].map((n) =>
            line(`${n}`, { agent: n % 2 === 0 ? held.id : null, event: n > 3 ? 7 : null, verdicts })
          )
        })
      )
      const texts = (page: Parameters<typeof store.journal>[0]) =>
        Effect.map(store.journal(page), (lines) => lines.map(({ text }) => text))
      assert.deepStrictEqual(yield* texts({ limit: 2 }), ["5", "4"])
      assert.deepStrictEqual(yield* texts({ limit: 2, before: 4 }), ["3", "2"])
      assert.deepStrictEqual(yield* texts({ limit: 9, agent: held.id }), ["4", "2"])
      assert.deepStrictEqual(yield* texts({ limit: 9, event: 7 }), ["5", "4"])
      assert.deepStrictEqual(yield* texts({ limit: 9, event: 7, agent: held.id }), ["4"])
      assert.deepStrictEqual((yield* store.journal({ limit: 1 }))[0]?.verdicts, verdicts)
    })
  )

  test(
    "an observer gets what was committed, in order, and nothing once its scope is closed",
    Effect.gen(function* () {
      const store = yield* Store
      const seen: Array<Committed> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* store.observe((committed) => seen.push(committed), { journal: true })
          yield* store.publish(customEvent({ key: "a" }))
          const held = agentOf(1)
          yield* store.commit(
            birth(held, { events: [customEvent({ key: "b" })], journal: [line("x")], actions: [action("k")] })
          )
          yield* Effect.exit(store.commit(birth(held)))
          yield* store.commit(Step.make({ timers: [{ id: "t", agent: held.id, kind: "retry", dueAt: 1 }] }))
        })
      )
      yield* store.publish(customEvent())
      assert.deepStrictEqual(
        seen.flatMap(({ events }) => events.map(({ key, seq }) => [seq, key])),
        [
          [1, "a"],
          [2, "b"]
        ]
      )
      assert.deepStrictEqual(
        seen.flatMap(({ agents }) => agents.map(({ id }) => id)),
        ["fixer-1-e1"]
      )
      assert.deepStrictEqual(
        seen.flatMap(({ journal }) => journal.map(({ id, text }) => [id, text])),
        [[1, "x"]]
      )
      assert.deepStrictEqual(
        [seen.filter(({ actions }) => actions).length, seen.filter(({ timers }) => timers).length],
        [1, 1]
      )
    })
  )

  test(
    "a write that fails undoes itself only; its neighbours in the group are stored",
    Effect.gen(function* () {
      const writer = yield* SqlWriter
      const store = yield* Store
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE notes (n INTEGER PRIMARY KEY)`
      const write = (n: number, then: Effect.Effect<void, "no">) =>
        writer.write(
          Effect.gen(function* () {
            yield* sql`INSERT INTO notes (n) VALUES (${n})`
            yield* then
            return { value: n, events: [customEvent({ key: `n${n}` })] }
          })
        )
      const [, results] = yield* Effect.all(
        [
          store.commit(birth(agentOf(1))),
          Effect.all(
            [
              write(1, Effect.void),
              write(2, Effect.fail("no")),
              write(1, Effect.void),
              write(4, Effect.die("a defect")),
              write(5, Effect.void)
            ].map((effect) => Effect.exit(effect)),
            { concurrency: "unbounded" }
          )
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        results.map((result) => Exit.isSuccess(result)),
        [true, false, false, false, true]
      )
      assert.deepStrictEqual(results[1], Exit.fail("no"))
      assert.deepStrictEqual(results[3], Exit.die("a defect"))
      assert.deepStrictEqual(yield* sql`SELECT n FROM notes ORDER BY n`.values, [[1], [5]])
      assert.deepStrictEqual(
        (yield* store.eventsAfter(0, 9)).map(({ key }) => key),
        ["n1", "n5"]
      )
    })
  )

  test(
    "history stays, and numbers are never used again",
    Effect.gen(function* () {
      const store = yield* Store
      const sql = yield* SqlClient.SqlClient
      yield* store.publish(customEvent())
      const held = agentOf(1)
      yield* store.commit(birth(held, { messages: [message(held.id)] }))
      yield* store.commit(onto(held, { status: "done" }, { read: [1] }))
      assert.strictEqual((yield* store.agent(held.id)).status, "done")
      assert.strictEqual((yield* store.inbox(held.id, { limit: 9 })).length, 1)
      yield* sql`DELETE FROM events`
      assert.deepStrictEqual(yield* store.publish(customEvent()), { _tag: "Accepted", seq: 2 })
    })
  )

  test(
    "the journal is whole from its first line on, whatever is refused between, and keeps each head that it ever had",
    Effect.gen(function* () {
      const store = yield* Store
      const writer = yield* SqlWriter
      const none = { lines: 0, head: null, broken: null, noted: null }
      assert.deepStrictEqual(yield* store.verifyJournal(null), none)
      yield* store.publish(customEvent())
      assert.deepStrictEqual(yield* store.verifyJournal("0".repeat(64)), none)
      const heads: Array<string> = []
      const wholeWith = Effect.fnUntraced(function* (lines: number) {
        const verdict = yield* store.verifyJournal(null)
        assert.deepInclude(verdict, { lines, broken: null, noted: null })
        assert.match(verdict.head ?? "", /^[0-9a-f]{64}$/)
        heads.push(verdict.head ?? "")
      })
      const held = agentOf(1)
      // a character that takes two, half of one, one that ends strings elsewhere, and all that needs an escape
      const odd = line('→ 😀 \ud800 \u0000 "\\\n', {
        agent: held.id,
        event: 1,
        verdicts: [{ role: "fixer", rule: 1, matched: false, why: "\udfff" }]
      })
      yield* store.commit(birth(held, { journal: [odd, line("")] }))
      yield* wholeWith(2)
      assert.strictEqual(
        tagOf(yield* Effect.result(store.commit(birth(held, { journal: [line("stale")] })))),
        "StaleVersion"
      )
      yield* wholeWith(2)
      const clash = agentOf(1, { id: "fixer-1-e2" })
      // one of them breaks a constraint, so each is written on its own
      const results = yield* together([
        store.commit(birth(agentOf(2), { journal: [line("a")] })),
        store.commit(birth(clash, { journal: [line("no"), line("no")] })),
        store.commit(birth(agentOf(3), { journal: [line("b"), line("c")] }))
      ])
      assert.deepStrictEqual(results.map(tagOf), ["done", "AgentExists", "done"])
      yield* wholeWith(5)
      const broken = store.decide([], (): { step: Step.Step; value: number } => {
        throw new Error("a defect")
      })
      yield* Effect.all([Effect.exit(broken), Effect.exit(store.commit(Step.make({ journal: [line("lost")] })))], {
        concurrency: "unbounded"
      })
      yield* wholeWith(5)
      yield* Effect.all(
        [
          Effect.exit(writer.write(Effect.die("a defect"))),
          store.commit(Step.make({ journal: [line("d")] })),
          store.commit(Step.make({ journal: [line("e")] }))
        ],
        { concurrency: "unbounded" }
      )
      yield* wholeWith(7)
      assert.strictEqual(new Set(heads).size, 3)
      const newest = (yield* store.journal({ limit: 1 }))[0]?.id
      assert.strictEqual((yield* store.verifyJournal(heads.at(-1) ?? "")).noted, newest)
      for (const head of heads) assert.isNotNull((yield* store.verifyJournal(head)).noted)
      assert.deepInclude(yield* store.verifyJournal("0".repeat(64)), { lines: 7, broken: null, noted: null })
    })
  )

  it.effect.prop(
    `${name}: any steps, alone or in groups, come to what a plain model of them does`,
    [
      Arbitrary.array(Arbitrary.array(Arbitrary.schema(Command), { minLength: 1, maxLength: 6 }), {
        minLength: 4,
        maxLength: 20
      })
    ],
    ([groups]) =>
      Effect.gen(function* () {
        const store = yield* Store
        const model = new StoreModel()
        const heads = new Set<string>()
        yield* store.publish(customEvent())
        for (const group of groups) {
          for (const { id, key } of (yield* store.actions({ limit: 1000 })).toReversed()) model.numbers.set(key, id)
          const expected: Array<string> = []
          // what ends and what is born at the same time may take either order, so such a group would have two results
          const births = group.some(({ kind }) => kind === "birth")
          const steps = group
            .filter(({ kind }) => kind !== "end" || !births)
            .map((command) => {
              const step = model.step(command)
              expected.push(model.apply(step) ?? "done")
              return step
            })
          const results = yield* together(steps.map(store.commit))
          assert.deepStrictEqual(results.map(tagOf), expected)
          const { head } = yield* store.verifyJournal(null)
          if (head !== null) heads.add(head)
          // asked again and again, so that what is kept in memory is compared as well
          const subjects = Array.from({ length: 6 }, (_, number) => `${repository}#${number}`)
          const live = [...model.agents.values()].filter((agent) => isLive(agent.status))
          const byId = (a: Agent, b: Agent) => (a.id < b.id ? -1 : 1)
          assert.deepStrictEqual((yield* store.roster(subjects)).toSorted(byId), live.toSorted(byId))
        }
        const ids = [...model.agents.keys()]
        const agents = (yield* store.agentsById(ids)).toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
        assert.deepStrictEqual(agents, [...model.agents.values()])
        for (const id of ids) {
          assert.deepStrictEqual(
            (yield* store.unread([id], 1000)).map((one) => one.id),
            model.unread(id)
          )
          const inbox = (yield* store.inbox(id, { limit: 1000 }))
            .toReversed()
            .map(({ agent, id: number, status }) => ({ id: number, agent, status }))
          assert.deepStrictEqual(
            inbox,
            model.messages.filter(({ agent }) => agent === id)
          )
        }
        const byAgent = (a: { agent: string }, b: { agent: string }) => (a.agent < b.agent ? -1 : 1)
        assert.deepStrictEqual(
          (yield* store.timers(1000)).toSorted(byAgent),
          [...model.timers.values()].toSorted(byAgent)
        )
        const queued = (yield* store.queuedActions(1000, [])).map(({ attempts, key, status }) => ({
          key,
          status,
          attempts
        }))
        assert.deepStrictEqual(
          queued,
          model.actions.filter(({ status }) => status === "queued")
        )
        assert.deepStrictEqual(
          (yield* store.journal({ limit: 1000 })).toReversed().map(({ text }) => text),
          model.journal
        )
        assert.deepInclude(yield* store.verifyJournal(null), { lines: model.journal.length, broken: null })
        for (const head of heads) assert.isNotNull((yield* store.verifyJournal(head)).noted)
        const counts = yield* store.counts
        assert.strictEqual(yield* store.cursor, model.cursor)
        for (const [status, n] of Object.entries(counts.agents)) {
          assert.strictEqual(n, [...model.agents.values()].filter((agent) => agent.status === status).length, status)
        }
        assert.strictEqual(counts.setAside, model.messages.filter(({ status }) => status === "set_aside").length)
      }).pipe(Effect.provide(layer(), { local: true })),
    { arbitrary: { size: 40, runs: 40 }, timeout: 60_000 }
  )
}
