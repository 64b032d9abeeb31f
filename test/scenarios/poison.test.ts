import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import { defaultLimits } from "../../src/domain/Role.ts"
import type { FunctionAgent } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { testSquadronLayer, until } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { allRouted, done, keysOf, untilStatus } from "./Scenario.ts"

/** An agent that breaks on the event `bad`, keeps what it was shown and what it was through with. */
const fussy = (broken: Effect.Effect<never, unknown>) =>
  Effect.gen(function* () {
    const shown = yield* Ref.make<ReadonlyArray<ReadonlyArray<string>>>([])
    const through = yield* Ref.make<ReadonlyArray<string>>([])
    const cured = yield* Ref.make(false)
    const agent: FunctionAgent = Effect.fnUntraced(function* (input) {
      const keys = keysOf(input)
      yield* Ref.update(shown, (all) => [...all, keys])
      if (keys.includes("bad") && !(yield* Ref.get(cured))) return yield* broken
      yield* Ref.update(through, (all) => [...all, ...keys])
      return done
    })
    return { agent, cured, shown: Ref.get(shown), through: Ref.get(through) }
  })

const limits = { ...defaultLimits, wallClock: 60_000 }
const publishAll = Effect.fnUntraced(function* (...keys: ReadonlyArray<string>) {
  const squadron = yield* Squadron
  for (const key of keys) {
    yield* squadron.publish(customEvent({ key }))
    yield* allRouted
  }
})
class Broken extends Schema.TaggedError<Broken>()("Broken", { message: Schema.String }) {}

/** Lets minutes pass until nothing but a person can move anything. */
const minutes = (n: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 minute"), Effect.yieldNow), { times: n - 1 })

const ways: ReadonlyArray<readonly [string, Effect.Effect<never, unknown>, RegExp]> = [
  ["always fails", Effect.fail(new Broken({ message: "cannot parse it" })), /cannot parse it/],
  ["always dies", Effect.die(new Error("a bug")), /a bug/],
  [
    "always throws",
    Effect.sync(() => {
      throw new Error("thrown")
    }),
    /thrown/
  ],
  ["always interrupts itself", Effect.interrupt, /interrupted itself/],
  ["never returns", Effect.never, /still running after its limit of 60000 ms/]
]

describe("poison", () => {
  for (const [name, broken, reason] of ways) {
    it.effect(`a message on which its agent ${name} is set aside with the reason, and the inbox goes on in order`, () =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        const worker = yield* fussy(broken)
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          const store = yield* Store
          yield* publishAll("a")
          yield* untilStatus("worker-1-e1", "sleeping")
          // all at once, so that the first turn that fails may have failed on any of them
          yield* squadron.pause("worker-1-e1", "")
          yield* publishAll("b", "bad", "c", "d")
          yield* squadron.resume("worker-1-e1")
          yield* minutes(20)
          yield* untilStatus("worker-1-e1", "sleeping")
          assert.deepStrictEqual(yield* worker.through, ["a", "b", "c", "d"])
          // alone each time but the first, when nobody knew yet who is to blame
          assert.deepStrictEqual((yield* worker.shown)[1], ["b", "bad", "c", "d"])
          assert.isAtMost((yield* worker.shown).filter((keys) => keys.includes("bad")).length, 6)
          const inbox = yield* store.inbox("worker-1-e1", { limit: 10 })
          const [aside, ...more] = inbox.filter(({ status }) => status === "set_aside")
          assert.deepStrictEqual([aside?.event.key, more.length], ["bad", 0])
          assert.match(aside?.reason ?? "", reason)
          assert.strictEqual((yield* squadron.status).setAside, 1)
          const line = (yield* store.journal({ agent: "worker-1-e1", limit: 100 })).find(
            ({ kind }) => kind === "message.set_aside"
          )
          assert.match(line?.text ?? "", reason)
        }).pipe(
          Effect.provide(
            testSquadronLayer({
              agents: { worker: worker.agent },
              roles: [{ name: "worker", lifetime: "subject", limits }]
            })
          )
        )
      })
    )
  }

  it.effect("a person's retry shows the message that was set aside again, once the cause is gone", () =>
    Effect.gen(function* () {
      const worker = yield* fussy(Effect.fail(new Broken({ message: "no network" })))
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        yield* publishAll("bad")
        yield* minutes(10)
        yield* untilStatus("worker-1-e1", "escalated")
        assert.deepInclude(yield* store.agent("worker-1-e1"), { unread: 0, setAside: 1 })
        yield* Ref.set(worker.cured, true)
        yield* squadron.retry("worker-1-e1")
        yield* untilStatus("worker-1-e1", "done")
        assert.deepStrictEqual(yield* worker.through, ["bad"])
        assert.strictEqual((yield* store.counts).setAside, 0)
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("retried without a cure it is set aside again, after its full number of tries", () =>
    Effect.gen(function* () {
      const worker = yield* fussy(Effect.fail(new Broken({ message: "no network" })))
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* publishAll("bad")
        yield* minutes(10)
        yield* untilStatus("worker-1-e1", "escalated")
        assert.strictEqual((yield* worker.shown).length, 4)
        yield* squadron.retry("worker-1-e1")
        yield* minutes(10)
        yield* untilStatus("worker-1-e1", "escalated")
        assert.strictEqual((yield* worker.shown).length, 8)
        assert.strictEqual((yield* squadron.status).setAside, 1)
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("a new message wakes an agent whose only message was set aside, and shows it the new one alone", () =>
    Effect.gen(function* () {
      const worker = yield* fussy(Effect.fail(new Broken({ message: "no network" })))
      yield* Effect.gen(function* () {
        yield* publishAll("bad")
        yield* minutes(10)
        yield* untilStatus("worker-1-e1", "escalated")
        yield* publishAll("next")
        yield* untilStatus("worker-1-e1", "done")
        assert.deepStrictEqual(yield* worker.through, ["next"])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  for (const [name, broken] of ways) {
    it.effect(`other agents notice nothing of one that ${name}`, () =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        const worker = yield* fussy(broken)
        const other = yield* fussy(Effect.never)
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          yield* squadron.publish(customEvent({ key: "bad", issue: 1, name: "worker" }))
          for (const key of ["x", "y", "z"]) {
            yield* squadron.publish(customEvent({ key, issue: 2, name: "other" }))
            yield* until(Effect.map(other.through, (keys) => keys.includes(key)))
            yield* TestClock.adjust("20 seconds")
          }
          assert.deepStrictEqual(yield* other.shown, [["x"], ["y"], ["z"]])
        }).pipe(
          Effect.provide(
            testSquadronLayer({
              agents: { worker: worker.agent, other: other.agent },
              roles: ["worker", "other"].map((name) => ({
                name,
                limits,
                lifetime: "subject" as const,
                on: [{ event: "custom" as const, name }]
              })),
              squad: { concurrency: 2 }
            })
          )
        )
      })
    )
  }
})
