import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Ref } from "effect"
import type { SqlClient } from "effect/sql"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import { SqlWriter, type Written } from "../../../../src/adapters/sql/SqlWriter.ts"
import type { Action, ActionResult } from "../../../../src/domain/Action.ts"
import { StoreUnavailable } from "../../../../src/domain/Errors.ts"
import type { EventDraft } from "../../../../src/domain/Event.ts"
import { act, agent, bare, commit, database, events, Folders, forgeOn, git, repository, stage, work } from "./OnGit.ts"
import { gitAs, serveOnly } from "./OnHttp.ts"

/** Lets a process "die": from that write on, nothing of it becomes durable. */
class Death extends Context.Service<Death, { readonly left: Ref.Ref<number> }>()("test/adapters/forge/local/Death") {
  static readonly layer = Layer.effectContext(
    Effect.gen(function* () {
      const writer = yield* SqlWriter
      const left = yield* Ref.make(Number.POSITIVE_INFINITY)
      const write = <A, E>(body: Effect.Effect<Written<A>, E, SqlClient.SqlClient>) =>
        Effect.flatMap(
          Ref.updateAndGet(left, (n) => n - 1),
          (n) => (n < 0 ? Effect.fail(new StoreUnavailable({ reason: "it is dead" })) : writer.write(body))
        )
      return Context.make(Death, Death.of({ left })).pipe(Context.add(SqlWriter, SqlWriter.of({ ...writer, write })))
    })
  )
}

const layer = Death.layer.pipe(Layer.provideMerge(Layer.merge(database, Folders.layer)))

/** Another process on the same folders and the same database, which tells first what the last one could not. */
const restarted = Effect.gen(function* () {
  const { left } = yield* Death
  yield* Ref.set(left, Number.POSITIVE_INFINITY)
  return Context.get(yield* Layer.build(forgeOn()), LocalForge)
})

/** One that dies after so many further writes. */
const restartedAs = Effect.fnUntraced(function* (writes: number) {
  const forge = yield* restarted
  yield* Ref.set((yield* Death).left, writes)
  return forge
})

const branch = `squadron/${agent}`
const told = (all: ReadonlyArray<EventDraft>) =>
  all.map(({ actor, causedBy, detail, subject }) => [detail._tag, actor.login, causedBy, subject.number])

const refs = Effect.map(bare, (folder) => git(folder, "for-each-ref", "--format=%(refname) %(objectname)"))

/** A pull request with an issue that it fixes; gives its commit. */
const prepared = Effect.gen(function* () {
  const first = yield* restarted
  yield* Effect.provideService(stage({ a: "a\n" }), LocalForge, first)
  const id = yield* work({ b: "b\n" })
  yield* first.open({ repository, title: "broken", body: "", labels: [], author: "mona" })
  yield* first.perform(act("push", 0, { _tag: "push", branch, commit: id, expected: null }))
  const pull = { title: "t", body: "Fixes #1", head: branch, base: "main", draft: false }
  yield* first.perform(act("open", 0, { _tag: "open_pull_request", ...pull }))
  return { id, next: yield* work({ b: "2\n" }, id) }
})

type Ids = { readonly id: string; readonly next: string }
const merge = (method: "squash" | "merge" | "rebase") => ({
  number: 2,
  action: ({ id }: Ids): Action => ({ _tag: "merge", method, commit: id, title: "t", body: "b" })
})

const actions: Readonly<Record<string, { readonly number: number; readonly action: (ids: Ids) => Action }>> = {
  "a push": { number: 0, action: ({ id, next }) => ({ _tag: "push", branch, commit: next, expected: id }) },
  "a push of a new branch": {
    number: 0,
    action: ({ next }) => ({ _tag: "push", branch: "squadron/new", commit: next, expected: null })
  },
  "a merge by squash": merge("squash"),
  "a merge by a merge commit": merge("merge"),
  "a merge by rebase": merge("rebase"),
  "the deletion of a branch": { number: 0, action: ({ id }) => ({ _tag: "delete_branch", branch, commit: id }) },
  "the opening of a pull request": {
    number: 0,
    action: () => ({ _tag: "open_pull_request", title: "u", body: "", head: branch, base: "other", draft: false })
  }
}

describe("a local forge that dies between git and its database", { timeout: 120_000 }, () => {
  for (const [name, { action, number }] of Object.entries(actions)) {
    it.live(`does ${name} once, wherever it died, when it is repeated`, () =>
      Effect.gen(function* () {
        /** What came of it, the process having died at this write, and how many writes there were. */
        const outcome = (at: number) =>
          Effect.gen(function* () {
            const ids = yield* prepared
            const forge = yield* restarted
            const { left } = yield* Death
            const { clone } = yield* Folders
            git(clone, "push", "-q", "origin", "origin/main:refs/heads/other")
            yield* forge.importRepository({ repository, from: clone, branch: "main" })
            const before = (yield* events).length
            yield* Ref.set(left, at)
            const draft = act("it", number, action(ids))
            const tried = yield* Effect.result(forge.perform(draft))
            const writes = at - (yield* Ref.get(left))
            const died = yield* refs
            const after = yield* restarted
            const result: ActionResult = yield* after.perform(draft)
            assert.deepStrictEqual(yield* after.perform(draft), result)
            const { issue } = { issue: yield* after.issue(repository, 1) }
            return {
              tried: tried._tag,
              writes,
              gitFirst: (yield* refs) === died,
              told: told((yield* events).slice(before)),
              result: Object.keys(result),
              issue: issue.state,
              pull: yield* Effect.map(after.pullRequest(repository, 2), ({ merged, state }) => [state, merged]),
              files: git(yield* bare, "ls-tree", "-r", "--name-only", "main"),
              commits: git(yield* bare, "rev-list", "--count", "main")
            }
          }).pipe(Effect.provide(layer, { local: true }))

        const whole = yield* outcome(1_000)
        assert.strictEqual(whole.tried, "Success")
        for (let at = 0; at < whole.writes; at++) {
          const cut = yield* outcome(at)
          assert.strictEqual(cut.tried, "Failure", `it died at write ${at + 1} of ${whole.writes}`)
          const same = { ...whole, tried: cut.tried, writes: cut.writes, gitFirst: cut.gitFirst }
          assert.deepStrictEqual(cut, same, `it died at write ${at + 1} of ${whole.writes}`)
          // The last write follows what git did; a case that never gets there would prove nothing.
          if (at === whole.writes - 1 && at > 0) assert.isTrue(cut.gitFirst)
        }
      })
    )
  }

  it.live("tells of a person's push that git took, by that person, when it starts again", () =>
    Effect.gen(function* () {
      const { id } = yield* prepared
      const { clone } = yield* Folders
      const theirs = yield* commit("theirs", { c: "c\n" }, id)
      const before = (yield* events).length
      // Its intent is written; what follows from the push is not.
      const forge = yield* restartedAs(1)
      const pushed = yield* pushThrough(forge, clone, `${theirs}:refs/heads/${branch}`)
      assert.notStrictEqual(pushed.code, 0)
      assert.strictEqual(git(yield* bare, "rev-parse", branch), theirs)
      assert.strictEqual((yield* events).length, before)
      const after = yield* restarted
      assert.deepStrictEqual(told((yield* events).slice(before)), [
        ["push", "hubot", null, 0],
        ["pull_request.synchronized", "hubot", null, 2]
      ])
      assert.strictEqual((yield* after.pullRequest(repository, 2)).head.sha, theirs)
      yield* restarted
      assert.strictEqual((yield* events).length, before + 2)
    }).pipe(Effect.provide(layer))
  )

  it.live("does what was done before it died not again, whatever others did since", () =>
    Effect.gen(function* () {
      const { id, next } = yield* prepared
      const folder = yield* bare
      const push = act("it", 0, { _tag: "push", branch, commit: next, expected: id })
      yield* Effect.flip((yield* restartedAs(1)).perform(push))
      assert.strictEqual(git(folder, "rev-parse", branch), next)
      const forge = yield* restarted
      // Somebody takes it back: the same action would find the branch where it expects it.
      yield* forge.perform(act("back", 0, { _tag: "push", branch, commit: id, expected: next }))
      assert.deepStrictEqual(yield* forge.perform(push), { commit: next })
      assert.strictEqual(git(folder, "rev-parse", branch), id)
    }).pipe(Effect.provide(layer))
  )

  it.live("takes an agent's branch back to an earlier commit also when git had not begun", () =>
    Effect.gen(function* () {
      const { id, next } = yield* prepared
      const folder = yield* bare
      const forge = yield* restarted
      yield* forge.perform(act("on", 0, { _tag: "push", branch, commit: next, expected: id }))
      const before = (yield* events).length
      const back = act("back", 0, { _tag: "push", branch, commit: id, expected: next })
      yield* Effect.flip((yield* restartedAs(1)).perform(back))
      git(folder, "update-ref", `refs/heads/${branch}`, next)
      const after = yield* restarted
      assert.strictEqual((yield* events).length, before)
      assert.deepStrictEqual(yield* after.perform(back), { commit: id })
      assert.strictEqual(git(folder, "rev-parse", branch), id)
    }).pipe(Effect.provide(layer))
  )

  it.live("forgets a push that git never began", () =>
    Effect.gen(function* () {
      yield* prepared
      const forge = yield* restartedAs(1)
      const before = (yield* events).length
      const at = { repository, number: 2, author: "mona", method: "squash" } as const
      // Dies with its intent written and git done; then the branch is put back by hand, as if git had done nothing.
      yield* Effect.flip(forge.mergePull(at))
      const main = git(yield* bare, "rev-parse", "main^")
      git(yield* bare, "update-ref", "refs/heads/main", main)
      const after = yield* restarted
      assert.strictEqual((yield* events).length, before)
      assert.strictEqual((yield* after.pullRequest(repository, 2)).state, "open")
      assert.isTrue((yield* after.mergePull(at)).merged)
    }).pipe(Effect.provide(layer))
  )
})

/** Pushes as hubot to this forge, over HTTP. */
const pushThrough = Effect.fnUntraced(function* (forge: LocalForge["Service"], clone: string, refspec: string) {
  const { url } = yield* serveOnly(forge)
  return yield* gitAs(clone, ["push", `${url.replace("http://", "http://hubot:x@")}/${repository}.git`, refspec])
})
