import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { ForgeError } from "../../src/domain/Errors.ts"
import { defaultPolicy } from "../../src/domain/Role.ts"
import { Forge } from "../../src/services/Forge.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import {
  agentOf,
  allRouted,
  asks,
  blockedOn,
  closed,
  comments,
  done,
  heldAgent,
  openIssue,
  repository,
  rolesOf,
  squadronWith,
  untilStatus
} from "./Scenario.ts"

const issue = (number: number) => LocalForge.use((forge) => forge.issue(repository, number))
const agentOn = (number: number) =>
  Store.use((store) =>
    Effect.map(
      store.roster([`${repository}#${number}`]),
      ([agent]) => agent?.id ?? assert.fail(`nobody is on #${number}`)
    )
  )
const timers = Store.use((store) => Effect.map(store.timers(10), (all) => all.map(({ kind }) => kind)))

describe("patience", () => {
  it.effect("a question that nobody answers is escalated once, in the open, and still takes its answer", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("The work")
        yield* squadron.publish(customEvent())
        yield* (yield* worker.turn).answer(asks("which of the two?"))
        yield* untilStatus("worker-1-e2", "asking")
        yield* TestClock.adjust(defaultPolicy.patience - 1)
        yield* allRouted
        assert.strictEqual((yield* agentOf("worker-1-e2")).status, "asking")
        yield* TestClock.adjust(1)
        yield* untilStatus("worker-1-e2", "escalated")
        yield* squadron.idle
        assert.deepStrictEqual((yield* issue(1)).labels, ["needs-human"])
        const calls = (yield* comments(1)).filter((body) => body.includes("needs a person"))
        assert.strictEqual(calls.length, 1)
        assert.include(calls[0], "nobody answered for 7 days: which of the two?")
        assert.include(calls[0], "squadron answer worker-1-e2")
        yield* TestClock.adjust("60 days")
        yield* squadron.idle
        assert.strictEqual((yield* comments(1)).filter((body) => body.includes("needs a person")).length, 1)
        yield* squadron.answer("worker-1-e2", "the first")
        const turn = yield* worker.turn
        assert.deepStrictEqual(
          turn.input.messages.map(({ kind, text }) => [kind, text]),
          [["answer", "the first"]]
        )
        yield* turn.answer(done)
        yield* untilStatus("worker-1-e2", "done")
        assert.deepStrictEqual(yield* timers, [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("an agent that is blocked for too long is escalated, and goes on when its blocker closes after all", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("The work")
        yield* openIssue("Its blocker")
        yield* squadron.publish(customEvent())
        yield* (yield* worker.turn).answer(blockedOn("2"))
        yield* untilStatus("worker-1-e3", "blocked")
        // news of its subject neither wakes it nor gives it more time
        yield* TestClock.adjust("6 days")
        yield* squadron.publish(customEvent())
        yield* allRouted
        assert.deepInclude(yield* agentOf("worker-1-e3"), { status: "blocked", unread: 1 })
        yield* TestClock.adjust("1 day")
        yield* untilStatus("worker-1-e3", "escalated")
        yield* squadron.idle
        assert.match((yield* comments(1)).join("\n"), /blocked on acme\/widgets#2 for 7 days: needs it first/)
        yield* squadron.publish(closed(2))
        const turn = yield* worker.turn
        assert.deepStrictEqual(
          turn.input.messages.map(({ event }) => event.detail._tag),
          ["custom", "issue.closed"]
        )
        yield* turn.answer(done)
        yield* untilStatus("worker-1-e3", "done")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("whoever is answered, freed, paused or ended in time is not called for, and leaves no timer", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([asks("a?"), done, asks("b?"), asks("c?"), blockedOn("1")])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        for (const title of ["one", "two", "three", "four"]) yield* openIssue(title)
        const start = Effect.fnUntraced(function* (number: number) {
          yield* squadron.publish(customEvent({ issue: number }))
          yield* squadron.idle
        })
        yield* start(1)
        assert.deepStrictEqual(yield* timers, ["patience"])
        yield* squadron.answer(yield* agentOn(1), "yes")
        yield* squadron.idle
        yield* start(2)
        yield* squadron.pause(yield* agentOn(2), "")
        yield* start(3)
        yield* squadron.publish(closed(3))
        yield* allRouted
        yield* start(4)
        assert.deepStrictEqual(yield* timers, ["patience"])
        yield* squadron.publish(closed(1))
        yield* squadron.idle
        assert.deepStrictEqual(yield* timers, [])
        yield* TestClock.adjust("60 days")
        yield* squadron.idle
        assert.strictEqual((yield* squadron.status).agents.escalated, 0)
        for (const number of [1, 2, 3, 4]) assert.deepStrictEqual((yield* issue(number)).labels, [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("the end of patience holds also where the forge takes nothing, and the call is made once it does", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      let down = false
      const faulty = Layer.effect(
        Forge,
        LocalForge.use((forge) =>
          Effect.succeed(
            Forge.of({
              ...forge,
              perform: (action) =>
                Effect.suspend(() =>
                  down
                    ? Effect.fail(new ForgeError({ reason: "503", retryable: true, retryAfter: 60_000 }))
                    : forge.perform(action)
                )
            })
          )
        )
      )
      const layer = squadronWith({
        roles: rolesOf([{ name: "worker" }]),
        harness: Harness.layerFunctions({ worker: worker.agent }),
        forge: faulty
      })
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("The work")
        yield* squadron.publish(customEvent())
        yield* (yield* worker.turn).answer(asks("which?"))
        yield* squadron.idle
        down = true
        yield* TestClock.adjust(defaultPolicy.patience)
        yield* untilStatus("worker-1-e2", "escalated")
        assert.deepStrictEqual((yield* issue(1)).labels, [])
        down = false
        yield* TestClock.adjust("10 minutes")
        yield* squadron.idle
        assert.deepStrictEqual((yield* issue(1)).labels, ["needs-human"])
      }).pipe(Effect.provide(layer))
    })
  )
})
