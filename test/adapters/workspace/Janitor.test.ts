import { spawn } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Janitor } from "../../../src/adapters/workspace/Janitor.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { agent, commitAll, daemon, git, Place, request, test, text, write } from "./Rig.ts"

const day = 24 * 60 * 60 * 1000

const sweep = (question: { readonly live: Iterable<string>; readonly now: number }) =>
  Effect.flatMap(Janitor, (janitor) => janitor.sweep(question))

/** A closed workspace of this agent, with some work of all kinds. */
const left = (name: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const workspace = yield* (yield* Workspaces).open({ ...request, agent: name })
      write(workspace.path, { "committed.txt": `${name}\n` })
      commitAll(workspace.path, "work")
      write(workspace.path, { "uncommitted.txt": `${name}\n` })
      return workspace
    })
  )

/** A process that is in a folder, as an agent may have left one. */
const processIn = (cwd: string) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn("sleep", ["600"], { cwd, stdio: "ignore" })),
    (child) =>
      Effect.callback<void>((resume) => {
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )

describe("the janitor", () => {
  test(
    "saves and removes the workspaces of agents that are no more, and of those that slept too long",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      yield* left("gone-1-e1")
      const { mirror } = yield* left("live-2-e2")
      const now = Date.now()
      write(join(stateDir, "workspaces/gone-1-e1/clone"), { "late.txt": "after it was closed\n" })
      assert.deepStrictEqual(yield* sweep({ live: ["live-2-e2"], now: now + 29 * day }), {
        removed: ["gone-1-e1"],
        kept: [{ agent: "live-2-e2", reason: "its agent is live" }]
      })
      assert.isFalse(existsSync(join(stateDir, "workspaces/gone-1-e1")))
      assert.strictEqual(git(mirror, "show", "refs/squadron/saved/gone-1-e1/1:uncommitted.txt"), "gone-1-e1")
      assert.strictEqual(git(mirror, "show", "refs/squadron/saved/gone-1-e1/2:late.txt"), "after it was closed")
      const late = yield* sweep({ live: ["live-2-e2"], now: now + 31 * day })
      assert.deepStrictEqual(late, { removed: ["live-2-e2"], kept: [] })
      assert.deepStrictEqual(yield* (yield* Workspaces).kept, [])
      const again = yield* (yield* Workspaces).open({ ...request, agent: "live-2-e2" })
      assert.strictEqual(text(again.path, "uncommitted.txt"), "live-2-e2\n")
    })
  )

  test(
    "never takes one that is open, or that a process is in",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const { path } = yield* left("busy-1-e1")
      yield* Effect.scoped(
        Effect.gen(function* () {
          mkdirSync(join(path, "deep/er"), { recursive: true })
          const { pid } = yield* processIn(join(path, "deep/er"))
          yield* workspaces.open(request)
          const swept = yield* sweep({ live: [], now: Date.now() + 100 * day })
          assert.deepStrictEqual(swept, {
            removed: [],
            kept: [
              { agent: "busy-1-e1", reason: `processes work in it: ${pid}` },
              { agent, reason: "it is open" }
            ]
          })
          assert.isFalse(yield* workspaces.remove("busy-1-e1"))
        })
      )
      const { removed } = yield* sweep({ live: [], now: Date.now() })
      assert.deepStrictEqual(removed, ["busy-1-e1", agent])
    })
  )

  test(
    "keeps what it cannot save",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const { mirror, path } = yield* left(agent)
      write(path, { "more.txt": "more\n" })
      rmSync(mirror, { recursive: true })
      writeFileSync(mirror, "no mirror")
      write(join(stateDir, "workspaces/strange"), { "file.txt": "not ours" })
      const swept = yield* sweep({ live: [], now: Date.now() })
      assert.deepStrictEqual(swept.removed, [])
      assert.deepStrictEqual(
        swept.kept.map(({ agent }) => agent),
        [agent, "strange"]
      )
      assert.strictEqual(text(path, "more.txt"), "more\n")
      assert.strictEqual(text(stateDir, "workspaces/strange/file.txt"), "not ours")
    })
  )

  test(
    "puts aside one whose commits cannot all be read, instead of removing it",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const { path } = yield* left(agent)
      const head = commitAll(path, "more")
      rmSync(join(path, ".git/objects", head.slice(0, 2)), { recursive: true })
      assert.deepStrictEqual((yield* sweep({ live: [], now: Date.now() })).removed, [agent])
      const aside = join(stateDir, `workspaces/.broken-${agent}-1`)
      assert.strictEqual(text(aside, "clone/.git/refs/heads", request.branch), `${head}\n`)
      const again = yield* (yield* Workspaces).open(request)
      assert.strictEqual(text(again.path, "uncommitted.txt"), `${agent}\n`)
      assert.isTrue(existsSync(aside))
    })
  )

  test(
    "removes folders that nobody may write to, and what an interrupted removal left",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const { home } = yield* left(agent)
      write(home, { "go/pkg/mod/x.go": "package x\n" })
      for (const name of ["go/pkg/mod", "go/pkg", "go"]) chmodSync(join(home, name), 0o555)
      write(join(stateDir, "workspaces/.leaving-old-1-e1"), { "half.txt": "half" })
      yield* sweep({ live: [], now: Date.now() })
      assert.deepStrictEqual(readdirSync(join(stateDir, "workspaces")), [".outside.git"])
    })
  )

  test(
    "goes by the retention that it is given",
    Effect.gen(function* () {
      yield* left(agent)
      const now = Date.now()
      const look = (later: number) =>
        Effect.provide(sweep({ live: [agent], now: now + later }), daemon({ retention: 60_000 }))
      assert.deepStrictEqual((yield* look(50_000)).removed, [])
      assert.deepStrictEqual((yield* look(61_000)).removed, [agent])
    })
  )
})
