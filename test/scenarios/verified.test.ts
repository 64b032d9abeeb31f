import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { agent, commitAll, daemon, git, Place, request, test, write } from "../adapters/workspace/Rig.ts"

const realGit = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim()

/** A git that does all as the real one, and then something else after each checkout of a new clone. */
const strangeGit = (folder: string, afterwards: string): string => {
  mkdirSync(folder)
  const program = join(folder, "git")
  writeFileSync(
    program,
    `#!/bin/sh\n${realGit} "$@" || exit\ncase " $* " in *" checkout "*" -B "*) ${afterwards};; esac\n`
  )
  chmodSync(program, 0o755)
  return `${folder}:${process.env["PATH"] ?? ""}`
}

const open = Effect.scoped(Workspaces.use((workspaces) => workspaces.open(request)))

describe("invariant 5: a workspace is made from the commit that was asked for", () => {
  for (const [what, afterwards] of [
    ["another commit", `${realGit} reset -q --hard HEAD~1`],
    ["another branch", `${realGit} checkout -q -b elsewhere`],
    ["no branch", `${realGit} checkout -q --detach`]
  ] as const) {
    test(
      `one that git left at ${what} is given to nobody, and leaves nothing behind`,
      Effect.gen(function* () {
        const { origin, stateDir } = yield* Place
        write(origin, { "a.txt": "second\n" })
        const second = commitAll(origin, "second")
        const PATH = strangeGit(join(stateDir, "strange"), afterwards)
        const failed = yield* Effect.flip(open).pipe(Effect.provide(Layer.fresh(daemon({ env: { PATH } }))))
        assert.strictEqual(failed._tag, "WorkspaceFailed")
        assert.include(failed.message, second)
        assert.isTrue(failed.retryable)
        for (const name of [agent, `.making-${agent}`]) assert.isFalse(existsSync(join(stateDir, "workspaces", name)))
        // with a git that does what it is told, the next try succeeds
        const { fresh, path } = yield* open
        assert.isTrue(fresh)
        assert.strictEqual(git(path, "rev-parse", "HEAD"), second)
      })
    )
  }
})
