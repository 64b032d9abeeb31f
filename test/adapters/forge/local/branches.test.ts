import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import type { Action } from "../../../../src/domain/Action.ts"
import { utimesSync, writeFileSync } from "node:fs"
import { act, agent, appended, bare, commit, git, onGit, repository, stage, work } from "./OnGit.ts"
import { onHttp, pushAs } from "./OnHttp.ts"

const branch = `squadron/${agent}`
const zeros = "0".repeat(40)
const forge = { perform: (draft: ReturnType<typeof act>) => LocalForge.use((local) => local.perform(draft)) }

const push = (commit: string, expected: string | null, name = branch): Action => ({
  _tag: "push",
  branch: name,
  commit,
  expected
})
const shaOf = (name: string) => Effect.map(bare, (folder) => git(folder, "rev-parse", `refs/heads/${name}`))

/** A lock file as a git that was killed so many seconds ago has left it. */
const lockFile = (path: string, seconds: number) =>
  Effect.sync(() => {
    writeFileSync(path, "")
    const at = Date.now() / 1000 - seconds
    utimesSync(path, at, at)
  })

describe("branches of the local forge", { timeout: 60_000 }, () => {
  it.live("tells of a push as an event, with what each commit changed, by the agent whose it is", () =>
    Effect.gen(function* () {
      yield* stage({ "old.txt": "old\n", "keep.txt": "1\n", "ünïcode \n.txt": "x\n" })
      const one = yield* work({ "new.txt": "n\n", "keep.txt": "2\n", "old.txt": null }, undefined, "First\n\nIts body.")
      const two = yield* work({ "ünïcode \n.txt": "y\n" }, one, "Second")
      const [event, ...more] = yield* appended(forge.perform(act("push", 0, push(two, null))))
      assert.deepStrictEqual(more, [])
      assert.deepStrictEqual(event?.actor, { login: agent, kind: "agent", trust: "write" })
      assert.deepInclude(event, { key: "local:acme/app:1", causedBy: agent, depth: 1, source: "local" })
      assert.deepStrictEqual(event?.subject, { repository, kind: "repository", number: 0 })
      assert.deepStrictEqual(event?.detail, {
        _tag: "push",
        ref: `refs/heads/${branch}`,
        before: zeros,
        after: two,
        forced: false,
        deleted: false,
        commits: [
          { id: one, message: "First\n\nIts body.", added: ["new.txt"], modified: ["keep.txt"], removed: ["old.txt"] },
          { id: two, message: "Second", added: [], modified: ["ünïcode \n.txt"], removed: [] }
        ]
      })
    }).pipe(Effect.provide(onGit()))
  )

  it.live("tells of the newest 20 commits at most", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      let tip = yield* work({ f0: "0\n" })
      for (let i = 1; i < 25; i++) tip = yield* work({ [`f${i}`]: `${i}\n` }, tip, `change ${i}`)
      const [event] = yield* appended(forge.perform(act("push", 0, push(tip, null))))
      assert(event?.detail._tag === "push")
      assert.deepStrictEqual(
        event.detail.commits.map(({ message }) => message),
        Array.from({ length: 20 }, (_, i) => `change ${i + 5}`)
      )
    }).pipe(Effect.provide(onGit()))
  )

  it.live(
    "says of an agent's branch that was written anew that it was forced, and refuses that of any other branch",
    () =>
      Effect.gen(function* () {
        yield* stage({ a: "a\n" })
        const one = yield* work({ b: "one\n" })
        const other = yield* work({ b: "other\n" })
        yield* forge.perform(act("one", 0, push(one, null)))
        const [event] = yield* appended(forge.perform(act("other", 0, push(other, one))))
        assert(event?.detail._tag === "push")
        assert.deepInclude(event.detail, { forced: true, before: one, after: other })
        assert.deepStrictEqual(
          event.detail.commits.map(({ id }) => id),
          [other]
        )
        const main = yield* shaOf("main")
        const ahead = yield* work({ c: "c\n" })
        yield* forge.perform(act("ahead", 0, push(ahead, main, "main")))
        yield* forge.perform(act("release", 0, push(ahead, null, "release")))
        for (const name of ["main", "release"]) {
          const error = yield* Effect.flip(forge.perform(act(`force ${name}`, 0, push(one, ahead, name))))
          assert.include(error.message, "only agents' branches are rewritten")
          assert.isFalse(error.retryable)
          assert.strictEqual(yield* shaOf(name), ahead)
        }
      }).pipe(Effect.provide(onGit()))
  )

  it.live("refuses what the mirror does not hold whole", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const error = yield* Effect.flip(forge.perform(act("push", 0, push("1".repeat(40), null))))
      assert.include(error.message, `mirror of acme/app does not hold the commit ${"1".repeat(40)}`)
      const folder = yield* bare
      const blob = git(folder, "rev-parse", "main:a")
      assert.isFalse((yield* Effect.flip(forge.perform(act("blob", 0, push(blob, null))))).retryable)
      assert.strictEqual(git(folder, "for-each-ref", "--format=%(refname)"), "refs/heads/main")
    }).pipe(Effect.provide(onGit()))
  )

  it.live("refuses a branch whose name is a folder of others", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const one = yield* work({ b: "b\n" })
      yield* forge.perform(act("one", 0, push(one, null)))
      const error = yield* Effect.flip(forge.perform(act("below", 0, push(one, null, `${branch}/below`))))
      assert.include(error.message, "cannot create")
      assert.isFalse(error.retryable)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("tells who deleted a branch, and never deletes the default one", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const one = yield* work({ b: "b\n" })
      yield* forge.perform(act("push", 0, push(one, null)))
      const remove = { _tag: "delete_branch", branch, commit: one } as const
      const [event] = yield* appended(forge.perform({ ...act("delete", 0, remove), agent: null }))
      assert.deepStrictEqual(event?.actor, { login: "squadron", kind: "system", trust: "admin" })
      assert.deepStrictEqual(event?.detail, {
        _tag: "push",
        ref: `refs/heads/${branch}`,
        before: one,
        after: zeros,
        forced: false,
        deleted: true,
        commits: []
      })
      const main = yield* shaOf("main")
      const error = yield* Effect.flip(
        forge.perform(act("main", 0, { _tag: "delete_branch", branch: "main", commit: main }))
      )
      assert.include(error.message, "main is the default branch")
    }).pipe(Effect.provide(onGit()))
  )

  it.live("tells of what somebody changed in the folder itself, by nobody who is trusted", () =>
    Effect.gen(function* () {
      const local = yield* LocalForge
      yield* stage({ a: "a\n" })
      const folder = yield* bare
      const sneaked = yield* commit("sneaked", { b: "b\n" })
      const clone = (yield* bare).replace("forge/acme/app.git", "clone")
      git(clone, "push", "--quiet", folder, "sneaked")
      const told = yield* appended(
        local.perform(
          act("open", 0, {
            _tag: "open_pull_request",
            title: "t",
            body: "",
            head: "sneaked",
            base: "main",
            draft: false
          })
        )
      )
      assert.deepStrictEqual(
        told.map(({ actor, detail }) => [detail._tag, actor.login, actor.trust]),
        [
          ["push", "unknown", "none"],
          ["pull_request.opened", agent, "write"]
        ]
      )
      assert.strictEqual(told[0]?.detail._tag === "push" ? told[0].detail.after : "", sneaked)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("does each of 20 actions at once on one repository, and leaves a branch to one of them", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const commits = yield* Effect.forEach(
        Array.from({ length: 5 }, (_, i) => i),
        (i) => work({ b: `${i}\n` })
      )
      const results = yield* Effect.forEach(
        commits,
        (id, i) => Effect.result(forge.perform(act(`push ${i}`, 0, push(id, null)))),
        { concurrency: "unbounded" }
      )
      const won = results.flatMap((result) => (result._tag === "Success" ? [result.success.commit] : []))
      assert.deepStrictEqual(won, [yield* shaOf(branch)])
      for (const result of results) {
        if (result._tag === "Failure") assert.include(result.failure.message, `and is at ${won[0]}`)
      }
      const same = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => forge.perform(act("other", 0, push(commits[0] ?? "", null, "squadron/other"))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(same.map((result) => result.commit)).size, 1)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("removes a lock that a killed git has left, once it is old", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const one = yield* work({ b: "b\n" })
      const folder = yield* bare
      git(folder, "update-ref", `refs/heads/${branch}`, "main")
      const lock = `refs/heads/${branch}.lock`
      yield* lockFile(`${folder}/${lock}`, 0)
      const main = yield* shaOf("main")
      const busy = yield* Effect.flip(forge.perform(act("push", 0, push(one, main))))
      assert.isTrue(busy.retryable, busy.message)
      yield* lockFile(`${folder}/${lock}`, 120)
      assert.deepStrictEqual(yield* forge.perform(act("push", 0, push(one, main))), { commit: one })
    }).pipe(Effect.provide(onGit()))
  )

  it.live("tells of what a person pushes, forces and deletes over HTTP, by that person", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const one = yield* commit("topic", { b: "b\n" })
      const other = yield* commit("again", { b: "other\n" })
      const pushes = Effect.fnUntraced(function* (...refspecs: ReadonlyArray<string>) {
        const told = yield* appended(
          Effect.map(pushAs("hubot", ...refspecs), ({ code, stderr }) => assert.strictEqual(code, 0, stderr))
        )
        return told.map(({ actor, causedBy, detail }) => {
          assert(detail._tag === "push")
          const { after, before, commits, deleted, forced, ref } = detail
          return [actor.login, actor.trust, causedBy, ref, before, after, forced, deleted, commits.length]
        })
      })
      const by = ["hubot", "write", null]
      assert.deepStrictEqual(yield* pushes(`${one}:refs/heads/topic`), [
        [...by, "refs/heads/topic", zeros, one, false, false, 1]
      ])
      assert.deepStrictEqual(yield* pushes(`+${other}:refs/heads/topic`), [
        [...by, "refs/heads/topic", one, other, true, false, 1]
      ])
      assert.deepStrictEqual(yield* pushes(":refs/heads/topic", `${one}:refs/tags/v1`), [
        [...by, "refs/tags/v1", zeros, one, false, false, 0],
        [...by, "refs/heads/topic", other, zeros, false, true, 0]
      ])
    }).pipe(Effect.provide(onHttp({ people: { hubot: "write" } })))
  )
})
