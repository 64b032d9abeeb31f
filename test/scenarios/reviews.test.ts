import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Detail } from "../../src/domain/Event.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { testSquadronLayer, until } from "../../src/testing.ts"
import { allRouted, done, happened, type HeldTurn, heldAgent, untilStatus } from "./Scenario.ts"

const pull = (number: number) => ({
  title: `Change ${number}`,
  body: "",
  state: "open" as const,
  author: "ada",
  labels: [],
  draft: false,
  merged: false,
  head: { ref: "fix", sha: "a" },
  base: { ref: "main", sha: "b" }
})
const onPull = (number: number, detail: Detail) =>
  happened(detail, { number, kind: "pull_request", actor: { login: "grace", kind: "person" } })
const reviewed = (number: number, state: string) =>
  onPull(number, {
    _tag: "review.submitted",
    pullRequest: pull(number),
    review: { id: 1, state, body: "Please rename it", author: "grace" }
  })
const inline = (number: number, path: string, line: number) =>
  onPull(number, {
    _tag: "review_comment.created",
    pullRequest: pull(number),
    path,
    line,
    comment: { id: line, body: "why?", author: "grace", association: "MEMBER" }
  })
const author = {
  name: "author",
  lifetime: "subject" as const,
  on: [{ event: "pull_request.opened" }, { event: "review.submitted" }, { event: "review_comment.created" }] as const
}

describe("reviews", () => {
  it.effect("a review reaches the agent of its own pull request, asleep or at work, and no other", () =>
    Effect.gen(function* () {
      const writer = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        for (const number of [4, 42]) {
          yield* squadron.publish(onPull(number, { _tag: "pull_request.opened", pullRequest: pull(number) }))
          yield* (yield* writer.turn).answer(done)
        }
        yield* untilStatus("author-42-e2", "sleeping")
        yield* squadron.publish(reviewed(4, "changes_requested"))
        const turn = yield* writer.turn
        assert.strictEqual(turn.input.agent.id, "author-4-e1")
        yield* squadron.publish(reviewed(4, "commented"))
        yield* allRouted
        yield* turn.answer(done)
        const next = yield* writer.turn
        yield* next.answer(done)
        yield* squadron.idle
        const states = [turn, next].flatMap(({ input }) =>
          input.messages.map(({ event }) => (event.detail._tag === "review.submitted" ? event.detail.review.state : ""))
        )
        assert.deepStrictEqual(states, ["changes_requested", "commented"])
        assert.strictEqual((yield* Store.use((store) => store.runs("author-42-e2"))).length, 1)
      }).pipe(Effect.provide(testSquadronLayer({ agents: { author: writer.agent }, roles: [author] })))
    })
  )

  it.effect(
    "inline review comments gather for an agent at work and wake one asleep, with path, line and reviewer",
    () =>
      Effect.gen(function* () {
        const writer = yield* heldAgent
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          yield* squadron.publish(onPull(4, { _tag: "pull_request.opened", pullRequest: pull(4) }))
          const first = yield* writer.turn
          yield* squadron.publish(inline(4, "src/a.ts", 3))
          yield* squadron.publish(inline(4, "src/b.ts", 8))
          yield* until(
            Effect.map(
              Store.use((store) => store.counts),
              ({ unread }) => unread === 3
            )
          )
          yield* first.answer(done)
          const told = ({ input }: HeldTurn) =>
            input.messages.map(({ event: { actor, detail } }) =>
              detail._tag === "review_comment.created" ? [actor.login, detail.path, detail.line] : []
            )
          const second = yield* writer.turn
          assert.deepStrictEqual(told(second), [
            ["grace", "src/a.ts", 3],
            ["grace", "src/b.ts", 8]
          ])
          yield* second.answer(done)
          yield* untilStatus("author-4-e1", "sleeping")
          yield* squadron.publish(inline(4, "src/c.ts", 1))
          const woken = yield* writer.turn
          assert.strictEqual(woken.input.agent.id, "author-4-e1")
          assert.deepStrictEqual(told(woken), [["grace", "src/c.ts", 1]])
        }).pipe(Effect.provide(testSquadronLayer({ agents: { author: writer.agent }, roles: [author] })))
      })
  )
})
