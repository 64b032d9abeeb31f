import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, FileSystem, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { sqliteStoreLayer } from "../../src/app/layers.ts"
import type { AgentStatus } from "../../src/domain/Agent.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { allRouted, done, heldAgent, untilStatus } from "./Scenario.ts"
import { allReleased, id, layerOf, limits, type Stage, type Standing, standingAt, where } from "./Standing.ts"

const endsAs = (standing: Standing, way: "cancel" | "pause", to: AgentStatus) =>
  Effect.gen(function* () {
    const { stage } = standing
    const squadron = yield* Squadron
    const store = yield* Store
    const pool = yield* AgentPool
    yield* standing.brought(squadron)
    const asked = yield* Effect.forkChild(squadron[way](id, "enough"), { startImmediately: true })
    yield* untilStatus(id, to)
    if (stage !== "opening" && stage !== "turn") yield* standing.letGo
    assert.strictEqual((yield* Fiber.join(asked)).status, to)
    assert.deepStrictEqual(yield* pool.running, [])
    yield* allReleased(standing)
    assert.strictEqual((yield* store.counts).agents.running, 0)
    assert.deepStrictEqual(yield* store.openRuns, [])
    const runs = yield* store.runs(id)
    assert.strictEqual(runs.length, 1)
    assert.isNotNull(runs[0]?.closedAt)
    assert.strictEqual(runs[0]?.outcome?._tag, stage === "commit" ? "Completed" : "Cancelled")
    // whom it was written for never saw a turn that began after the word
    if (stage === "claim" || stage === "inbox") assert.strictEqual((yield* standing.counted).turns, 0)
    // the only permit is free
    yield* squadron.publish(customEvent({ issue: 2 }))
    yield* until(Effect.map(store.counts, ({ agents }) => agents.done === 1))
  })

const byAPerson = (stage: Stage, way: "cancel" | "pause", to: AgentStatus) =>
  Effect.flatMap(standingAt(stage), (standing) => Effect.provide(endsAs(standing, way, to), layerOf(standing)))

const byClosing = (stage: Stage, to: AgentStatus) =>
  Effect.gen(function* () {
    const standing = yield* standingAt(stage)
    const filename = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/squadron.db`
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layerOf(standing, filename), scope)
    yield* Effect.provideContext(standing.brought(Context.get(context, Squadron)), context)
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    yield* standing.letGo
    yield* Fiber.join(closing)
    yield* allReleased(standing)
    const left = yield* Effect.provide(
      Effect.flatMap(Store, (store) => store.agent(id)),
      Layer.orDie(sqliteStoreLayer({ filename }))
    )
    // a run that gets under way at the last moment may be through before it is cut
    assert.include(stage === "claim" || stage === "inbox" ? [to, "done"] : [to], left.status)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const byDraining = (stage: Stage, to: AgentStatus) =>
  Effect.gen(function* () {
    const standing = yield* standingAt(stage)
    yield* Effect.gen(function* () {
      const squadron = yield* Squadron
      const pool = yield* AgentPool
      const store = yield* Store
      yield* standing.brought(squadron)
      const draining = yield* Effect.forkChild(squadron.drain, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      if (stage === "commit" || stage === "release") yield* standing.letGo
      yield* Fiber.join(draining)
      yield* allReleased(standing)
      assert.deepStrictEqual([(yield* store.agent(id)).status, yield* pool.running], [to, []])
      // nothing starts any more
      yield* squadron.publish(customEvent({ issue: 2 }))
      yield* allRouted
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* pool.running, [])
    }).pipe(Effect.provide(layerOf(standing)))
  })

const stages: ReadonlyArray<Stage> = ["claim", "inbox", "opening", "turn", "commit", "between", "release"]
/** What its row says after an end that nobody asked of this agent. */
const left = (stage: Stage): AgentStatus => (stage === "commit" ? "done" : stage === "release" ? "waiting" : "ready")

describe("interruption", () => {
  for (const stage of stages) {
    it.effect(`a run that is cancelled ${where[stage]} gives all back, once`, () =>
      byAPerson(stage, "cancel", "cancelled")
    )
    it.effect(`a run that is paused ${where[stage]} gives all back, once`, () => byAPerson(stage, "pause", "paused"))
    it.effect(`a run whose squadron is closed ${where[stage]} gives all back, once, and its row does not run`, () =>
      byClosing(stage, left(stage))
    )
    // what stands before its session has opened is awaited at a stop, as the faults of the store show
    if (stage === "claim" || stage === "inbox") continue
    it.effect(
      `a run that does not end in time at a stop ${where[stage]} gives all back, once, and nothing starts after it`,
      () => byDraining(stage, left(stage))
    )
  }

  for (const stage of ["opening", "turn"] as const) {
    it.effect(`a run that reaches its limit ${where[stage]} gives all back, once, and is tried again`, () =>
      Effect.gen(function* () {
        const standing = yield* standingAt(stage)
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          const pool = yield* AgentPool
          yield* standing.brought(squadron)
          yield* TestClock.adjust(limits.wallClock)
          yield* untilStatus(id, "waiting")
          yield* pool.drained
          yield* allReleased(standing)
          yield* TestClock.adjust("10 seconds")
          yield* untilStatus(id, "done")
        }).pipe(Effect.provide(layerOf(standing)))
      })
    )
  }

  for (const stage of ["turn", "opening"] as const) {
    it.effect(`a session that breaks while it closes keeps neither its row nor its permit (${where[stage]})`, () =>
      Effect.gen(function* () {
        const standing = yield* standingAt(stage)
        const breaking = Layer.effect(
          Harness,
          Effect.map(Harness, (harness) =>
            Harness.of({
              open: (...given) =>
                Effect.andThen(
                  Effect.addFinalizer(() => Effect.die(new Error("cannot close"))),
                  harness.open(...given)
                )
            })
          )
        ).pipe(Layer.provide(standing.harness))
        yield* endsAs(standing, "cancel", "cancelled").pipe(Effect.provide(layerOf({ ...standing, harness: breaking })))
      })
    )
  }

  it.effect("one run's slow release does not keep another past its limit", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(0)
      const gate = yield* Deferred.make<void>()
      const other = yield* heldAgent
      const slow = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* slow.turn
        yield* other.turn
        yield* TestClock.adjust("1 minute")
        yield* TestClock.adjust("1 second")
        yield* untilStatus("other-1-e1", "waiting")
        yield* Deferred.succeed(gate, undefined)
        yield* untilStatus("slow-1-e1", "waiting")
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: {
              slow: (input) => Effect.onExit(slow.agent(input), () => Deferred.await(gate)),
              other: other.agent
            },
            roles: [
              { name: "slow", limits },
              { name: "other", limits: { ...limits, wallClock: 61_000 } }
            ]
          })
        )
      )
    })
  )

  it.effect("an agent that is cancelled before it has a permit never runs", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        const first = yield* worker.turn
        yield* squadron.publish(customEvent({ issue: 2 }))
        yield* untilStatus("worker-2-e2", "ready")
        yield* squadron.cancel("worker-2-e2", "")
        yield* first.answer(done)
        yield* squadron.idle
        assert.strictEqual(yield* worker.opened, 1)
        assert.deepStrictEqual(yield* Store.use((store) => store.runs("worker-2-e2")), [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent }, squad: { concurrency: 1 } })))
    })
  )
})
