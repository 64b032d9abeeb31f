import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { daemon, git, Place, repository, test, write } from "./Rig.ts"
import { crowd, day, has, left, logged, packsOf, remembered, tend } from "./Upkeep.ts"

/** Agents whose workspaces are gone. */
const gone = Effect.fnUntraced(function* (...agents: ReadonlyArray<string>) {
  const workspaces = yield* Workspaces
  const works = yield* Effect.forEach(agents, left)
  for (const agent of agents) assert.isTrue(yield* workspaces.remove(agent))
  return works
})

describe("saved work", () => {
  test(
    "goes with its agent's end long past, and the log tells its refs and commits; that of others stays",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const workspaces = yield* Workspaces
      const [work] = yield* gone("old-1-e1", "live-2-e2", "unknown-3-e3")
      const mirror = work?.mirror ?? ""
      yield* left("here-4-e4")
      const saved = git(mirror, "rev-parse", "refs/squadron/saved/old-1-e1/1")
      const head = git(mirror, "rev-parse", "refs/squadron/head/old-1-e1")
      git(origin, "branch", "squadron/old-1-e1")
      yield* workspaces.mirror(repository)
      const all = remembered(mirror)
      const now = Date.now()
      const ended = ["old-1-e1", "here-4-e4"]
      const early = yield* logged(tend({ now: now + 89 * day, ended }))
      assert.deepStrictEqual(early, { given: [], lines: [] })
      assert.deepStrictEqual(remembered(mirror), all)
      const { given, lines } = yield* logged(tend({ now: now + 91 * day, ended }))
      assert.deepStrictEqual(given, ["old-1-e1"])
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], `refs/squadron/saved/old-1-e1/1 ${saved}`)
      assert.include(lines[0], `refs/squadron/head/old-1-e1 ${head}`)
      assert.deepStrictEqual(remembered(mirror), ["here-4-e4", "live-2-e2", "unknown-3-e3"])
      assert.strictEqual(
        git(mirror, "rev-parse", "refs/heads/squadron/old-1-e1"),
        git(origin, "rev-parse", "squadron/old-1-e1")
      )
      assert.strictEqual(git(mirror, "show", `${saved}:uncommitted.txt`), "old-1-e1")
      assert.deepStrictEqual(yield* tend({ now: now + 93 * day, ended }), [])
    })
  )

  test(
    "counts from the newest saving, and from the agent's end where that is later",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const workspaces = yield* Workspaces
      const mirror = yield* workspaces.mirror(repository)
      const now = Date.now()
      const tree = git(mirror, "rev-parse", "main^{tree}")
      const savedAgo = (agent: string, n: number, days: number) => {
        const who = `Squadron <agent@squadron.invalid> ${Math.floor((now - days * day) / 1000)} +0000`
        write(stateDir, { commit: `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\nsaved\n` })
        const id = git(mirror, "hash-object", "-t", "commit", "-w", `${stateDir}/commit`)
        git(mirror, "update-ref", `refs/squadron/saved/${agent}/${n}`, id)
      }
      savedAgo("old-1-e1", 1, 100)
      savedAgo("old-1-e1", 2, 91)
      savedAgo("newer-2-e2", 1, 100)
      savedAgo("newer-2-e2", 2, 89)
      const asked: Array<readonly [ReadonlyArray<string>, number]> = []
      const ended = (agents: ReadonlyArray<string>, before: number) =>
        Effect.sync(() => (asked.push([agents, before]), []))
      assert.deepStrictEqual(yield* workspaces.tend({ now, ended }), [])
      assert.deepStrictEqual(asked, [[["old-1-e1"], now - 90 * day]])
    })
  )

  test(
    "can be read by its commit for two weeks after it went, however old it is; then it is pruned, also where all is quiet",
    Effect.gen(function* () {
      const [work] = yield* gone("old-1-e1")
      const mirror = work?.mirror ?? ""
      const saved = git(mirror, "rev-parse", "refs/squadron/saved/old-1-e1/1")
      const now = Date.now()
      crowd(mirror)
      yield* tend({ now: now + day })
      assert.deepStrictEqual(yield* tend({ now: now + 100 * day, ended: ["old-1-e1"] }), ["old-1-e1"])
      crowd(mirror)
      yield* tend({ now: now + 113 * day })
      assert.isAtMost(packsOf(mirror).length, 2)
      assert.isTrue(has(mirror, saved) && has(mirror, work?.commit ?? ""))
      yield* tend({ now: now + 115 * day })
      assert.isFalse(has(mirror, saved) || has(mirror, work?.commit ?? ""))
    })
  )

  test(
    "is kept for as long as a person says, or for ever",
    Effect.gen(function* () {
      yield* gone("old-1-e1")
      const now = Date.now()
      const ended = ["old-1-e1"]
      const never = Effect.provide(tend({ now: now + 10_000 * day, ended }), daemon({ keepSaved: null }))
      assert.deepStrictEqual(yield* never, [])
      const week = daemon({ keepSaved: 7 * day })
      assert.deepStrictEqual(yield* Effect.provide(tend({ now: now + 10_007 * day, ended }), week), ended)
    })
  )
})
