import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { agent, commitAll, git, Place, request, test, write } from "../adapters/workspace/Rig.ts"

describe("invariant 6: what is removed was saved before", () => {
  test(
    "also what the hook before a removal writes and commits is saved",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const mirror = join(stateDir, "mirrors/acme/shop.git")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const workspaces = yield* Workspaces
          const { path } = yield* workspaces.open(request)
          write(path, { "loose.txt": "loose\n" })
          commitAll(path, "work")
        })
      )
      assert.isTrue(yield* Workspaces.use((workspaces) => workspaces.remove(agent)))
      assert.isFalse(existsSync(join(stateDir, "workspaces", agent)))
      const last = git(
        mirror,
        "for-each-ref",
        "--sort=-version:refname",
        "--count=1",
        "--format=%(refname)",
        "refs/squadron/saved"
      )
      assert.strictEqual(git(mirror, "show", `${last}:late.txt`), "late")
      assert.include(git(mirror, "log", "--format=%s", last).split("\n"), "by the hook")
      // and the next workspace goes on from it
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { path } = yield* Workspaces.use((workspaces) => workspaces.open(request))
          assert.strictEqual(git(path, "log", "-1", "--format=%s"), "by the hook")
          assert.strictEqual(git(path, "status", "--porcelain"), "?? late.txt")
        })
      )
    }),
    {
      hooks: {
        beforeRemove: [
          "sh",
          "-c",
          "git -c user.name=h -c user.email=h@example.invalid commit -q --allow-empty -m 'by the hook' && echo late > late.txt"
        ]
      }
    }
  )
})
