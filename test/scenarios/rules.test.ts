import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Detail } from "../../src/domain/Event.ts"
import { defaultLimits } from "../../src/domain/Role.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { allRouted, done, happened, heldAgent, keysOf, untilStatus } from "./Scenario.ts"

const bot = { login: "renovate[bot]", kind: "bot" as const }
const issue = { title: "An issue", body: "", state: "open" as const, author: "ada", labels: ["bug"], assignees: [] }
const labeled: Detail = { _tag: "issue.labeled", issue, label: "bug" }
const opened: Detail = {
  _tag: "pull_request.opened",
  pullRequest: {
    title: "Update everything",
    body: "",
    state: "open",
    author: bot.login,
    labels: [],
    draft: false,
    merged: false,
    head: { ref: "renovate/all", sha: "a" },
    base: { ref: "main", sha: "b" }
  }
}

describe("rules", () => {
  it.effect("what a bot does wakes whoever listens, but for rules that want a person", () =>
    Effect.gen(function* () {
      const open = yield* scriptedAgent([])
      const picky = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(happened(labeled, { actor: bot, key: "label" }))
        yield* squadron.publish(happened(opened, { actor: bot, key: "pull", number: 2, kind: "pull_request" }))
        yield* squadron.publish(happened(labeled, { key: "by a person", number: 3 }))
        yield* squadron.idle
        assert.sameMembers((yield* open.turns).flatMap(keysOf), ["label", "pull", "by a person"])
        assert.deepStrictEqual((yield* picky.turns).flatMap(keysOf), ["by a person"])
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: { open: open.agent, picky: picky.agent },
            roles: [
              { name: "open", on: [{ event: "issue.labeled" }, { event: "pull_request.opened" }] },
              {
                name: "picky",
                on: [
                  { event: "issue.labeled", from: "person" },
                  { event: "pull_request.opened", from: "person" }
                ]
              }
            ]
          })
        )
      )
    })
  )

  it.effect("an event of a kind that nobody has a use for is kept, wakes nobody and stops nothing", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(happened({ _tag: "other", name: "gollum", action: "" }))
        yield* squadron.publish(customEvent({ key: "after" }))
        yield* squadron.idle
        assert.deepStrictEqual((yield* worker.turns).map(keysOf), [["after"]])
        const { event, routed } = yield* squadron.explainEvent(1)
        assert.deepStrictEqual([event.detail._tag, routed], ["other", true])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent } })))
    })
  )

  it.effect("a run has as many turns as its role allows, and what is left is for the next", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        yield* squadron.publish(customEvent({ key: "1" }))
        const seen: Array<readonly [string, number, ReadonlyArray<string>]> = []
        for (let n = 1; n <= 5; n++) {
          const { answer, input } = yield* worker.turn
          seen.push([input.run, input.turn, keysOf(input)])
          if (n < 5) yield* squadron.publish(customEvent({ key: String(n + 1) }))
          yield* allRouted
          yield* answer(done)
          if (n !== 3) continue
          yield* untilStatus("worker-1-e1", "waiting")
          yield* TestClock.adjust("1 second")
        }
        yield* squadron.idle
        assert.deepStrictEqual(seen, [
          ["worker-1-e1/1", 1, ["1"]],
          ["worker-1-e1/1", 2, ["2"]],
          ["worker-1-e1/1", 3, ["3"]],
          ["worker-1-e1/2", 1, ["4"]],
          ["worker-1-e1/2", 2, ["5"]]
        ])
        assert.deepStrictEqual(
          (yield* store.runs("worker-1-e1")).map(({ outcome }) => outcome?._tag),
          ["Completed", "TurnCap"]
        )
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: { worker: worker.agent },
            roles: [{ name: "worker", limits: { ...defaultLimits, maxTurns: 3 } }]
          })
        )
      )
    })
  )
})
