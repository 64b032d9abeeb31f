import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { StoreUnavailable } from "../../src/domain/Errors.ts"
import type { Detail } from "../../src/domain/Event.ts"
import { Outcome } from "../../src/domain/Outcome.ts"
import { defaultLimits } from "../../src/domain/Role.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import {
  allRouted,
  crash,
  done,
  happened,
  heldAgent,
  keysOf,
  openIssue,
  rolesOf,
  said,
  squadronWith,
  untilStatus
} from "./Scenario.ts"

describe("messages", () => {
  it.effect("a message that comes during a turn is in the next turn of the same run", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent({ key: "a" }))
        const first = yield* worker.turn
        yield* squadron.publish(said("@squadron worker: and this", { key: "b" }))
        yield* squadron.publish(customEvent({ key: "c" }))
        yield* allRouted
        yield* first.answer(done)
        const second = yield* worker.turn
        assert.deepStrictEqual([second.input.run, second.input.turn], [first.input.run, 2])
        assert.deepStrictEqual(keysOf(second.input), ["b", "c"])
        yield* second.answer(done)
        yield* untilStatus("worker-1-e1", "done")
        assert.strictEqual((yield* Store.use((store) => store.counts)).unread, 0)
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("a message that comes during the last turn that a run may have is not marked as read unseen", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent({ key: "a" }))
        const first = yield* worker.turn
        yield* squadron.publish(customEvent({ key: "b" }))
        yield* allRouted
        yield* first.answer(done)
        yield* untilStatus("worker-1-e1", "waiting")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(keysOf((yield* worker.turn).input), ["b"])
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: { worker: worker.agent },
            roles: [{ name: "worker", limits: { ...defaultLimits, maxTurns: 1 } }]
          })
        )
      )
    })
  )

  it.effect("messages keep their order through crashes, and none that was committed is shown again", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([done, crash, done, crash, crash])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const keys = ["m1", "m2", "m3", "m4", "m5"]
        for (const key of keys) {
          yield* squadron.publish(customEvent({ key }))
          yield* allRouted
        }
        for (let n = 0; n < 6; n++) yield* TestClock.adjust("1 minute")
        yield* squadron.idle
        const turns = (yield* worker.turns).map(keysOf)
        // a turn that crashed (2, 4, 5) shows what the next one shows again; all others go on where the last one ended
        const committed = turns.filter((_, index) => ![1, 3, 4].includes(index)).flat()
        assert.deepStrictEqual(committed, keys)
      }).pipe(
        Effect.provide(
          testSquadronLayer({ agents: { worker: worker.agent }, roles: [{ name: "worker", lifetime: "subject" }] })
        )
      )
    })
  )

  it.effect("a hundred and fifty messages at once are all seen, once, in order", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent({ key: "first" }))
        const first = yield* worker.turn
        const keys = Array.from({ length: 150 }, (_, index) => `many:${index}`)
        yield* Effect.forEach(keys, (key) => squadron.publish(customEvent({ key })), { concurrency: "unbounded" })
        yield* allRouted
        yield* first.answer(done)
        const second = yield* worker.turn
        yield* second.answer(done)
        const third = yield* worker.turn
        yield* third.answer(done)
        yield* squadron.idle
        const sequence = [...second.input.messages, ...third.input.messages].map(({ event }) => event.seq)
        assert.deepStrictEqual(
          sequence,
          sequence.toSorted((a, b) => a - b)
        )
        assert.sameMembers([...keysOf(second.input), ...keysOf(third.input)], keys)
        assert.deepStrictEqual(yield* Store.use((store) => store.unread([first.input.agent.id], 10)), [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("an event whose routing fails is routed later, once, and is no duplicate of itself", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      let writes = 0
      const store = Layer.effect(
        Store,
        Effect.map(Store, (store) =>
          Store.of({
            ...store,
            decide: (...given) =>
              writes++ < 2 ? Effect.fail(new StoreUnavailable({ reason: "disk full" })) : store.decide(...given)
          })
        )
      )
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const published = yield* squadron.publish(customEvent({ key: "a" }))
        yield* TestClock.adjust("5 seconds")
        yield* untilStatus("worker-1-e1", "done")
        assert.deepStrictEqual(published, { _tag: "Accepted", seq: 1 })
        assert.isAbove(writes, 2)
        assert.deepStrictEqual((yield* worker.turns).map(keysOf), [["a"]])
      }).pipe(
        Effect.provide(
          squadronWith({
            roles: rolesOf([{ name: "worker" }]),
            harness: Harness.layerFunctions({ worker: worker.agent }),
            store
          })
        )
      )
    })
  )

  it.effect("a message says who, where from, on what, when and in which words", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const body = "@squadron worker: look\n\nat `this`\n> and that"
        const grace = { login: "grace", kind: "person" as const }
        const detail: Detail = {
          _tag: "comment.created",
          comment: { id: 7, body, author: "grace", association: "MEMBER" },
          title: "An issue",
          labels: []
        }
        yield* squadron.publish({ ...happened(detail, { actor: grace }), at: 1_700_000_000_000 })
        yield* squadron.idle
        const message = (yield* worker.turns)[0]?.messages[0]
        assert.strictEqual(message?.kind, "command")
        assert.match(message?.text ?? "", /^look/)
        assert.deepInclude(message?.event, { at: 1_700_000_000_000, actor: { login: "grace", kind: "person" } })
        assert.deepInclude(message?.event.subject, { kind: "issue", number: 1 })
        assert.deepStrictEqual(message?.event.detail, detail)
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("a turn without news carries no messages", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([Outcome.cases.TurnEnded.make({})])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("An issue")
        yield* squadron.publish(customEvent({ key: "a" }))
        yield* untilStatus("worker-1-e2", "waiting")
        yield* TestClock.adjust("1 second")
        yield* squadron.idle
        assert.deepStrictEqual((yield* worker.turns).map(keysOf), [["a"], []])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )
})
