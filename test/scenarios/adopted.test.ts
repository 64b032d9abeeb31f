import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { adopt } from "../../src/domain/adoption.ts"
import { branchOfAgent } from "../../src/domain/branches.ts"
import { change } from "../../src/domain/changeAgent.ts"
import type { Detail } from "../../src/domain/Event.ts"
import * as Step from "../../src/domain/Step.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { testSquadronLayer } from "../../src/testing.ts"
import { allRouted, done, happened, heldAgent, repository, untilStatus } from "./Scenario.ts"

const head = "a".repeat(40)
const writer = { name: "writer", lifetime: "subject" as const, on: [{ event: "custom" }] as const }
const onRepository = (detail: Detail) => ({ ...happened(detail), subject: Subject.repository(repository) })
const ada = { login: "ada", kind: "person", trust: "admin" } as const

describe("a pull request that an agent goes on with", () => {
  it.effect("pushes to its branch, its checks and its end reach that agent, and not the one before it", () =>
    Effect.gen(function* () {
      const mind = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const store = yield* Store
        const wakes = { _tag: "custom", name: "go", payload: null } as const
        yield* squadron.publish(happened(wakes, { number: 4 }))
        yield* (yield* mind.turn).answer(done)
        yield* untilStatus("writer-4-e1", "sleeping")
        const first = yield* store.agent("writer-4-e1")
        const ended = change(first, 0, { status: "cancelled", pullRequest: 7 })
        yield* store.commit(
          Step.make({
            agents: [{ agent: ended, expected: first.version }],
            owned: [{ subject: `${repository}#7`, agent: first.id }]
          })
        )
        yield* squadron.publish(happened(wakes, { number: 4 }))
        const turn = yield* mind.turn
        const { id } = turn.input.agent
        assert.notStrictEqual(id, first.id)
        const ref = branchOfAgent(first.id)
        const { step } = adopt(yield* store.agent(id), { number: 7, body: "", head: { ref, repository } }, 0)
        yield* store.commit(step)
        yield* turn.answer(done)
        yield* untilStatus(id, "sleeping")

        const push = { ref: `refs/heads/${ref}`, before: "b".repeat(40), after: head, forced: false, deleted: false }
        yield* squadron.publish({ ...onRepository({ _tag: "push", ...push, commits: [] }), actor: ada })
        const moved = yield* mind.turn
        assert.deepStrictEqual(
          moved.input.messages.map(({ agent, text }) => [agent, text.includes(`moved your branch to ${head}`)]),
          [[id, true]]
        )
        yield* moved.answer(done)
        yield* untilStatus(id, "sleeping")
        const status = { context: "ci", sha: head, state: "failure", branches: [ref] }
        yield* squadron.publish({ ...onRepository({ _tag: "status.changed", ...status }), actor: ada })
        const failed = yield* mind.turn
        assert.deepStrictEqual(
          failed.input.messages.map(({ agent, text }) => [agent, text]),
          [[id, `The check ci failed on ${head}.`]]
        )
        yield* failed.answer(done)
        yield* untilStatus(id, "sleeping")

        const pullRequest = {
          ...({ title: "Change", body: "", state: "closed", author: first.id, labels: [], draft: false } as const),
          merged: true,
          head: { ref, sha: head, repository },
          base: { ref: "main", sha: "b".repeat(40) }
        }
        const closed = happened({ _tag: "pull_request.closed", pullRequest }, { number: 7, kind: "pull_request" })
        yield* squadron.publish(closed)
        yield* untilStatus(id, "done")
        yield* allRouted
        assert.strictEqual((yield* store.agent(first.id)).version, ended.version)
      }).pipe(Effect.provide(testSquadronLayer({ agents: { writer: mind.agent }, roles: [writer] })))
    })
  )
})
