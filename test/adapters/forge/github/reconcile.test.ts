import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { newMemory } from "../../../../src/adapters/forge/github/missedChanges.ts"
import { layerReconcile, reconcile } from "../../../../src/adapters/forge/github/reconcile.ts"
import type { Agent } from "../../../../src/domain/Agent.ts"
import * as Step from "../../../../src/domain/Step.ts"
import * as Subject from "../../../../src/domain/Subject.ts"
import { Store } from "../../../../src/services/Store.ts"
import { type GitHubDouble, makeGitHubDouble } from "../../../support/GitHubDouble.ts"
import { newIssue } from "../../../support/github/issueRoutes.ts"
import { someAgent } from "../../../support/someAgent.ts"
import { layerOn, onPull, openPull, repository } from "./OnDouble.ts"
import { testStore } from "./testStore.ts"
import { untilAsleep, watchedClock } from "./WatchedClock.ts"
import { Forge } from "../../../../src/services/Forge.ts"

const agentOn = (number: number, more: Partial<Agent> = {}): Agent =>
  someAgent({
    id: `coder-${number}-e1`,
    role: "coder",
    status: "sleeping",
    subject: Subject.issue(repository, number),
    version: 1,
    ...more
  })

const withAgents = Effect.fnUntraced(function* (...agents: ReadonlyArray<Agent>) {
  const store = yield* Store
  yield* store.commit(Step.make({ agents: agents.map((agent) => ({ agent, expected: null })) }))
})

const openIssues = (double: GitHubDouble, count: number) => {
  for (let number = 1; number <= count; number++) {
    newIssue(double.state, double.repository, "mona", { title: `${number}`, body: "text", labels: ["bug"] })
  }
}

const close = (double: GitHubDouble, number: number, at = 1000) => {
  const row = double.repository.issues.find((issue) => issue.number === number)
  assert(row)
  row.state = "closed"
  row.updatedAt = at
}

const rowOf = (double: GitHubDouble, number: number) => {
  const row = double.repository.issues.find((issue) => issue.number === number)
  assert(row)
  return row
}

/** Somebody gives an issue to somebody; GitHub names the assignee as the actor. */
const give = (
  double: GitHubDouble,
  number: number,
  { assignee, assigner, at }: { readonly assignee: string; readonly assigner: string; readonly at: number }
) => {
  const row = rowOf(double, number)
  row.assignees.push(assignee)
  row.updatedAt = at
  row.history?.push(
    { id: at - 1, event: "labeled", actor: assigner, at },
    { id: at, event: "assigned", actor: assignee, assignee, assigner, at }
  )
}

const snapshot = (state: "open" | "closed") => ({
  title: "1",
  body: "",
  state,
  author: "mona",
  labels: [],
  assignees: []
})

/** What the webhook told of an issue. */
const told = (number: number, at: number) => ({
  key: `github:${number}/${at}`,
  source: "github" as const,
  at,
  actor: { login: "octocat", kind: "person" as const },
  subject: Subject.issue(repository, number),
  causedBy: null,
  depth: 0
})

const events = Effect.gen(function* () {
  const store = yield* Store
  return yield* store.eventsAfter(0, 100)
})

const onForge = (double: GitHubDouble) => Effect.provide(layerOn(double, { as: "app" }))

describe("Reconciling with GitHub", () => {
  it.effect("publishes a closing that was missed, once, and nothing of what is open or unknown", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 3)
      yield* withAgents(agentOn(1), agentOn(2), agentOn(77))
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* reconcile(), 0)
        close(double, 1)
        close(double, 3)
        assert.strictEqual(yield* reconcile(), 1)
        // the store knows now
        assert.strictEqual(yield* reconcile(), 0)
      }).pipe(onForge(double))
      const [event, ...others] = yield* events
      assert.deepStrictEqual(others, [])
      assert(event?.detail._tag === "issue.closed")
      assert.deepInclude(event, {
        key: "reconcile/acme/app#1/closed/1000",
        actor: { login: "github", kind: "bot" },
        subject: Subject.issue(repository, 1)
      })
      assert.deepInclude(event.detail.issue, {
        title: "1",
        state: "closed",
        author: "mona",
        labels: ["bug"],
        trust: "none"
      })
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("takes a failed or partial read for no evidence", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 150)
      yield* withAgents(agentOn(1), agentOn(150))
      yield* Effect.gen(function* () {
        const down = { status: 502, body: {} }
        const list = (_: string, path: string) => path.includes("/issues?state=open")
        // the second page has issue 1, which is open
        double.faults.push({ when: (m, path) => list(m, path) && path.includes("&page=2"), what: down, times: 1 })
        assert.strictEqual(yield* reconcile(), 0)
        // an answer that is empty, or cut, does not close anything
        double.faults.push({ when: list, what: { status: 200, body: [] }, times: 1 })
        assert.strictEqual(yield* reconcile(), 0)
        double.faults.push({ when: list, what: { status: 200, body: [{ no: 1 }] }, times: 1 })
        assert.strictEqual(yield* reconcile(), 0)
        close(double, 1)
        double.faults.push({ when: (_, path) => path.endsWith("/issues/1"), what: { status: 404, body: {} }, times: 1 })
        assert.strictEqual(yield* reconcile(), 0)
        double.faults.push({ when: (_, path) => path.endsWith("/issues/1"), what: down, times: 1 })
        assert.strictEqual(yield* reconcile(), 0)
        assert.deepStrictEqual(yield* events, [])
        assert.strictEqual(yield* reconcile(), 1)
      }).pipe(onForge(double))
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("sees a pull request's end, and a blocker's", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 2)
      yield* Effect.gen(function* () {
        const forge = yield* Forge
        const { commit, number } = yield* openPull(double, forge)
        yield* withAgents(agentOn(1, { pullRequest: number, status: "blocked", blockedOn: [`${repository}#2`] }))
        yield* forge.perform(onPull("merge", number, { _tag: "merge", method: "merge", commit, title: "t", body: "" }))
        close(double, 2, 2000)
        assert.strictEqual(yield* reconcile(), 2)
        const found = yield* events
        assert.sameMembers(
          found.map(({ detail, subject }) => `${detail._tag} ${subject.kind} ${subject.number}`),
          ["pull_request.closed pull_request 3", "issue.closed issue 2"]
        )
        const closed = found.find(({ detail }) => detail._tag === "pull_request.closed")?.detail
        assert(closed?._tag === "pull_request.closed")
        assert.deepInclude(closed.pullRequest, { merged: true, state: "closed" })
        assert.strictEqual(closed.pullRequest.head.sha, commit)
      }).pipe(onForge(double))
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("publishes once that a person gave an issue to somebody since its agent was born", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 4)
      yield* withAgents(
        agentOn(1, { createdAt: 100_000 }),
        agentOn(2, { createdAt: 900_000 }),
        agentOn(3, { createdAt: 100_000 }),
        agentOn(4, { createdAt: 100_000 })
      )
      give(double, 1, { assignee: "mona", assigner: "octocat", at: 300_000 })
      // its agent came later
      give(double, 2, { assignee: "mona", assigner: "octocat", at: 300_000 })
      // by a bot, and by Squadron itself
      give(double, 3, { assignee: "mona", assigner: "triage[bot]", at: 300_000 })
      give(double, 4, { assignee: "mona", assigner: "squadron-app[bot]", at: 300_000 })
      yield* Effect.gen(function* () {
        const options = { botLogins: ["squadron-app[bot]"], memory: newMemory() }
        assert.strictEqual(yield* reconcile(options), 1)
        assert.strictEqual(yield* reconcile(options), 0)
        // nor after a restart
        assert.strictEqual(yield* reconcile({ botLogins: options.botLogins }), 0)
      }).pipe(onForge(double))
      const [event, ...others] = yield* events
      assert.deepStrictEqual(others, [])
      assert(event?.detail._tag === "issue.assigned")
      assert.strictEqual(event.detail.assignee, "mona")
      assert.deepInclude(event, {
        actor: { login: "octocat", kind: "person" },
        subject: Subject.issue(repository, 1),
        key: `reconcile/acme/app#1/assigned/${300_000}`
      })
      assert.deepStrictEqual(event.detail.issue.assignees, ["mona"])
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("knows a handover that it was told of, and one that was taken back", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 2)
      yield* withAgents(agentOn(1, { createdAt: 100_000 }), agentOn(2, { createdAt: 100_000 }))
      give(double, 1, { assignee: "mona", assigner: "octocat", at: 300_000 })
      give(double, 2, { assignee: "mona", assigner: "octocat", at: 300_000 })
      rowOf(double, 2).assignees.length = 0
      const store = yield* Store
      yield* store.publish({
        ...told(1, 301_000),
        detail: { _tag: "issue.assigned", issue: snapshot("open"), assignee: "Mona" }
      })
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* reconcile(), 0)
      }).pipe(onForge(double))
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("publishes the opening again of an issue that it takes for closed, and its next closing", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 2)
      yield* withAgents(agentOn(1), agentOn(2))
      const store = yield* Store
      yield* store.publish({ ...told(1, 1000), detail: { _tag: "issue.closed", issue: snapshot("closed") } })
      rowOf(double, 1).history?.push({ id: 77, event: "reopened", actor: "octocat", at: 2000 })
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* reconcile(), 1)
        assert.strictEqual(yield* reconcile(), 0)
        close(double, 1, 9000)
        assert.strictEqual(yield* reconcile(), 1)
      }).pipe(onForge(double))
      const [, again, closed] = yield* events
      assert.deepInclude(again, {
        key: "reconcile/acme/app#1/reopened/77",
        actor: { login: "octocat", kind: "person" }
      })
      assert.strictEqual(again?.detail._tag, "issue.reopened")
      assert.strictEqual(closed?.detail._tag, "issue.closed")
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("takes a history that cannot be read for no evidence, and reads it the next time", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 2)
      yield* withAgents(agentOn(1, { createdAt: 100_000 }), agentOn(2, { createdAt: 100_000 }))
      give(double, 1, { assignee: "mona", assigner: "octocat", at: 300_000 })
      yield* Effect.gen(function* () {
        const memory = newMemory()
        const down = { status: 502, body: {} }
        for (const [path, what] of [
          ["/issues/1/events", down],
          ["/issues/1/events", { status: 200, body: { no: "list" } }],
          ["/issues/1", down],
          ["/issues/1", { status: 404, body: {} }]
        ] as const) {
          // as often as it is tried again
          double.faults.push({ when: (_, asked) => asked.split("?")[0]?.endsWith(path) === true, what, times: 9 })
          assert.strictEqual(yield* reconcile({ memory }), 0)
          double.faults.length = 0
        }
        assert.deepStrictEqual(yield* events, [])
        assert.strictEqual(yield* reconcile({ memory }), 1)
        // one that cannot be read keeps no other back, whichever comes first
        for (const number of [1, 2]) give(double, number, { assignee: "hubot", assigner: "octocat", at: 600_000 })
        const unread = (path: string) => path.includes("/issues/1/events") || path.includes("/issues/2/events")
        let first = ""
        double.faults.push({
          when: (_, path) => {
            if (unread(path) && first === "") first = path
            return unread(path) && path === first
          },
          what: down,
          times: 9
        })
        assert.strictEqual(yield* reconcile({ memory }), 1)
      }).pipe(onForge(double))
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("asks about an issue again only when it has changed", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 1)
      yield* withAgents(agentOn(1, { createdAt: 400_000 }))
      give(double, 1, { assignee: "mona", assigner: "octocat", at: 300_000 })
      rowOf(double, 1).updatedAt = 500_000
      yield* Effect.gen(function* () {
        const memory = newMemory()
        const asked = () => double.seen.filter(({ path }) => path.includes("/issues/1/events")).length
        yield* reconcile({ memory })
        assert.strictEqual(asked(), 1)
        yield* reconcile({ memory })
        assert.strictEqual(asked(), 1)
        rowOf(double, 1).updatedAt = 600_000
        yield* reconcile({ memory })
        assert.strictEqual(asked(), 2)
        assert.deepStrictEqual(yield* events, [])
      }).pipe(onForge(double))
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("asks about no repository that is not on GitHub, and does not complain of it", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      openIssues(double, 1)
      yield* withAgents(
        agentOn(1),
        agentOn(5, { id: "coder-5-e2", subject: Subject.issue("here/shop", 5), blockedOn: ["here/shop#6"] })
      )
      const lines: Array<string> = []
      const log = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
      yield* Effect.gen(function* () {
        close(double, 1)
        assert.strictEqual(yield* reconcile({ isOnGitHub: (name) => name !== "here/shop" }), 1)
      }).pipe(onForge(double), Effect.provide(Logger.layer([log])))
      assert.deepStrictEqual(
        double.seen.filter(({ path }) => path.includes("here/shop")),
        []
      )
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("looks at the start and every five minutes", () =>
    Effect.gen(function* () {
      const clock = yield* watchedClock(0)
      yield* Effect.gen(function* () {
        const double = yield* makeGitHubDouble
        openIssues(double, 1)
        yield* withAgents(agentOn(1))
        const looks = () => double.seen.filter(({ path }) => path.includes("state=open")).length
        yield* Layer.build(layerReconcile().pipe(Layer.provide(layerOn(double))))
        yield* untilAsleep(clock, () => looks() === 1)
        close(double, 1)
        yield* TestClock.adjust(299_999)
        assert.strictEqual(looks(), 1)
        yield* TestClock.adjust(1)
        yield* untilAsleep(clock, () => looks() === 2)
        assert.strictEqual((yield* events).length, 1)
        // a failure does not end it
        double.faults.push({ when: () => true, what: "drop before", times: 9 })
        yield* TestClock.adjust("5 minutes")
        yield* untilAsleep(clock, () => looks() === 3)
        double.faults.length = 0
        yield* TestClock.adjust("5 minutes")
        yield* untilAsleep(clock, () => looks() === 4)
      }).pipe(Effect.provideService(Clock.Clock, clock))
    }).pipe(Effect.provide(testStore()))
  )
})
