import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { sqliteStoreLayer } from "../../src/app/layers.ts"
import type { Action, ActionDraft } from "../../src/domain/Action.ts"
import type { Actor, EventDraft } from "../../src/domain/Event.ts"
import * as Step from "../../src/domain/Step.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { RecentActions } from "../../src/services/RecentActions.ts"
import { Store } from "../../src/services/Store.ts"

const subject = Subject.issue("acme/app", 7)
const minute = 60_000

const labelAs = (agent: string | null, depth: number, key = `${agent}/c1`): ActionDraft => ({
  key,
  subject,
  agent,
  depth,
  action: { _tag: "add_labels", labels: ["ready"] }
})

const own: Actor = { login: "squadron[bot]", kind: "agent" }

const labeled = (at: number, changed: Partial<EventDraft> = {}): EventDraft => ({
  key: `github:${at}`,
  source: "github",
  at,
  actor: own,
  subject,
  causedBy: null,
  depth: 1,
  detail: {
    _tag: "issue.labeled",
    issue: { title: "Crash", body: "", state: "open", author: "mona", labels: ["ready"], assignees: [] },
    label: "ready"
  },
  ...changed
})

const causeOf = ({ causedBy, depth }: EventDraft) => [causedBy, depth]
const live = RecentActions.layer.pipe(Layer.provideMerge(sqliteStoreLayer({ filename: ":memory:" })))
const done = Effect.succeed({ issue: 7 })

describe("what Squadron did itself", () => {
  it.effect("comes back with the agent that caused it, from before it is noted as done until ten minutes later", () =>
    Effect.gen(function* () {
      const recent = yield* RecentActions
      yield* TestClock.adjust("1 hour")
      const start = 60 * minute
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(start))), [null, 1])
      const answer = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      const doing = Effect.as(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(answer)), { issue: 7 })
      const fiber = yield* Effect.forkChild(recent.during(labelAs("pm-7-e1", 4), doing))
      yield* Deferred.await(begun)
      // GitHub tells of it before it answers
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(start + 1))), ["pm-7-e1", 4])
      yield* TestClock.adjust("3 minutes")
      yield* Deferred.succeed(answer, undefined)
      assert.deepStrictEqual(yield* Fiber.join(fiber), { issue: 7 })
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(start + 13 * minute))), ["pm-7-e1", 4])
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(start + 13 * minute + 1))), [null, 1])
      // nor is it the cause of what was before
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(start - 2 * minute))), [null, 1])
    }).pipe(Effect.provide(live))
  )

  it.effect("is nobody else's doing, and a mark's word stands", () =>
    Effect.gen(function* () {
      const recent = yield* RecentActions
      yield* recent.during(labelAs("pm-7-e1", 4), done)
      for (const event of [
        labeled(1, { actor: { login: "mona", kind: "person" }, depth: 0 }),
        labeled(1, { actor: { login: "ci[bot]", kind: "bot" }, depth: 0 }),
        labeled(1, { causedBy: "dev-7-e1", depth: 2 }),
        labeled(1, { subject: Subject.issue("acme/app", 8) })
      ]) {
        assert.strictEqual(recent.attribute(event), event)
      }
    }).pipe(Effect.provide(live))
  )

  it.effect("is the newest of two that did the same, of those that were before", () =>
    Effect.gen(function* () {
      const recent = yield* RecentActions
      yield* recent.during(labelAs("pm-7-e1", 2), done)
      yield* TestClock.adjust("5 minutes")
      yield* recent.during(labelAs("dev-7-e1", 5), done)
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(minute))), ["pm-7-e1", 2])
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(5 * minute))), ["dev-7-e1", 5])
      // Squadron's own deed has no agent, and its depth all the same
      yield* recent.during(labelAs(null, 6, "landing"), done)
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(5 * minute))), [null, 6])
    }).pipe(Effect.provide(live))
  )

  it.effect("is known also where it failed or was broken off, since it may have been done", () =>
    Effect.gen(function* () {
      const recent = yield* RecentActions
      yield* Effect.flip(recent.during(labelAs("pm-7-e1", 2), Effect.fail("no answer")))
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(10 * minute))), ["pm-7-e1", 2])
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(10 * minute + 1))), [null, 1])
    }).pipe(Effect.provide(live))
  )

  it.effect("is known after a restart, done or under way", () =>
    Effect.gen(function* () {
      const store = yield* Store
      const other: Action = { _tag: "close_issue", reason: "completed" }
      yield* store.commit(
        Step.make({ actions: [labelAs("pm-7-e1", 3), { ...labelAs("pm-7-e1", 4, "second"), action: other }] })
      )
      const [second, first] = yield* store.actions({ limit: 2 })
      assert(first !== undefined && second !== undefined)
      yield* store.commit(Step.make({ settled: [{ id: first.id, status: "done", error: "" }] }))
      yield* TestClock.adjust("1 hour")
      yield* Effect.gen(function* () {
        const recent = yield* RecentActions
        const start = 60 * minute
        // it came while nobody listened, and is brought now
        assert.deepStrictEqual(causeOf(recent.attribute(labeled(start - 30 * minute))), ["pm-7-e1", 3])
        const { detail } = labeled(0)
        assert(detail._tag === "issue.labeled")
        const closed = labeled(start + minute, { detail: { _tag: "issue.closed", issue: detail.issue } })
        assert.deepStrictEqual(causeOf(recent.attribute(closed)), ["pm-7-e1", 4])
        assert.deepStrictEqual(causeOf(recent.attribute(labeled(start + 10 * minute + 1))), [null, 1])
      }).pipe(Effect.provide(Layer.fresh(RecentActions.layer)))
    }).pipe(Effect.provide(sqliteStoreLayer({ filename: ":memory:" })))
  )

  it.effect("is forgotten from the oldest on, so that it takes no more room however much is done", () =>
    Effect.gen(function* () {
      const recent = yield* RecentActions
      yield* recent.during(labelAs("pm-7-e1", 2), done)
      const many = Array.from({ length: 2000 }, (_, i) => ({
        ...labelAs("pm-8-e1", 2, `k${i}`),
        subject: Subject.issue("acme/app", 100 + i)
      }))
      yield* Effect.forEach(many, (action) => recent.during(action, done), { discard: true })
      assert.deepStrictEqual(causeOf(recent.attribute(labeled(1))), [null, 1])
      const last = labeled(1, { subject: Subject.issue("acme/app", 2099) })
      assert.deepStrictEqual(causeOf(recent.attribute(last)), ["pm-8-e1", 2])
    }).pipe(Effect.provide(live))
  )
})
