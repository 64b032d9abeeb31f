import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import type { Action } from "../../../../src/domain/Action.ts"
import type { EventDraft } from "../../../../src/domain/Event.ts"
import {
  act,
  agent,
  appended,
  bare,
  commit,
  type Files,
  Folders,
  git,
  onGit,
  repository,
  stage,
  work
} from "./OnGit.ts"
import { onHttp, pushAs } from "./OnHttp.ts"

const branch = `squadron/${agent}`
const mona = { author: "mona" }

const perform = (key: string, number: number, action: Action) =>
  LocalForge.use((forge) => forge.perform(act(key, number, action)))
const push = (key: string, head: string, id: string, expected: string | null = null) =>
  perform(key, 0, { _tag: "push", branch: head, commit: id, expected })

/** Opens a pull request of one commit with these files, from a branch of this name. */
const open = Effect.fnUntraced(function* (
  files: Files,
  options: { readonly head?: string; readonly body?: string; readonly base?: string } = {}
) {
  const head = options.head ?? branch
  const id = yield* work(files, options.base === undefined ? undefined : `origin/${options.base}`)
  yield* push(`push ${head}`, head, id)
  const { pullRequest = 0 } = yield* perform(`open ${head}`, 0, {
    _tag: "open_pull_request",
    title: `From ${head}`,
    body: options.body ?? "",
    head,
    base: options.base ?? "main",
    draft: false
  })
  return { number: pullRequest, commit: id }
})

const merge = (number: number, id: string, method: "squash" | "merge" | "rebase" = "squash") =>
  perform(`merge ${number} ${method}`, number, { _tag: "merge", method, commit: id, title: "It (#1)", body: "Why." })

const tags = (told: ReadonlyArray<EventDraft>) =>
  told.map(({ detail, subject }) => [detail._tag, subject.kind, subject.number])

const log = (format: string, ref = "main") =>
  Effect.map(bare, (folder) => git(folder, "log", "--topo-order", "--reverse", `--format=${format}`, ref).split("\n"))

describe("pull requests of the local forge", { timeout: 60_000 }, () => {
  it.live("tells of opening, changing, labeling and closing, whole and attributed", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ a: "a\n" })
      const id = yield* commit("topic", { b: "b\n" })
      yield* pushAs("hubot", `${id}:refs/heads/topic`)
      const main = git(yield* bare, "rev-parse", "main")
      const asked = { repository, title: "Add b", body: "b", head: "topic", base: "main", draft: true, author: "hubot" }
      const [opened] = yield* appended(forge.openPull(asked))
      const seen = {
        title: "Add b",
        body: "b",
        state: "open",
        author: "hubot",
        labels: [],
        draft: true,
        merged: false,
        head: { ref: "topic", sha: id },
        base: { ref: "main", sha: main },
        trust: "write"
      } as const
      assert.deepInclude(opened, {
        key: "local:acme/app#1:1",
        actor: { login: "hubot", kind: "person", trust: "write" },
        subject: { repository, kind: "pull_request", number: 1 },
        causedBy: null,
        detail: { _tag: "pull_request.opened", pullRequest: seen }
      })
      const one = { repository, number: 1, ...mona }
      const told = yield* appended(
        Effect.all([
          forge.label({ ...one, add: ["bug"], remove: [] }),
          perform("ready", 1, { _tag: "update_pull_request", title: null, body: null, draft: false }),
          forge.edit({ ...one, author: "stranger", title: "Add a b" }),
          forge.comment({ ...one, body: "hm" }),
          forge.assign({ ...one, assignees: ["hubot"] }),
          forge.closePull(one),
          forge.reopenPull(one),
          forge.label({ ...one, add: [], remove: ["bug"] })
        ])
      )
      const labeled = { ...seen, labels: ["bug"] }
      const edited = { ...labeled, draft: false, title: "Add a b", trust: "read" }
      const details = told.map(({ detail }) => detail)
      assert.deepStrictEqual(details[0], { _tag: "pull_request.labeled", pullRequest: labeled, label: "bug" } as never)
      assert.deepStrictEqual(details[1], {
        _tag: "pull_request.edited",
        pullRequest: { ...labeled, draft: false }
      } as never)
      assert.deepStrictEqual(details[2], { _tag: "pull_request.edited", pullRequest: edited } as never)
      assert.deepStrictEqual(
        details.slice(3, 5).map(({ _tag }) => _tag),
        ["comment.created", "other"]
      )
      assert.deepStrictEqual(details[5], {
        _tag: "pull_request.closed",
        pullRequest: { ...edited, state: "closed" }
      } as never)
      assert.deepStrictEqual(details[6], { _tag: "pull_request.opened", pullRequest: edited } as never)
      assert.strictEqual(details[7]?._tag, "pull_request.unlabeled")
      assert.isTrue(told.every(({ subject }) => subject.kind === "pull_request"))
      assert.deepInclude(yield* forge.pullRequest(repository, 1), { author: "hubot", editor: "stranger", draft: false })
    }).pipe(Effect.provide(onHttp({ people: { hubot: "write", stranger: "read" } })))
  )

  it.live("follows pushes of people and of agents to its branch, and to its base", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ a: "a\n" })
      const { commit: one } = yield* open({ b: "b\n" })
      const two = yield* work({ b: "2\n" }, one)
      const byAgent = yield* appended(push("two", branch, two, one))
      assert.deepStrictEqual(tags(byAgent), [
        ["push", "repository", 0],
        ["pull_request.synchronized", "pull_request", 1]
      ])
      assert.deepStrictEqual(
        byAgent.map(({ actor, causedBy }) => [actor.login, causedBy]),
        [
          [agent, agent],
          [agent, agent]
        ]
      )
      const three = yield* commit("mine", { c: "c\n" }, two)
      const byPerson = yield* appended(pushAs("mona", `${three}:refs/heads/${branch}`))
      assert.deepStrictEqual(tags(byPerson), tags(byAgent))
      for (const { actor } of byPerson) {
        assert.deepStrictEqual(actor, { login: "mona", kind: "person", trust: "admin" })
      }
      const [, synchronized] = byPerson
      assert(synchronized?.detail._tag === "pull_request.synchronized")
      assert.deepStrictEqual(synchronized.detail.pullRequest.head, { ref: branch, sha: three })
      // The pull request's text is its agent's still, whoever pushes.
      assert.strictEqual(synchronized.detail.pullRequest.trust, "write")
      const base = yield* commit("base", { z: "z\n" })
      assert.deepStrictEqual(tags(yield* appended(pushAs("mona", `${base}:refs/heads/main`))), [
        ["push", "repository", 0]
      ])
      assert.deepStrictEqual((yield* forge.pullRequest(repository, 1)).base, { ref: "main", sha: base })
      assert.strictEqual(git(yield* bare, "rev-parse", "refs/pull/1/head"), three)
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("merges by squash: one commit by who wrote it, with the title and text that were asked for", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const { commit: one, number } = yield* open({ b: "b\n" })
      const two = yield* work({ c: "c\n" }, one)
      yield* push("two", branch, two, one)
      const before = yield* log("%H")
      const told = yield* appended(merge(number, two))
      assert.deepStrictEqual(tags(told), [
        ["push", "repository", 0],
        ["pull_request.closed", "pull_request", number]
      ])
      const [pushed, closed] = told
      assert(pushed?.detail._tag === "push" && closed?.detail._tag === "pull_request.closed")
      assert.deepInclude(pushed.detail, { ref: "refs/heads/main", before: before[0] ?? "", forced: false })
      assert.deepStrictEqual(pushed.detail.commits[0]?.added, ["b", "c"])
      assert.deepInclude(closed.detail.pullRequest, { state: "closed", merged: true, draft: false })
      assert.deepStrictEqual(closed.detail.pullRequest.base, { ref: "main", sha: before[0] ?? "" })
      assert.deepStrictEqual((yield* log("%an <%ae>|%cn|%P|%s|%b")).slice(1), [
        `mona <mona@example.com>|squadron|${before[0]}|It (#1)|Why.`
      ])
    }).pipe(Effect.provide(onGit()))
  )

  it.live("names all who wrote a squashed change", () =>
    Effect.gen(function* () {
      const { clone } = yield* Folders
      yield* stage({ a: "a\n" })
      const { commit: one, number } = yield* open({ b: "b\n" })
      git(clone, "checkout", "-q", "-B", "more", one)
      git(clone, "commit", "-q", "--allow-empty", "-m", "more", "--author=Ada <ada@example.com>")
      const two = git(clone, "rev-parse", "HEAD")
      git((yield* Folders).mirror, "fetch", "-q", clone, "+more:refs/squadron/more")
      yield* push("two", branch, two, one)
      yield* merge(number, two)
      const message = git(yield* bare, "log", "-1", "--format=%an%n%B", "main")
      assert.strictEqual(message, "mona\nIt (#1)\n\nWhy.\n\nCo-authored-by: Ada <ada@example.com>")
    }).pipe(Effect.provide(onGit()))
  )

  it.live("merges by a merge commit of both, by who merges", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ a: "a\n" })
      const { commit: id, number } = yield* open({ b: "b\n" })
      const before = yield* log("%H")
      const told = yield* appended(forge.mergePull({ repository, number, author: "mona", method: "merge" }))
      assert.deepStrictEqual(
        told.map(({ actor }) => actor.login),
        ["mona", "mona"]
      )
      assert.strictEqual((yield* log("%an|%cn|%P|%s")).at(-1), `mona|squadron|${before[0]} ${id}|From ${branch} (#1)`)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("merges by rebase: each commit with its author, date and message on top, less what is there already", () =>
    Effect.gen(function* () {
      const { clone } = yield* Folders
      yield* stage({ a: "a\n", shared: "1\n" })
      const { commit: one, number } = yield* open({ b: "b\n" })
      const two = yield* work({ shared: "2\n" }, one, "Count on")
      git(clone, "checkout", "-q", "-B", "more", two)
      git(
        clone,
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "Zoë's\n\nbody",
        "--author=Zoë <zoe@example.com>",
        "--date=@86400 +0200"
      )
      const three = git(clone, "rev-parse", "HEAD")
      git((yield* Folders).mirror, "fetch", "-q", clone, "+more:refs/squadron/more")
      yield* push("three", branch, three, one)
      // Somebody else made the second change too.
      const base = yield* commit("base", { shared: "2\n", z: "z\n" }, undefined, "Same")
      yield* pushAs("mona", `${base}:refs/heads/main`)
      const { commit: top } = yield* merge(number, three, "rebase")
      const done = yield* log("%an|%ad|%cn|%s|%b")
      assert.match(done[2] ?? "", /^mona\|.*\|squadron\|change b\|$/)
      assert.deepStrictEqual(done.slice(3), ["Zoë|Fri Jan 2 02:00:00 1970 +0200|squadron|Zoë's|body"])
      const folder = yield* bare
      assert.strictEqual(git(folder, "rev-parse", "main"), top)
      assert.strictEqual(git(folder, "rev-parse", "main~2"), base)
      assert.deepStrictEqual(git(folder, "ls-tree", "--name-only", "main").split("\n"), ["a", "b", "shared", "z"])
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("does not rebase what would lose a change that a merge made", () =>
    Effect.gen(function* () {
      const { clone, mirror } = yield* Folders
      yield* stage({ a: "a\n" })
      const { commit: one, number } = yield* open({ b: "b\n" })
      const base = yield* commit("base", { z: "z\n" })
      yield* pushAs("mona", `${base}:refs/heads/main`)
      git(clone, "checkout", "-q", "-B", "resolved", one)
      git(clone, "merge", "-q", "--no-commit", base)
      git(clone, "mv", "b", "c")
      git(clone, "commit", "-q", "-m", "Both, and more")
      const two = git(clone, "rev-parse", "HEAD")
      git(mirror, "fetch", "-q", clone, "+resolved:refs/squadron/resolved")
      yield* push("two", branch, two, one)
      const error = yield* Effect.flip(merge(number, two, "rebase"))
      assert.include(error.message, "has merges that change files")
      assert.isFalse(error.retryable)
      yield* merge(number, two, "squash")
      assert.deepStrictEqual(git(yield* bare, "ls-tree", "--name-only", "main").split("\n"), ["a", "c", "z"])
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("merges one of two that conflict, and says of the other where", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ "src/ä.txt": "1\n", "src/b.txt": "1\n", other: "1\n" })
      const one = yield* open({ "src/ä.txt": "one\n", "src/b.txt": "one\n" }, { head: "squadron/one" })
      const two = yield* open({ "src/ä.txt": "two\n", "src/b.txt": "two\n", other: "2\n" }, { head: "squadron/two" })
      const mergeable = Effect.map(forge.pullRequest(repository, two.number), (pull) => pull.mergeable)
      assert.isTrue(yield* mergeable)
      yield* merge(one.number, one.commit)
      assert.isFalse(yield* mergeable)
      const main = git(yield* bare, "rev-parse", "main")
      for (const method of ["squash", "merge", "rebase"] as const) {
        const error = yield* Effect.flip(merge(two.number, two.commit, method))
        assert.include(
          error.message,
          `acme/app#2 conflicts with its base, which is at ${main}, in src/b.txt, src/ä.txt`
        )
        assert.notInclude(error.message, "other")
        assert.isFalse(error.retryable)
      }
      assert.strictEqual(git(yield* bare, "rev-parse", "main"), main)
      // Its agent resolves it, as it is asked to.
      const { clone, mirror } = yield* Folders
      git(clone, "fetch", "-q", "origin")
      git(clone, "checkout", "-q", "-B", "resolved", two.commit)
      git(clone, "merge", "-q", "-s", "ours", "origin/main")
      const resolved = git(clone, "rev-parse", "HEAD")
      git(mirror, "fetch", "-q", clone, "+resolved:refs/squadron/resolved")
      yield* push("resolved", "squadron/two", resolved, two.commit)
      assert.isTrue(yield* mergeable)
      yield* perform("merge again", two.number, {
        _tag: "merge",
        method: "squash",
        commit: resolved,
        title: "t",
        body: ""
      })
      assert.strictEqual(git(yield* bare, "show", "main:src/b.txt"), "two")
    }).pipe(Effect.provide(onGit()))
  )

  it.live("merges on top of what came to the base meanwhile", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const pulls = yield* Effect.forEach(["one", "two", "three"], (name) =>
        open({ [name]: `${name}\n` }, { head: `squadron/${name}` })
      )
      yield* Effect.forEach(pulls, ({ commit: id, number }) => merge(number, id), { concurrency: "unbounded" })
      const folder = yield* bare
      assert.deepStrictEqual(git(folder, "ls-tree", "--name-only", "main").split("\n"), ["a", "one", "three", "two"])
      assert.strictEqual((yield* log("%H")).length, 4)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("gives the first commit again to a merge by another key, and refuses one of another commit", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const { commit: id, number } = yield* open({ b: "b\n" })
      const done = yield* merge(number, id)
      const again = { _tag: "merge", method: "merge", commit: id, title: "t", body: "" } as const
      assert.deepStrictEqual(yield* perform("again", number, again), done)
      const other = yield* Effect.flip(perform("other", number, { ...again, commit: "1".repeat(40) }))
      assert.include(other.message, `is at ${id} and not at ${"1".repeat(40)}`)
      assert.strictEqual((yield* log("%H")).length, 2)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("counts as merged what somebody brought to the base themselves", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const { clone } = yield* Folders
      yield* stage({ a: "a\n" })
      const { commit: id } = yield* open({ b: "b\n" }, { head: "squadron/one" })
      yield* open({ c: "c\n" }, { head: "squadron/two" })
      git(clone, "checkout", "-q", "-B", "mine", "origin/main")
      git(clone, "merge", "-q", "--no-ff", "-m", "By hand", id)
      const told = yield* appended(pushAs("mona", "mine:refs/heads/main"))
      assert.deepStrictEqual(tags(told), [
        ["push", "repository", 0],
        ["pull_request.closed", "pull_request", 1]
      ])
      assert.deepInclude(yield* forge.pullRequest(repository, 1), {
        merged: true,
        mergeCommit: git(clone, "rev-parse", "mine")
      })
      assert.strictEqual((yield* forge.pullRequest(repository, 2)).state, "open")
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("closes a pull request whose branch is deleted, and opens it again once the branch is back", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ a: "a\n" })
      const { commit: id, number } = yield* open({ b: "b\n" })
      const told = yield* appended(pushAs("mona", `:refs/heads/${branch}`))
      assert.deepStrictEqual(tags(told), [
        ["push", "repository", 0],
        ["pull_request.closed", "pull_request", number]
      ])
      assert.deepInclude(yield* forge.pullRequest(repository, number), { state: "closed", merged: false })
      const merging = yield* Effect.flip(merge(number, id))
      assert.include(merging.message, "is closed")
      const at = { repository, number, ...mona }
      const early = yield* Effect.flip(forge.reopenPull(at))
      assert.include(early.message, `has no branch ${branch}`)
      // Its commits are kept, so whoever wants them has them.
      assert.strictEqual(git(yield* bare, "rev-parse", `refs/pull/${number}/head`), id)
      const two = yield* work({ b: "2\n" }, id)
      yield* push("again", branch, two)
      const open_ = yield* forge.reopenPull(at)
      assert.deepInclude(open_, { state: "open", mergeable: true })
      assert.strictEqual(open_.head.sha, two)
      yield* merge(number, two)
      assert.include((yield* Effect.flip(forge.reopenPull(at))).message, "is merged")
    }).pipe(Effect.provide(onHttp()))
  )

  it.live("closes the issues that it says it fixes, by who merged, when it comes to the default branch", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ a: "a\n" })
      for (const title of ["one", "two", "three"])
        yield* forge.open({ repository, title, body: "", labels: [], ...mona })
      const side = yield* work({ s: "s\n" })
      yield* push("side", "side", side)
      const aside = yield* open({ x: "x\n" }, { head: "squadron/x", base: "side", body: "Fixes #3" })
      assert.isFalse(tags(yield* appended(merge(aside.number, aside.commit))).some(([tag]) => tag === "issue.closed"))
      const body = "Fixes #1, see #3.\n\nresolves: acme/app#2, closes #99, closes other/repo#3, fixes #4"
      const pull = yield* open({ b: "b\n" }, { head: "squadron/y", body })
      const told = yield* appended(merge(pull.number, pull.commit))
      assert.deepStrictEqual(tags(told).slice(2), [
        ["issue.closed", "issue", 1],
        ["issue.closed", "issue", 2]
      ])
      assert.deepStrictEqual(
        told.map(({ causedBy, depth }) => [causedBy, depth]),
        told.map(() => [agent, 1])
      )
      const states = yield* Effect.forEach([1, 2, 3], (n) =>
        Effect.map(forge.issue(repository, n), ({ state }) => state)
      )
      assert.deepStrictEqual(states, ["closed", "closed", "open"])
    }).pipe(Effect.provide(onGit()))
  )

  it.live("refuses for a person what makes no sense, and what they may not do", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ a: "a\n" })
      const { number } = yield* open({ b: "b\n" })
      const asked = { repository, title: "t", body: "", head: branch, base: "main", draft: false, ...mona }
      const at = { repository, number, ...mona }
      const refused: ReadonlyArray<readonly [Effect.Effect<unknown, { readonly message: string }>, string]> = [
        [forge.openPull(asked), `acme/app#1 is open already for ${branch} into main`],
        [forge.openPull({ ...asked, head: "gone" }), "acme/app has no branch gone"],
        [forge.openPull({ ...asked, head: "main" }), "main into itself"],
        [forge.openPull({ ...asked, repository: "acme/none" }), "no git repository acme/none; there is acme/app"],
        [forge.openPull({ ...asked, head: "main", base: branch }), "no commits between"],
        [forge.mergePull({ ...at, author: "reader", method: "squash" }), "reader may not merge into acme/app"],
        [forge.closePull({ ...at, number: 9 }), "There is no pull request acme/app#9"],
        [forge.reopenPull({ ...at, number: 9 }), "There is no pull request acme/app#9"],
        [forge.dismissReview({ ...at, review: 9 }), "acme/app#1 has no review 9"],
        [forge.reopen(at), "acme/app#1 is a pull request"],
        [forge.review({ ...at, verdict: "approve", body: "x".repeat(65_537), comments: [] }), "at most 65,536"]
      ]
      for (const [effect, problem] of refused) assert.include((yield* Effect.flip(effect)).message, problem)
      yield* forge.open({ repository, title: "issue", body: "", labels: [], ...mona })
      assert.strictEqual((yield* Effect.flip(forge.pullRequest(repository, 2)))._tag, "PullRequestNotFound")
    }).pipe(Effect.provide(onGit({ people: { reader: "read" } })))
  )
})
