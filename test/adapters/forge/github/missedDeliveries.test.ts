import { createRequire } from "node:module"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { toEvent } from "../../../../src/adapters/forge/github/events.ts"
import { GitHubClient } from "../../../../src/adapters/forge/github/GitHubClient.ts"
import {
  type Hook,
  layerMissed,
  missedDeliveries,
  type MissedOptions
} from "../../../../src/adapters/forge/github/missedDeliveries.ts"
import { EventBus } from "../../../../src/services/EventBus.ts"
import { Store } from "../../../../src/services/Store.ts"
import { type GitHubDouble, makeGitHubDouble } from "../../../support/GitHubDouble.ts"
import { clientOn } from "./OnDouble.ts"
import { untilAsleep, watchedClock } from "./WatchedClock.ts"
import { testStore } from "./testStore.ts"

type Corpus = ReadonlyArray<{ readonly name: string; readonly examples: ReadonlyArray<Record<string, unknown>> }>
const corpus: Corpus = createRequire(import.meta.url)("@octokit/webhooks-examples")
const opened = corpus.find(({ name }) => name === "issues")?.examples.find(({ action }) => action === "opened")

const guid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`
const app: Hook = { _tag: "app" }
const options: MissedOptions = { hook: app, botLogins: [] }

/** A delivery that GitHub tried at that minute. */
const deliver = (
  double: GitHubDouble,
  number: number,
  minute: number,
  more: Partial<GitHubDouble["state"]["deliveries"][number]> = {}
) =>
  double.state.deliveries.push({
    id: 1000 + number,
    guid: guid(number),
    event: "issues",
    deliveredAt: minute * 60_000,
    status: 502,
    payload: opened,
    ...more
  })

/** The delivery came by the webhook. */
const receive = Effect.fnUntraced(function* (number: number, minute: number) {
  const bus = yield* EventBus
  const draft = yield* toEvent({
    event: "issues",
    delivery: guid(number),
    payload: opened,
    receivedAt: minute * 60_000,
    botLogins: []
  })
  yield* bus.publish(draft)
})

const keys = Effect.gen(function* () {
  const store = yield* Store
  return (yield* store.eventsAfter(0, 10_000)).map(({ key }) => Number(key.slice(-12)))
})

/** Payloads that were asked for. */
const payloads = (double: GitHubDouble) =>
  double.seen.flatMap(({ path }) => /\/deliveries\/(\d+)$/.exec(path)?.[1] ?? []).map((id) => Number(id) - 1000)

const withClient = (double: GitHubDouble) => Effect.provideServiceEffect(GitHubClient, clientOn(double, { as: "app" }))

describe("Missed deliveries", () => {
  it.effect("are published oldest first, as the webhook would have, and only those", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      for (const number of [1, 2, 3, 4]) deliver(double, number, number)
      yield* receive(2, 2)
      const count = yield* missedDeliveries({ ...options, since: 0 }).pipe(withClient(double))
      assert.strictEqual(count, 3)
      assert.deepStrictEqual(yield* keys, [2, 1, 3, 4])
      assert.deepStrictEqual(payloads(double), [1, 3, 4])
      const store = yield* Store
      const event = yield* store.event(2)
      assert.deepInclude(event, { key: `github:${guid(1)}`, source: "github", at: 60_000 })
      assert.strictEqual(event.detail._tag, "issue.opened")
      assert.strictEqual(yield* missedDeliveries({ ...options, since: 0 }).pipe(withClient(double)), 0)
      assert.strictEqual(payloads(double).length, 3)
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("are found on all pages, back to a time, and once where GitHub tried several times", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      for (let number = 1; number <= 350; number++) deliver(double, number, number)
      deliver(double, 340, 349, { id: 5000 })
      const count = yield* missedDeliveries({ ...options, since: 101 * 60_000 }).pipe(withClient(double))
      assert.strictEqual(count, 250)
      const all = yield* keys
      assert.strictEqual(all[0], 101)
      assert.strictEqual(new Set(all).size, 250)
      const lists = double.seen.filter(({ path }) => /deliveries\?/.test(path))
      assert.strictEqual(lists.length, 3)
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("that cannot be read, or that nobody listens to, are passed over", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      deliver(double, 1, 1, { payload: { action: "opened", issue: {} } })
      deliver(double, 2, 2)
      deliver(double, 3, 3, { payload: { ...opened, repository: { full_name: "mallory/app" } } })
      deliver(double, 4, 4, { payload: "no object" })
      deliver(double, 5, 5)
      double.faults.push({ when: (_, path) => path.endsWith("/1005"), what: { status: 404, body: {} }, times: 1 })
      const listening = { ...options, repositories: ["codertocat/hello-world"], since: 0 }
      assert.strictEqual(yield* missedDeliveries(listening).pipe(withClient(double)), 1)
      assert.deepStrictEqual(yield* keys, [2])
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("are all left for the next time where GitHub fails half-way", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      for (let number = 1; number <= 150; number++) deliver(double, number, number)
      double.faults.push({ when: (_, path) => path.includes("cursor"), what: { status: 502, body: {} }, times: 1 })
      const fault = yield* Effect.flip(missedDeliveries({ ...options, since: 0 }).pipe(withClient(double)))
      assert(fault._tag === "GitHubFault" && fault.retryable)
      assert.deepStrictEqual(yield* keys, [])
      assert.strictEqual(yield* missedDeliveries({ ...options, since: 0 }).pipe(withClient(double)), 150)
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("may have ids that no number can hold", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      deliver(double, 1, 1, { id: "18446744073709551615" })
      assert.strictEqual(yield* missedDeliveries({ ...options, since: 0 }).pipe(withClient(double)), 1)
      assert.isTrue(double.seen.some(({ path }) => path.endsWith("/18446744073709551615")))
    }).pipe(Effect.provide(testStore()))
  )

  it.effect("of a repository's own webhook are asked for there", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      deliver(double, 1, 1)
      const hook: Hook = { _tag: "repository", repository: "acme/app", id: 12 }
      const count = yield* missedDeliveries({ hook, botLogins: [], since: 0 }).pipe(
        Effect.provideServiceEffect(GitHubClient, clientOn(double))
      )
      assert.strictEqual(count, 1)
      assert.isTrue(double.seen[0]?.path.startsWith("/repos/acme/app/hooks/12/deliveries?"))
    }).pipe(Effect.provide(testStore()))
  )
})

const lists = (double: GitHubDouble) => double.seen.filter(({ path }) => /deliveries\?/.test(path)).length

describe("Missed deliveries are looked for", () => {
  it.effect("at the start, every 15 minutes, a minute after a failure, and after downtime", () =>
    Effect.gen(function* () {
      const clock = yield* watchedClock(100 * 3_600_000)
      yield* Effect.gen(function* () {
        const double = yield* makeGitHubDouble
        const start = 100 * 60
        deliver(double, 1, start - 71 * 60)
        deliver(double, 2, start - 69 * 60)
        const client = yield* clientOn(double, { as: "app" })
        yield* Layer.build(layerMissed(options)).pipe(Effect.provideService(GitHubClient, client))
        yield* untilAsleep(clock, () => payloads(double).length === 1)
        assert.deepStrictEqual(yield* keys, [2])
        assert.strictEqual(lists(double), 1)

        deliver(double, 3, start + 1)
        for (let minute = 1; minute <= 14; minute++) {
          yield* TestClock.adjust("1 minute")
          yield* untilAsleep(clock, () => true)
        }
        assert.strictEqual(lists(double), 1)
        const down = { status: 502, body: {} }
        double.faults.push({ when: (_, path) => path.includes("deliveries?"), what: down, times: 1 })
        yield* TestClock.adjust("1 minute")
        yield* untilAsleep(clock, () => lists(double) === 2)
        assert.deepStrictEqual(yield* keys, [2])
        yield* TestClock.adjust("1 minute")
        yield* untilAsleep(clock, () => payloads(double).length === 2)
        assert.deepStrictEqual(yield* keys, [2, 3])

        yield* TestClock.adjust("1 minute")
        yield* untilAsleep(clock, () => true)
        assert.strictEqual(lists(double), 3)
        // the machine sleeps for seven minutes, and GitHub tries in vain
        deliver(double, 4, start + 17)
        clock.ahead += 7 * 60_000
        yield* TestClock.adjust("1 minute")
        yield* untilAsleep(clock, () => payloads(double).length === 3)
        assert.deepStrictEqual(yield* keys, [2, 3, 4])
        assert.strictEqual(lists(double), 4)
      }).pipe(Effect.provideService(Clock.Clock, clock))
    }).pipe(Effect.provide(testStore()))
  )
})
