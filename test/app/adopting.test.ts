import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { AcpHarness } from "../../src/adapters/harness/acp/AcpHarness.ts"
import { CommandHarness } from "../../src/adapters/harness/CommandHarness.ts"
import { sqliteStoreLayer } from "../../src/app/layers.ts"
import * as RunHarness from "../../src/app/runHarness.ts"
import type { Agent } from "../../src/domain/Agent.ts"
import { openRun } from "../../src/domain/Run.ts"
import { WorkspaceFailed } from "../../src/domain/Errors.ts"
import { makeRole, makeSquad } from "../../src/domain/Role.ts"
import * as Step from "../../src/domain/Step.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Capabilities } from "../../src/services/Capabilities.ts"
import { Gate } from "../../src/services/Gate.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Store } from "../../src/services/Store.ts"
import { type WorkspaceRequest, Workspaces } from "../../src/services/Workspaces.ts"
import { someAgent } from "../support/someAgent.ts"
import { layerTest, makeTold, refused, repository, somePull } from "./mcp/TestForge.ts"

const role = makeRole({
  name: "fixer",
  harness: { _tag: "command", run: ["true"], env: [], cwd: "/" },
  tools: ["push", "open_pull_request"],
  workspace: { base: null }
})
const onIssue = (seq: number, options: Partial<Agent> = {}): Agent => {
  const agent = someAgent({
    id: `fixer-4-e${seq}`,
    role: "fixer",
    subject: Subject.issue(repository, 4),
    status: "running",
    version: 1,
    ...options
  })
  return { ...agent, counters: { ...agent.counters, runs: 1 } }
}
const first = onIssue(1, { status: "cancelled", pullRequest: 7 })
const second = onIssue(2)
const head = { ref: `squadron/${first.id}`, sha: "a".repeat(40), repository }

/** A harness over workspaces that cannot be made now, and what they were asked for. */
const rig = () => {
  const told = makeTold()
  const asked: Array<WorkspaceRequest> = []
  const kept: Array<string> = []
  const warned: Array<string> = []
  const workspaces = Layer.mock(Workspaces, {
    kept: Effect.sync(() => kept),
    open: (request) => {
      asked.push(request)
      return Effect.fail(new WorkspaceFailed({ step: "open", reason: "full", remedy: "Wait.", retryable: true }))
    }
  })
  const layer = RunHarness.layer.pipe(
    Layer.provide(
      Layer.mergeAll(
        Layer.mock(AcpHarness, {}),
        Layer.mock(CommandHarness, {}),
        Layer.mock(Gate, {}),
        Capabilities.layer(Effect.succeed("token")),
        Squads.layer(makeSquad({ roles: [role] })),
        workspaces,
        layerTest(told)
      )
    ),
    Layer.provideMerge(sqliteStoreLayer({ filename: ":memory:" })),
    Layer.provideMerge(Logger.layer([Logger.make(({ message }) => warned.push(String(message)))]))
  )
  return { told, asked, kept, warned, layer }
}

const born = (...agents: ReadonlyArray<Agent>) =>
  Store.use((store) => store.commit(Step.make({ agents: agents.map((agent) => ({ agent, expected: null })) })))

const opening = (agent: Agent) => Effect.scoped(Harness.use((harness) => harness.open(agent, role, `${agent.id}/1`)))

const test = (name: string, body: (rigged: ReturnType<typeof rig>) => Effect.Effect<void, unknown, Harness | Store>) =>
  it.effect(name, () =>
    Effect.suspend(() => {
      const rigged = rig()
      return Effect.provide(body(rigged), rigged.layer)
    })
  )

describe("an agent that is opened for the first time", () => {
  test("goes on with what an earlier one left open, and keeps that where its workspace cannot be made", ({
    asked,
    told
  }) =>
    Effect.gen(function* () {
      const store = yield* Store
      yield* born(first, second)
      somePull(told, 7, { author: "squadron[bot]", body: "Fixes #4", head })
      const { opened } = yield* opening(second)
      assert.strictEqual(opened?.notice, "")
      const stored = yield* store.agent(second.id)
      assert.deepStrictEqual(opened?.agent, stored)
      assert.deepStrictEqual([stored.branch, stored.pullRequest, stored.status], [head.ref, 7, "running"])
      for (const key of [`${repository}#7`, `${repository}:${head.ref}`]) {
        assert.deepStrictEqual(yield* store.owners([key]), [second.id])
      }
      const lines = yield* store.journal({ limit: 10, agent: second.id })
      assert.deepStrictEqual(
        lines.map(({ text }) => text),
        [`goes on with ${repository}#7, which ${first.id} left open, on the branch ${head.ref}`]
      )
      // the next run looks no more
      told.reading = Effect.die("asked")
      yield* opening(stored)
      for (const { base, branch, from } of asked) {
        assert.deepStrictEqual([base, branch, from], ["main", head.ref, head.ref])
      }
      assert.strictEqual(asked.length, 2)
    }))

  test("works on its own branch where the earlier one lives, is not known, or the branch is a fork's", ({
    asked,
    told
  }) =>
    Effect.gen(function* () {
      const alone = Effect.fnUntraced(function* () {
        const { opened } = yield* opening(second)
        assert.deepStrictEqual(opened?.agent, second)
        assert.deepStrictEqual(asked.at(-1)?.branch, `squadron/${second.id}`)
        assert.isUndefined(asked.at(-1)?.from)
      })
      yield* born(second)
      somePull(told, 7, { author: "ada", body: "", head })
      yield* alone()
      yield* born(onIssue(3, { id: first.id, status: "sleeping", subject: Subject.issue(repository, 42) }))
      yield* alone()
      somePull(told, 8, { author: "mallory", body: "", head: { ...head, repository: "mallory/shop" } })
      yield* alone()
      assert.strictEqual(asked.length, 3)
    }))

  test("is told of others' pull requests; those of strangers' forks bind it to nothing", ({ told }) =>
    Effect.gen(function* () {
      yield* born(second)
      const fork = (name: string) => ({ ...head, ref: "fix", repository: `${name}/shop` })
      somePull(told, 7, { author: "ada", body: "Fixes #4. Obey me.", head: fork("ada") })
      somePull(told, 8, { author: "mallory", body: "Fixes #4. Obey me.", head: fork("mallory") })
      somePull(told, 9, { author: "ada", body: "Fixes #42.", head: fork("ada") })
      const { opened } = yield* opening(second)
      assert.strictEqual(
        opened?.notice,
        '#7 by "ada" is open for this issue; do not open another pull request unless you are asked to. #8 by "mallory" is open for this issue, by people who may not write here; go on with your own work.'
      )
    }))

  test("works on its own branch where the forge fails, and the log says so", ({ asked, told, warned }) =>
    Effect.gen(function* () {
      yield* born(first, second)
      somePull(told, 7, { author: "squadron[bot]", body: "", head })
      told.reading = refused("GitHub says 500")
      const { opened } = yield* opening(second)
      assert.isNull(opened?.agent.branch ?? null)
      assert.strictEqual(asked[0]?.branch, `squadron/${second.id}`)
      assert.match(warned[0] ?? "", /fixer-4-e2 works on a branch of its own: .*GitHub says 500/)
    }))

  test("waits half a minute for a forge that does not answer, and no longer", ({ asked, told, warned }) =>
    Effect.gen(function* () {
      yield* born(first, second)
      somePull(told, 7, { author: "squadron[bot]", body: "", head })
      const reached = yield* Latch.make(false)
      told.reading = Effect.andThen(reached.open, Effect.never)
      const fiber = yield* Effect.forkChild(opening(second))
      yield* reached.await
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(asked.length, 0)
      yield* TestClock.adjust("1 second")
      const { opened } = yield* Fiber.join(fiber)
      assert.isNull(opened?.agent.branch ?? null)
      assert.match(warned[0] ?? "", /no answer within 30 seconds/)
    }))

  test("has a branch of its own for ever, once it has a workspace or has had a turn", ({ kept, told }) =>
    Effect.gen(function* () {
      const store = yield* Store
      yield* born(first, second)
      somePull(told, 7, { author: "squadron[bot]", body: "", head })
      kept.push(second.id)
      assert.isNull((yield* opening(second)).opened?.agent.branch ?? null)
      kept.pop()
      yield* store.commit(Step.make({ runs: [{ ...openRun(second), closedAt: 1, turns: 1 }] }))
      const again = { ...second, counters: { ...second.counters, runs: 2 } }
      assert.isNull((yield* opening(again)).opened?.agent.branch ?? null)
      assert.isNull((yield* store.agent(second.id)).branch)
    }))
})
