import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { type Git, type GitCall, makeGit } from "../../../../src/adapters/forge/local/git.ts"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import { refusal } from "../../../../src/adapters/forge/local/perform.ts"
import { mergePull } from "../../../../src/adapters/forge/local/pullActions.ts"
import type { Parts } from "../../../../src/adapters/forge/local/settling.ts"
import { makeStanding, performer } from "../../../../src/adapters/forge/local/standing.ts"
import { makeTurns } from "../../../../src/adapters/forge/local/Turns.ts"
import { SqlWriter } from "../../../../src/adapters/sql/SqlWriter.ts"
import { act, appended, bare, Folders, git, onGit, repository, stage, work } from "./OnGit.ts"

/** A git that lets somebody act on the folder just before it changes refs, so many times. */
const interfering = (times: number, before: () => void): Git => {
  const inner = makeGit()
  let left = times
  return Object.assign(
    (call: GitCall) =>
      Effect.suspend(() => {
        if (call.args[0] === "update-ref" && (call.input ?? "").includes("refs/heads/main") && left-- > 0) before()
        return inner(call)
      }),
    { environment: inner.environment }
  )
}

/** Merges a pull request while somebody moves its base so many times; gives what came of it. */
const merging = Effect.fnUntraced(function* (times: number) {
  const forge = yield* LocalForge
  const { clone, repositories } = yield* Folders
  const sql = yield* SqlClient.SqlClient
  yield* stage({ a: "a\n" })
  const branch = "squadron/one"
  const commit = yield* work({ b: "b\n" })
  yield* forge.perform(act("push", 0, { _tag: "push", branch, commit, expected: null }))
  const pull = { title: "t", body: "", head: branch, base: "main", draft: false }
  const { pullRequest = 0 } = yield* forge.perform(act("open", 0, { _tag: "open_pull_request", ...pull }))
  const folder = yield* bare
  git(clone, "checkout", "-q", "-B", "mine", "origin/main")
  const move = () => {
    git(clone, "commit", "-q", "--allow-empty", "-m", "mine")
    git(clone, "push", "-q", folder, "mine:refs/heads/main")
  }
  const parts: Parts = {
    git: interfering(times, move),
    standing: makeStanding({}, "admin"),
    writer: yield* SqlWriter,
    read: (query) => Effect.orDie(Effect.provideService(query, SqlClient.SqlClient, sql)),
    refusal
  }
  const asked = { number: pullRequest, method: "squash", commit, title: "t", body: "" } as const
  const doer = { by: performer({ agent: "coder-1-e1", depth: 1 }), key: "merge" }
  return yield* makeTurns(parts, repositories).in(repository, (turn) => mergePull(parts, turn, doer, asked))
})

describe("a base that moves while a pull request is merged", { timeout: 60_000 }, () => {
  it.live("is merged into where it has come to", () =>
    Effect.gen(function* () {
      const told = yield* appended(merging(2))
      const folder = yield* bare
      assert.strictEqual(git(folder, "log", "--format=%s", "main"), "t\nmine\nmine\nThe project's files")
      assert.deepStrictEqual(told.map(({ actor, detail }) => [detail._tag, actor.login]).slice(2), [
        ["push", "unknown"],
        ["push", "unknown"],
        ["push", "coder-1-e1"],
        ["pull_request.closed", "coder-1-e1"]
      ])
    }).pipe(Effect.provide(onGit()))
  )

  it.live("is left alone where it does not stop moving; the merge may be tried again", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const error = yield* Effect.flip(merging(1_000))
      assert(error._tag === "ForgeError")
      assert.isTrue(error.retryable)
      assert.strictEqual((yield* forge.pullRequest(repository, 1)).state, "open")
      assert.strictEqual(git(yield* bare, "log", "-1", "--format=%s", "main"), "mine")
    }).pipe(Effect.provide(onGit()))
  )
})
