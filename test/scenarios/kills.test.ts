import { copyFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, FileSystem, Layer } from "effect"
import { TestClock } from "effect/testing"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { ForgeError } from "../../src/domain/Errors.ts"
import { Forge } from "../../src/services/Forge.ts"
import type { FunctionAgent } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent } from "../../src/testing.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { crashed, newFile, started, test } from "./Restart.ts"
import { blockedOn, crash, done, keysOf, openIssue, repository } from "./Scenario.ts"

const keys = ["a", "b", "c"]
const comment = (body: string) => ({ action: { _tag: "comment" as const, body } })

/** Says the key of each of its messages; breaks on `b` the first time, and waits for issue 2 at `c`. */
const worker: FunctionAgent = (input) => {
  const actions = keysOf(input)
    .filter((key) => keys.includes(key))
    .map(comment)
  if (keysOf(input).includes("b") && input.agent.counters.retries === 0)
    return Effect.succeed({ outcome: crash, actions })
  return Effect.succeed({ outcome: keysOf(input).includes("c") ? blockedOn("2") : done, actions })
}

/** Until nothing is left to do, however long that takes by the clock. */
const settled = Effect.flatMap(Squadron, ({ idle }) =>
  Effect.raceFirst(idle, Effect.forever(TestClock.adjust("10 seconds")))
)

/** All that happens outside; done again, it changes nothing. */
const world = Effect.gen(function* () {
  const squadron = yield* Squadron
  const forge = yield* LocalForge
  while ((yield* forge.issues({ repository, limit: 10 })).length < 2) yield* openIssue("An issue")
  for (const key of keys) {
    yield* squadron.publish(customEvent({ key }))
    yield* settled
  }
  yield* forge.close({ repository, number: 2, author: "ada", reason: "completed" })
  yield* settled
})

/** What the world and the store look like in the end, however it came to it. */
const outcome = Effect.gen(function* () {
  const squadron = yield* Squadron
  const store = yield* Store
  const forge = yield* LocalForge
  const { actionsFailed, actionsQueued, agents, permits, setAside, unread } = yield* squadron.status
  const events = (yield* store.eventsAfter(0, 1000)).map(({ seq }) => seq)
  const routed = (yield* store.journal({ limit: 1000 }))
    .filter(({ kind }) => kind === "event.routed")
    .map(({ event }) => event)
  assert.deepStrictEqual(routed.toReversed(), events)
  return {
    said: (yield* forge.comments(repository, 1)).map(({ body }) => body).toSorted(),
    issues: (yield* forge.issues({ repository, limit: 10 })).map(({ number, state }) => [number, state]),
    left: [actionsFailed, actionsQueued, setAside, unread, permits.held, (yield* store.openRuns).length],
    agents: [agents.sleeping, agents.ready, agents.running, agents.waiting, agents.blocked, agents.escalated]
  }
})

const expected = {
  said: ["**worker** waits until acme/widgets#2 is closed: `needs it first`", ...keys],
  issues: [
    [2, "closed"],
    [1, "open"]
  ],
  left: [0, 0, 0, 0, 0, 0],
  agents: [1, 0, 0, 0, 0, 0]
}

describe("kills", () => {
  test(
    "a squadron that is killed after any one of its commits ends as if it had not been",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const given = { agents: { worker }, roles: [{ name: "worker", lifetime: "subject" as const }] }
      const first = yield* started(yield* newFile, given)
      const copies = yield* fs.makeTempDirectoryScoped()
      let commits = 0
      yield* first.store.observe(() => {
        const copy = join(copies, `${commits++}.db`)
        for (const part of ["", "-wal"]) copyFileSync(`${first.filename}${part}`, `${copy}${part}`)
      })
      yield* first.within(world)
      assert.deepStrictEqual(yield* first.within(outcome), expected)
      yield* first.stop
      assert.isAbove(commits, 20)
      for (let n = 0; n < commits; n++) {
        const next = yield* started(join(copies, `${n}.db`), given)
        yield* next.within(world)
        assert.deepStrictEqual(yield* next.within(outcome), expected, `killed after commit ${n}`)
        yield* next.stop
      }
    })
  )

  test(
    "an action that was done before a kill, but not noted, is not done again",
    Effect.gen(function* () {
      const acted = yield* Deferred.make<void>()
      const forge = Layer.effect(
        Forge,
        Effect.map(Forge, (forge) =>
          Forge.of({
            ...forge,
            perform: (action) =>
              forge.perform(action).pipe(
                Effect.tap(() => Deferred.succeed(acted, undefined)),
                Effect.andThen(Effect.never)
              )
          })
        )
      ).pipe(Layer.provide(LocalForge.layerForge))
      const speaker = yield* scriptedAgent([{ outcome: done, actions: [comment("once")] }])
      const comments = LocalForge.use((local) => local.comments(repository, 1))
      const first = yield* started(yield* newFile, { agents: { worker: speaker.agent }, forge })
      yield* first.within(openIssue("An issue"))
      yield* first.squadron.publish(customEvent())
      yield* Deferred.await(acted)
      const second = yield* started(yield* crashed(first.filename), { agents: { worker: speaker.agent } })
      yield* second.squadron.idle
      assert.deepStrictEqual(
        (yield* second.within(comments)).map(({ body }) => body),
        ["once"]
      )
      const actions = yield* second.store.actions({ limit: 10 })
      assert.deepStrictEqual(
        actions.map(({ status }) => status),
        ["done"]
      )
    })
  )

  for (const [when, does] of [
    ["before it was done", false],
    ["after it was done, but before that was noted", true]
  ] as const) {
    test(
      `a failed action that a person retried, killed ${when}, is done once`,
      Effect.gen(function* () {
        const reached = yield* Deferred.make<void>()
        let refused = 0
        const forge = Layer.effect(
          Forge,
          Effect.map(Forge, (forge) =>
            Forge.of({
              ...forge,
              perform: (action) =>
                Effect.gen(function* () {
                  if (refused++ === 0)
                    return yield* new ForgeError({ reason: "no permission", retryable: false, retryAfter: null })
                  if (does) yield* forge.perform(action)
                  yield* Deferred.succeed(reached, undefined)
                  return yield* Effect.never
                })
            })
          )
        ).pipe(Layer.provide(LocalForge.layerForge))
        const speaker = yield* scriptedAgent([{ outcome: done, actions: [comment("once")] }])
        const said = Effect.map(
          LocalForge.use((local) => local.comments(repository, 1)),
          (comments) => comments.map(({ body }) => body)
        )
        const first = yield* started(yield* newFile, { agents: { worker: speaker.agent }, forge })
        yield* first.within(openIssue("An issue"))
        yield* first.squadron.publish(customEvent())
        yield* first.squadron.idle
        const [failed] = yield* first.store.actions({ limit: 10 })
        assert.match(failed?.error ?? "", /no permission/)
        const { id } = yield* first.squadron.retryAction(failed?.id ?? 0)
        yield* Deferred.await(reached)
        assert.deepStrictEqual(yield* first.within(said), does ? ["once"] : [])
        const second = yield* started(yield* crashed(first.filename), { agents: { worker: speaker.agent } })
        yield* second.squadron.idle
        assert.deepStrictEqual(yield* second.within(said), ["once"])
        assert.deepInclude(yield* Effect.flip(second.squadron.retryAction(id)), {
          _tag: "ActionNotFailed",
          status: "done"
        })
      })
    )
  }
})
