import { chmodSync, existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Janitor } from "../../../src/adapters/workspace/Janitor.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { agent, git, Place, request, test, write } from "./Rig.ts"

// To root everything is readable.
describe.skipIf(process.getuid?.() === 0)("what the daemon may not read", () => {
  for (const name of ["secret.txt", "readme.md", "dir", "src"]) {
    test(
      `keeps the workspace from being removed; the rest is saved: ${name}`,
      Effect.gen(function* () {
        const workspaces = yield* Workspaces
        const { stateDir } = yield* Place
        const target = join(stateDir, "workspaces", agent, "clone", name)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { mirror, path } = yield* workspaces.open(request)
            write(path, { "secret.txt": "secret\n", "dir/inner.txt": "inner\n", "fine.txt": "fine\n" })
            write(path, { "readme.md": "changed\n", "src/a.txt": "changed\n" })
            chmodSync(target, 0)
            const failure = yield* Effect.flip(workspaces.save(agent))
            assert.include(failure.message, name)
            assert.isFalse(failure.retryable)
            assert.strictEqual(git(mirror, "show", `refs/squadron/saved/${agent}/1:fine.txt`), "fine")
          })
        )
        const { kept } = yield* Effect.flatMap(Janitor, (janitor) => janitor.sweep({ live: [], now: 0 }))
        assert.deepStrictEqual(
          kept.map(({ agent }) => agent),
          [agent]
        )
        assert.isFalse(yield* workspaces.remove(agent))
        chmodSync(target, 0o755)
        const closed = join(stateDir, "workspaces", agent, "home/closed")
        mkdirSync(closed, { recursive: true })
        write(closed, { "file.txt": "x" })
        chmodSync(closed, 0o555)
        assert.isTrue(yield* workspaces.remove(agent))
        assert.isFalse(existsSync(join(stateDir, "workspaces", agent)))
      })
    )
  }
})
