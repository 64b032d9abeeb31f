import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
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
