import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { StoreUnavailable } from "../../src/domain/Errors.ts"
import { makeSquad } from "../../src/domain/Role.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { allRouted, crash, done, heldAgent, keysOf, rolesOf, said, squadronWith, untilStatus } from "./Scenario.ts"

const full = Effect.fail(new StoreUnavailable({ reason: "ConnectionError: database or disk is full" }))
const broken = Effect.die(new Error("disk I/O error"))
const id = "worker-1-e1"

/** A store in front of the real one, some of whose operations are made to fail. */
const store = (change: (store: Store["Service"]) => Partial<Store["Service"]>) =>
  Layer.effect(
    Store,
    Effect.map(Store, (store) => Store.of({ ...store, ...change(store) }))
  )

const on = (agent: Parameters<typeof Harness.layerFunctions>[0][string], faulty: ReturnType<typeof store>) =>
  squadronWith({
    roles: rolesOf([{ name: "worker" }]),
    harness: Harness.layerFunctions({ worker: agent }),
    store: faulty
  })

describe("faults of the store", () => {
  it.effect("an event that cannot be stored is refused, and is not a duplicate when it comes again", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      let failures = 1
      const faulty = store((store) => ({
        publish: (event) => Effect.suspend(() => (failures-- > 0 ? full : store.publish(event)))
      }))
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const refused = yield* Effect.flip(squadron.publish(customEvent({ key: "a" })))
        assert.strictEqual(refused._tag, "StoreUnavailable")
        assert.deepStrictEqual(yield* squadron.publish(customEvent({ key: "a" })), { _tag: "Accepted", seq: 1 })
        yield* squadron.idle
        assert.strictEqual((yield* worker.turns).length, 1)
      }).pipe(Effect.provide(on(worker.agent, faulty)))
    })
  )

  it.effect("the end of a turn that cannot be written waits until it can; the turn is not repeated", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      let failures = 0
      const faulty = store((store) => ({
        decide: (...given) => Effect.suspend(() => (failures-- > 0 ? full : store.decide(...given)))
      }))
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        const turn = yield* worker.turn
        failures = 3
        yield* turn.answer(done)
        for (let n = 0; n < 5; n++) yield* TestClock.adjust("1 second")
        yield* untilStatus(id, "done")
        assert.isBelow(failures, 0)
        assert.strictEqual(yield* worker.opened, 1)
      }).pipe(Effect.provide(on(worker.agent, faulty)))
    })
  )

  it.effect("a timer whose event cannot be stored fires when it can", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([crash])
      let failures = 2
      const faulty = store((store) => ({
        publish: (event) =>
          Effect.suspend(() => (event.source === "timer" && failures-- > 0 ? full : store.publish(event)))
      }))
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* untilStatus(id, "waiting")
        for (let n = 0; n < 15; n++) yield* TestClock.adjust("1 second")
        yield* untilStatus(id, "done")
        assert.strictEqual((yield* worker.turns).length, 2)
      }).pipe(Effect.provide(on(worker.agent, faulty)))
    })
  )

  for (const [name, change] of [
    [
      "events",
      (store, fails) => ({
        eventsAfter: (...given) => Effect.suspend(() => (fails() ? broken : store.eventsAfter(...given)))
      })
    ],
    [
      "ready agents",
      (store, fails) => ({ ready: (...given) => Effect.suspend(() => (fails() ? broken : store.ready(...given))) })
    ],
    [
      "an inbox",
      (store, fails) => ({ unread: (...given) => Effect.suspend(() => (fails() ? broken : store.unread(...given))) })
    ],
    [
      "queued actions",
      (store, fails) => ({
        queuedActions: (...given) => Effect.suspend(() => (fails() ? broken : store.queuedActions(...given)))
      })
    ],
    [
      "timers",
      (store, fails) => ({ timers: (...given) => Effect.suspend(() => (fails() ? broken : store.timers(...given))) })
    ]
  ] satisfies ReadonlyArray<
    readonly [string, (store: Store["Service"], fails: () => boolean) => Partial<Store["Service"]>]
  >) {
    it.effect(`a read of ${name} that breaks once stops nothing for good`, () =>
      Effect.gen(function* () {
        const worker = yield* scriptedAgent([
          crash,
          { outcome: done, actions: [{ action: { _tag: "comment", body: "hello" } }] }
        ])
        let failures = 0
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          yield* allRouted
          failures = 1
          yield* squadron.publish(customEvent())
          for (let n = 0; n < 20; n++) yield* TestClock.adjust("1 second")
          yield* untilStatus(id, "done")
          yield* until(
            Effect.map(
              Store.use((store) => store.counts),
              ({ actionsQueued }) => actionsQueued === 0
            )
          )
          assert.isBelow(failures, 1)
          assert.strictEqual((yield* worker.turns).length, 2)
        }).pipe(
          Effect.provide(
            on(
              worker.agent,
              store((store) => change(store, () => failures-- > 0))
            )
          )
        )
      })
    )
  }

  it.effect("an agent that gets its permit while the squadron drains is awaited, too", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      const claimed = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const slow = store((store) => ({
        unread: (...given) =>
          Deferred.succeed(claimed, undefined).pipe(
            Effect.andThen(Deferred.await(goOn)),
            Effect.andThen(store.unread(...given))
          )
      }))
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const pool = yield* AgentPool
        yield* squadron.publish(customEvent())
        yield* Deferred.await(claimed)
        const draining = yield* Effect.forkChild(squadron.drain, { startImmediately: true })
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.join(draining)
        assert.deepStrictEqual(yield* pool.running, [])
        assert.strictEqual((yield* Store.use((store) => store.agent(id))).status, "done")
      }).pipe(Effect.provide(on(worker.agent, slow)))
    })
  )
})

describe("what was not declared", () => {
  it.effect("an action that the role may not do is refused with the whole turn's actions, and the agent is told", () =>
    Effect.gen(function* () {
      const close = {
        outcome: done,
        actions: [
          { action: { _tag: "comment" as const, body: "hi" } },
          { action: { _tag: "close_issue" as const, reason: "completed" as const } }
        ]
      }
      const worker = yield* scriptedAgent([close])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* squadron.idle
        assert.match((yield* worker.turns)[1]?.notice ?? "", /may not use close_issue.*may use: comment/)
        assert.deepStrictEqual(yield* Store.use((store) => store.actions({ limit: 10 })), [])
      }).pipe(
        Effect.provide(
          testSquadronLayer({ agents: { worker: worker.agent }, roles: [{ name: "worker", tools: ["comment"] }] })
        )
      )
    })
  )

  it.effect("a role whose function is not there fails with the names that are, and runs nothing else", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* untilStatus("ghost-1-e1", "waiting")
        const agent = yield* Store.use((store) => store.agent("ghost-1-e1"))
        assert.match(agent.note, /function ghost, which is not registered\. Registered: worker/)
        assert.deepStrictEqual(yield* worker.turns, [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent }, roles: [{ name: "ghost" }] })))
    })
  )

  it.effect("a new configuration is in force once, for the next event, and routing goes on", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const squads = yield* Squads
        yield* squadron.publish(customEvent({ key: "before" }))
        yield* squadron.idle
        const roles = rolesOf([{ name: "worker", on: [] }])
        for (let n = 0; n < 50; n++) yield* squads.replace(makeSquad({ roles }))
        yield* squadron.publish(customEvent({ key: "after" }))
        yield* squadron.publish(said("@squadron worker: by name", { key: "named" }))
        yield* squadron.idle
        assert.deepStrictEqual((yield* worker.turns).map(keysOf), [["before"], ["named"]])
        const routed = (yield* Store.use((store) => store.journal({ limit: 100 }))).filter(
          ({ kind }) => kind === "event.routed"
        )
        assert.deepStrictEqual(
          routed.map(({ event }) => event),
          [3, 2, 1]
        )
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )
})
