import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { allRouted, done, heldAgent, openIssue, repository, said, untilStatus } from "./Scenario.ts"

const comment = (body: string) =>
  LocalForge.use((forge) => forge.comment({ repository, number: 1, body, author: "ada" }))
const comments = LocalForge.use((forge) =>
  Effect.map(forge.comments(repository, 1), (all) => all.map(({ body }) => body))
)
const roles = [
  { name: "worker", description: "Does the work", on: [] },
  { name: "other", on: [] }
]

describe("commands", () => {
  it.effect("help is answered once with what is there, and starts nobody", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("An issue")
        yield* comment("@Squadron HELP, please")
        yield* squadron.idle
        const answers = (yield* comments).slice(1)
        assert.strictEqual(answers.length, 1)
        assert.include(answers[0], "`worker` | Does the work")
        assert.deepStrictEqual(yield* Store.use((store) => store.agents({ limit: 5 })), [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent, other: worker.agent }, roles })))
    })
  )

  it.effect("a command for a role that is not there is answered with those that are", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("An issue")
        yield* comment("@squadron wroker: do it")
        yield* squadron.idle
        assert.match((yield* comments)[1] ?? "", /no role `wroker`[^]*`worker`/)
        assert.strictEqual((yield* comments).length, 2)
        assert.deepStrictEqual(yield* Store.use((store) => store.agents({ limit: 5 })), [])
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent, other: worker.agent }, roles })))
    })
  )

  it.effect("what an agent writes never wakes its own role, and wakes another that it addresses", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([
        {
          outcome: done,
          actions: [{ action: { _tag: "comment", body: "@squadron worker: again!\n\n@squadron other: your turn" } }]
        }
      ])
      const other = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("An issue")
        yield* comment("@squadron worker: do it")
        yield* squadron.idle
        assert.strictEqual((yield* worker.turns).length, 1)
        assert.deepStrictEqual(
          (yield* other.turns).map(({ messages }) => messages.map(({ text }) => text)),
          [["your turn"]]
        )
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent, other: other.agent }, roles })))
    })
  )

  it.effect("agents that answer each other for ever are stopped at the depth that the policy sets", () =>
    Effect.gen(function* () {
      const answering = (to: string) =>
        scriptedAgent(
          Array.from({ length: 50 }, () => ({
            outcome: done,
            actions: [{ action: { _tag: "comment" as const, body: `@squadron ${to}: you` } }]
          }))
        )
      const worker = yield* answering("other")
      const other = yield* answering("worker")
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* openIssue("An issue")
        yield* comment("@squadron worker: go")
        yield* squadron.idle
        const turns = (yield* worker.turns).length + (yield* other.turns).length
        assert.isAtMost(turns, 9)
        const [last] = yield* Store.use((store) => store.journal({ limit: 1 }))
        assert.match(last?.text ?? "", /the chain ends here/)
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent, other: other.agent }, roles })))
    })
  )

  it.effect("a command starts an agent where there is none, wakes a sleeping one, and reaches one at work", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const command = (text: string) => squadron.publish(said(`@squadron worker: ${text}`))
        yield* command("start")
        const first = yield* worker.turn
        yield* command("while you work")
        yield* allRouted
        yield* first.answer(done)
        const second = yield* worker.turn
        yield* second.answer(done)
        yield* untilStatus("worker-1-e1", "sleeping")
        yield* command("wake")
        const third = yield* worker.turn
        yield* third.answer(done)
        yield* untilStatus("worker-1-e1", "sleeping")
        assert.deepStrictEqual(
          [first, second, third].map(({ input }) => [input.agent.id, input.messages.map(({ text }) => text).join()]),
          [
            ["worker-1-e1", "start"],
            ["worker-1-e1", "while you work"],
            ["worker-1-e1", "wake"]
          ]
        )
      }).pipe(
        Effect.provide(
          testSquadronLayer({
            agents: { worker: worker.agent },
            roles: [{ name: "worker", on: [], lifetime: "subject" }]
          })
        )
      )
    })
  )

  it.effect("a command to a role that has finished here starts it anew", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(said("@squadron worker: one"))
        yield* squadron.idle
        yield* squadron.publish(said("@squadron worker: two"))
        yield* squadron.idle
        assert.deepStrictEqual(
          (yield* worker.turns).map(({ agent }) => agent.id),
          ["worker-1-e1", "worker-1-e2"]
        )
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent, other: worker.agent }, roles })))
    })
  )

  it.effect("commands to a busy agent wait their turn, start no second one, and are all answered", () =>
    Effect.gen(function* () {
      const worker = yield* heldAgent
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(said("@squadron worker: 0"))
        const first = yield* worker.turn
        for (let n = 1; n <= 5; n++) yield* squadron.publish(said(`@squadron worker: ${n}`))
        yield* allRouted
        assert.strictEqual(yield* worker.opened, 1)
        yield* first.answer(done)
        const second = yield* worker.turn
        assert.deepStrictEqual(
          second.input.messages.map(({ text }) => text),
          ["1", "2", "3", "4", "5"]
        )
        yield* second.answer(done)
        yield* untilStatus(first.input.agent.id, "done")
      }).pipe(Effect.provide(testSquadronLayer({ agents: { worker: worker.agent, other: worker.agent }, roles })))
    })
  )

  it.effect("an event that breaks one agent does not keep another role from it", () =>
    Effect.gen(function* () {
      const good = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        yield* squadron.publish(customEvent())
        yield* untilStatus("bad-1-e1", "waiting")
        yield* untilStatus("good-1-e1", "done")
      }).pipe(
        Effect.provide(testSquadronLayer({ agents: { bad: () => Effect.die(new Error("broken")), good: good.agent } }))
      )
    })
  )
})
