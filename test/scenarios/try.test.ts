import { assert, it } from "@effect/vitest"
import { Effect, Layer, Ref, Fiber, Deferred } from "effect"
import { TestClock } from "effect/testing"
import { Squadron } from "../../src/services/Squadron.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { StoreUnavailable } from "../../src/domain/Errors.ts"
import { Store } from "../../src/services/Store.ts"
import { Harness } from "../../src/services/Harness.ts"
import { scriptedAgent, testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { heldAgent, untilStatus, nobodyRuns, keysOf, done, crash, squadronWith, rolesOf, localForge, allRouted } from "./Scenario.ts"
import { Outcome } from "../../src/domain/Outcome.ts"

it.effect("timer publish failing", () =>
  Effect.gen(function*() {
    const script = yield* scriptedAgent([crash])
    let fails = 0
    const store = Layer.effect(Store, Effect.map(Store, (store) => Store.of({ ...store, publish: (e) => e.source === "timer" && fails++ === 0 ? Effect.fail(new StoreUnavailable({reason: "full"})) : store.publish(e) })))
    yield* Effect.gen(function*() {
      const squadron = yield* Squadron
      yield* squadron.publish(customEvent())
      yield* untilStatus("worker-1-e1", "waiting")
      yield* TestClock.adjust("10 seconds")
      yield* TestClock.adjust("10 seconds")
      yield* untilStatus("worker-1-e1", "done")
      assert.strictEqual(fails, 2)
    }).pipe(Effect.provide(squadronWith({roles: rolesOf([{name:"worker"}]), store, parts: Layer.merge(localForge, Harness.layerFunctions({ worker: script.agent })) })))
  }), 5000)

it.effect("defect in read", () =>
  Effect.gen(function*() {
    const script = yield* scriptedAgent([])
    let fails = 0
    const store = Layer.effect(Store, Effect.map(Store, (store) => Store.of({ ...store, eventsAfter: (...e) => fails++ === 1 ? Effect.die(new Error("disk I/O error")) : store.eventsAfter(...e) })))
    yield* Effect.gen(function*() {
      const squadron = yield* Squadron
      yield* squadron.publish(customEvent())
      yield* TestClock.adjust("10 seconds")
      yield* untilStatus("worker-1-e1", "done")
    }).pipe(Effect.provide(squadronWith({roles: rolesOf([{name:"worker"}]), store, parts: Layer.merge(localForge, Harness.layerFunctions({ worker: script.agent })) })))
  }), 5000)

it.effect("drain race", () =>
  Effect.gen(function*() {
    const held = yield* heldAgent
    const here = yield* Deferred.make<void>()
    const go = yield* Deferred.make<void>()
    const store = Layer.effect(Store, Effect.map(Store, (store) => Store.of({ ...store, unread: (...e) => Effect.andThen(Deferred.succeed(here, undefined), Effect.andThen(Deferred.await(go), store.unread(...e))) })))
    yield* Effect.gen(function*() {
      const squadron = yield* Squadron
      const pool = yield* AgentPool
      yield* squadron.publish(customEvent())
      yield* Deferred.await(here)
      const d = yield* Effect.forkChild(squadron.drain, {startImmediately: true})
      yield* Deferred.succeed(go, undefined)
      yield* Effect.yieldNow
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(d)
      assert.deepStrictEqual(yield* pool.running, [])
    const s = yield* Store
      assert.deepStrictEqual((yield* s.counts).agents.running, 0)
    }).pipe(Effect.provide(squadronWith({roles: rolesOf([{name:"worker"}]), store, parts: Layer.merge(localForge, Harness.layerFunctions({ worker: held.agent })) })))
  }), 5000)
it.effect("slow release", () =>
  Effect.gen(function*() {
    yield* TestClock.adjust(0)
    const gate = yield* Deferred.make<void>()
    const limits = { concurrency: 4, maxTurns: 4, wallClock: 60_000, stall: 100000, output: 1000 }
    yield* Effect.gen(function*() {
      const squadron = yield* Squadron
      const pool = yield* AgentPool
      yield* squadron.publish(customEvent())
      yield* until(Effect.map(pool.running, (r) => r.length === 2))
      yield* TestClock.adjust("60 seconds")
      yield* TestClock.adjust("60 seconds")
      yield* untilStatus("other-1-e1", "waiting")
      yield* Deferred.succeed(gate, undefined)
      yield* untilStatus("worker-1-e1", "waiting")
    }).pipe(Effect.provide(testSquadronLayer({agents: { worker: () => Effect.onExit(Effect.never, () => Deferred.await(gate)), other: () => Effect.never }, roles: [{name: "worker", limits}, {name: "other", limits: {...limits, wallClock: 61_000}}]})))
  }), 5000)
it.effect("cancel while opening", () =>
  Effect.gen(function*() {
    const opening = yield* Deferred.make<void>()
    yield* Effect.gen(function*() {
      const squadron = yield* Squadron
      const pool = yield* AgentPool
      yield* squadron.publish(customEvent())
      yield* Deferred.await(opening)
      yield* squadron.cancel("worker-1-e1", "")
      assert.deepStrictEqual(yield* pool.running, [])
    }).pipe(Effect.provide(squadronWith({roles: rolesOf([{name:"worker"}]),  parts: Layer.merge(localForge, Layer.succeed(Harness, Harness.of({open: () => Effect.andThen(Deferred.succeed(opening, undefined), Effect.never)}))) })))
  }), 5000)
