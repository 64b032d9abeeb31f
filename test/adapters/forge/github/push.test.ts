import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { execFileSync } from "node:child_process"
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type GitHubDouble, makeGitHubDouble } from "../../../support/GitHubDouble.ts"
import { commitFiles, git, shaOf } from "../../../support/github/gitCommands.ts"
import { branchOf, draft, forgeOn } from "./OnDouble.ts"

const push = (key: string, commit: string, expected: string | null, branch = "squadron/coder-1-e1") =>
  draft(key, 0, { _tag: "push", branch, commit, expected })

/** A commit in the mirror alone. */
const work = (double: GitHubDouble, content: string, parent = branchOf(double, "main")): string =>
  commitFiles(double.mirror, "local", { "work.txt": content }, content, parent)

const there = (double: GitHubDouble, branch = "squadron/coder-1-e1") => shaOf(double.repository.folder, branch)

const pushes = (double: GitHubDouble) => double.seen.filter(({ path }) => path.endsWith("/git-receive-pack"))

/** What is written in all processes' arguments at this moment. */
const commandLines = (): string =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8")
      } catch {
        return ""
      }
    })
    .join("\n")

describe("Pushing to GitHub", () => {
  it.live("makes a branch, moves it, and leaves it where it is already", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const [one, two] = [work(double, "one"), work(double, "two")]
      assert.deepStrictEqual(yield* forge.perform(push("a", one, null)), { commit: one })
      assert.strictEqual(there(double), one)
      // two is no descendant of one: the lease is what counts
      assert.deepStrictEqual(yield* forge.perform(push("b", two, one)), { commit: two })
      assert.strictEqual(there(double), two)
      // as after a crash between doing and noting: what it expected is no more, and what it wanted is there
      const again = yield* forgeOn(double)
      assert.deepStrictEqual(yield* again.perform(push("b", two, one)), { commit: two })
      assert.deepStrictEqual(yield* again.perform(push("c", two, null)), { commit: two })
    })
  )

  it.live("moves nothing where the branch is not where it is expected, and names both commits", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const [one, two] = [work(double, "one"), work(double, "two")]
      yield* forge.perform(push("a", one, null))
      for (const [key, expected] of [
        ["b", null],
        ["c", branchOf(double, "main")]
      ] as const) {
        const error = yield* Effect.flip(forge.perform(push(key, two, expected)))
        assert.isFalse(error.retryable)
        assert.include(error.message, `it is at ${one}`)
        assert.include(error.message, expected === null ? "expected not there" : `expected at ${expected}`)
      }
      const missing = yield* Effect.flip(forge.perform(push("d", two, one, "other")))
      assert.include(missing.message, `it is not there, and was expected at ${one}`)
      assert.strictEqual(there(double), one)
      assert.isNull(there(double, "other"))
    })
  )

  it.live("says that the mirror does not hold the commit", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const error = yield* Effect.flip(forge.perform(push("a", "1".repeat(40), null)))
      assert.isFalse(error.retryable)
      assert.include(error.message, "does not hold the commit")
    })
  )

  it.live("has its token in no argument and in no file, and runs no hook", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const ran = join(double.mirror, "ran")
      const hook = join(double.mirror, "hooks", "pre-push")
      writeFileSync(hook, `#!/bin/sh\ntouch ${ran}\n`)
      chmodSync(hook, 0o755)
      const secrets = ["ghp_double", Buffer.from("x-access-token:ghp_double").toString("base64")]
      // git waits for the server while we look
      const pause = join(double.repository.folder, "hooks", "pre-receive")
      const go = join(double.repository.folder, "go")
      writeFileSync(pause, `#!/bin/sh\nwhile [ ! -e ${go} ]; do sleep 0.05; done\n`)
      chmodSync(pause, 0o755)
      const fiber = yield* Effect.forkChild(forge.perform(push("a", work(double, "one"), null)))
      yield* Effect.repeat(Effect.sleep(10), { until: () => pushes(double).some(({ status }) => status === 200) })
      const lines = commandLines()
      assert.include(lines, "--force-with-lease=refs/heads/squadron/coder-1-e1:")
      for (const secret of secrets) assert.notInclude(lines, secret)
      for (const secret of secrets) {
        const found = execFileSync("sh", ["-c", `grep -rlF '${secret}' '${double.mirror}' || true`], {
          encoding: "utf8"
        })
        assert.strictEqual(found, "")
      }
      writeFileSync(go, "")
      yield* Fiber.join(fiber)
      assert.throws(() => readFileSync(ran))
      assert.strictEqual(pushes(double).at(-1)?.authorization, `Basic ${secrets[1]}`)
    })
  )

  it.live("ends git, and all that git started, when it is interrupted", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const pause = join(double.repository.folder, "hooks", "pre-receive")
      writeFileSync(pause, "#!/bin/sh\nexec sleep 30\n")
      chmodSync(pause, 0o755)
      const fiber = yield* Effect.forkChild(forge.perform(push("a", work(double, "one"), null)))
      const ours = () =>
        commandLines()
          .split("\n")
          .filter((line) => line.includes(double.mirror))
      yield* Effect.repeat(Effect.sleep(10), { until: () => pushes(double).some(({ status }) => status === 200) })
      assert.isAbove(ours().length, 0)
      yield* Fiber.interrupt(fiber)
      yield* Effect.repeat(Effect.sleep(10), { until: () => ours().length === 0 })
    })
  )

  it.live("tells a refusal from what may pass", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const commit = work(double, "one")
      const refuse = join(double.repository.folder, "hooks", "pre-receive")
      writeFileSync(refuse, "#!/bin/sh\necho 'protected branch' >&2\nexit 1\n")
      chmodSync(refuse, 0o755)
      const declined = yield* Effect.flip(forge.perform(push("a", commit, null)))
      assert.isFalse(declined.retryable)
      assert.include(declined.message, "protected branch")
      git(double.mirror, "config", "remote.origin.url", "http://127.0.0.1:1/nowhere.git")
      const unreachable = yield* forgeOn(double, { webUrl: "http://127.0.0.1:1" })
      const away = yield* Effect.flip(unreachable.perform(push("b", commit, null)))
      assert.isTrue(away.retryable, away.message)
      double.state.tokens.clear()
      const denied = yield* Effect.flip(forge.perform(push("c", commit, null)))
      assert.isFalse(denied.retryable, denied.message)
    })
  )
})
