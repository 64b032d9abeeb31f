import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Layer } from "effect"
import type { Action, ActionDraft } from "../../src/domain/Action.ts"
import { branchOfAgent } from "../../src/domain/branches.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Forge } from "../../src/services/Forge.ts"

const repository = "acme/app"
const agent = "coder-1-e1"
const branch = branchOfAgent(agent)

/** What a suite needs besides the forge: a repository, people who push to it, and Squadron's mirror. */
export type Stage<R> = {
  /** Makes `acme/app` with these files on its default branch `main`. */
  start(files: Readonly<Record<string, string>>): Effect.Effect<unknown, unknown, R>
  /** A person commits files on top of `from` (`main` unless told) and pushes that to `branch`; gives the commit. */
  push(branch: string, files: Readonly<Record<string, string>>, from?: string): Effect.Effect<string, unknown, R>
  /** A commit on top of `from`, a commit or a branch of the forge (`main` unless told), that only the mirror has. */
  work(files: Readonly<Record<string, string>>, from?: string): Effect.Effect<string, unknown, R>
  /** The files of a branch of the forge by their paths, null where there is no such branch. */
  files(branch: string): Effect.Effect<Readonly<Record<string, string>> | null, unknown, R>
}

/** An action of one agent on pull request `number`, or on the repository for 0. */
const draft = (key: string, number: number, action: Action): ActionDraft => ({
  key,
  subject: number === 0 ? Subject.repository(repository) : Subject.pullRequest(repository, number),
  agent,
  depth: 1,
  action
})

const nowhere = "1".repeat(40)
const opening = { title: "Add b", body: "It adds b.", head: branch, base: "main", draft: false }

const perform = (key: string, number: number, action: Action) =>
  Effect.flatMap(Forge, (forge) => forge.perform(draft(key, number, action)))

/** Fails for good, in words that have these parts. */
const refused = Effect.fnUntraced(function* (key: string, number: number, action: Action, ...parts: Array<string>) {
  const error = yield* Effect.flip(perform(key, number, action))
  assert.strictEqual(error._tag, "ForgeError")
  assert.isFalse(error.retryable, error.message)
  for (const part of parts) assert.include(error.message, part)
})

/** What every forge with branches and pull requests promises. `layer` gives an empty one each time that it is built. */
export const pullSuite = <E, R>(name: string, layer: Layer.Layer<Forge | R, E>, stage: Stage<R>) => {
  const push = (commit: string, expected: string | null, key = `push ${commit}`) =>
    perform(key, 0, { _tag: "push", branch, commit, expected })
  /** A pull request of the agent's work, one commit on top of `main`. */
  const opened = Effect.fnUntraced(function* (files: Readonly<Record<string, string>> = { b: "b\n" }) {
    yield* stage.start({ a: "a\n" })
    const commit = yield* stage.work(files)
    yield* push(commit, null)
    const { pullRequest } = yield* perform("open", 0, { _tag: "open_pull_request", ...opening })
    assert(pullRequest !== undefined, "open_pull_request names the pull request")
    return { number: pullRequest, commit }
  })
  const merging = (commit: string, method: "squash" | "merge" = "squash"): Action => ({
    _tag: "merge",
    method,
    commit,
    title: "Add b (#1)",
    body: ""
  })

  describe(`${name}, pull requests`, { timeout: 60_000 }, () => {
    it.live("sets a branch to a commit of the mirror where it is where it is expected, and nowhere else", () =>
      Effect.gen(function* () {
        yield* stage.start({ a: "a\n" })
        const one = yield* stage.work({ b: "one\n" })
        assert.deepStrictEqual(yield* push(one, null), { commit: one })
        assert.deepStrictEqual(yield* stage.files(branch), { a: "a\n", b: "one\n" })
        const two = yield* stage.work({ b: "two\n" }, one)
        yield* refused("stale", 0, { _tag: "push", branch, commit: two, expected: null }, branch, one, "not there")
        yield* refused("stale", 0, { _tag: "push", branch, commit: two, expected: nowhere }, one, nowhere)
        yield* push(two, one)
        // It was not rejected for its base alone: an agent's branch may be written anew.
        const three = yield* stage.work({ b: "three\n" })
        yield* push(three, two)
        assert.deepStrictEqual(yield* stage.files(branch), { a: "a\n", b: "three\n" })
        yield* refused("unknown", 0, { _tag: "push", branch, commit: nowhere, expected: three }, nowhere)
      }).pipe(Effect.provide(layer))
    )

    it.live("never overwrites what a person pushed meanwhile", () =>
      Effect.gen(function* () {
        yield* stage.start({ a: "a\n" })
        const one = yield* stage.work({ b: "one\n" })
        yield* push(one, null)
        const theirs = yield* stage.push(branch, { c: "theirs\n" }, branch)
        const two = yield* stage.work({ b: "two\n" }, one)
        yield* refused("push", 0, { _tag: "push", branch, commit: two, expected: one }, one, theirs)
        assert.deepStrictEqual(yield* stage.files(branch), { a: "a\n", b: "one\n", c: "theirs\n" })
      }).pipe(Effect.provide(layer))
    )

    it.live("takes a branch that is at the commit already for pushed", () =>
      Effect.gen(function* () {
        yield* stage.start({ a: "a\n" })
        const one = yield* stage.work({ b: "one\n" })
        yield* push(one, null, "first")
        assert.deepStrictEqual(yield* push(one, null, "second"), { commit: one })
      }).pipe(Effect.provide(layer))
    )

    it.live("opens a pull request and shows it as it was asked for, among the pull requests alone", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { commit, number } = yield* opened()
        const pull = yield* forge.pullRequest(repository, number)
        const { body, title } = opening
        assert.deepInclude(pull, { repository, number, title, body, agent, state: "open", draft: false })
        assert.deepInclude(pull, { merged: false, mergeCommit: null, labels: [], editor: null })
        assert.deepStrictEqual(pull.head, { ref: branch, sha: commit, repository })
        assert.strictEqual(pull.base.ref, "main")
        const listed = yield* forge.pullRequests({ repository, state: "open", head: branch, limit: 10 })
        assert.deepStrictEqual(
          listed.map((one) => one.number),
          [number]
        )
        assert.deepStrictEqual(yield* forge.pullRequests({ repository, head: "main", limit: 10 }), [])
        assert.deepStrictEqual(yield* forge.pullRequests({ repository, state: "closed", limit: 10 }), [])
        assert.isTrue((yield* forge.issue(repository, number)).pullRequest)
        assert.deepStrictEqual(yield* forge.issues({ repository, limit: 10 }), [])
        const { issue } = yield* perform("issue", 0, { _tag: "open_issue", title: "next", body: "", labels: [] })
        assert.isAbove(issue ?? 0, number)
      }).pipe(Effect.provide(layer))
    )

    it.live("opens it once for its key, and changes the open one of the same branches by another", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { number } = yield* opened()
        const action: Action = { _tag: "open_pull_request", ...opening, title: "Add b again", body: "Better." }
        assert.deepStrictEqual(yield* perform("open", 0, action), { pullRequest: number })
        assert.strictEqual((yield* forge.pullRequest(repository, number)).title, opening.title)
        assert.deepStrictEqual(yield* perform("again", 0, action), { pullRequest: number })
        assert.deepInclude(yield* forge.pullRequest(repository, number), { title: "Add b again", body: "Better." })
        assert.strictEqual((yield* forge.pullRequests({ repository, limit: 10 })).length, 1)
      }).pipe(Effect.provide(layer))
    )

    it.live("refuses a pull request of a branch that is not there, or that has nothing new", () =>
      Effect.gen(function* () {
        yield* stage.start({ a: "a\n" })
        yield* stage.push("idle", {}, "main")
        yield* refused("gone", 0, { _tag: "open_pull_request", ...opening })
        yield* refused("base", 0, { _tag: "open_pull_request", ...opening, head: "idle", base: "gone" })
        const forge = yield* Forge
        assert.deepStrictEqual(yield* forge.pullRequests({ repository, limit: 10 }), [])
      }).pipe(Effect.provide(layer))
    )

    it.live("changes title, body and draft, each alone", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { number } = yield* opened()
        const seen = Effect.map(forge.pullRequest(repository, number), ({ body, draft, title }) => [title, body, draft])
        const change = { _tag: "update_pull_request", title: null, body: null, draft: null } as const
        yield* perform("title", number, { ...change, title: "Other" })
        assert.deepStrictEqual(yield* seen, ["Other", opening.body, false])
        yield* perform("body", number, { ...change, body: "Other body." })
        assert.deepStrictEqual(yield* seen, ["Other", "Other body.", false])
        yield* perform("draft", number, { ...change, draft: true })
        assert.deepStrictEqual(yield* seen, ["Other", "Other body.", true])
        yield* perform("ready", number, { ...change, draft: false })
        assert.deepStrictEqual(yield* seen, ["Other", "Other body.", false])
      }).pipe(Effect.provide(layer))
    )

    it.live("follows what is pushed to its branch", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { commit, number } = yield* opened()
        const two = yield* stage.work({ b: "two\n" }, commit)
        yield* push(two, commit)
        assert.strictEqual((yield* forge.pullRequest(repository, number)).head.sha, two)
        const theirs = yield* stage.push(branch, { c: "theirs\n" }, branch)
        assert.strictEqual((yield* forge.pullRequest(repository, number)).head.sha, theirs)
      }).pipe(Effect.provide(layer))
    )

    it.live("takes comments and labels on a pull request", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { number } = yield* opened()
        yield* perform("say", number, { _tag: "comment", body: "hello" })
        yield* perform("label", number, { _tag: "add_labels", labels: ["bug"] })
        const said = yield* forge.comments(repository, number)
        assert.deepStrictEqual(
          said.map((comment) => [comment.agent, comment.body]),
          [[agent, "hello"]]
        )
        assert.deepStrictEqual((yield* forge.pullRequest(repository, number)).labels, ["bug"])
      }).pipe(Effect.provide(layer))
    )

    it.live("keeps each role's review with its verdict, commit and line comments, once for its key", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { commit, number } = yield* opened()
        const review = {
          _tag: "review",
          commit,
          body: "Why?",
          comments: [{ path: "b", line: 1, body: "Here." }]
        } as const
        const asks = { ...review, role: "reviewer", verdict: "request_changes" } as const
        const first = yield* perform("review", number, asks)
        assert.deepStrictEqual(yield* perform("review", number, asks), first)
        yield* perform("other", number, { ...review, role: "tester", verdict: "approve", body: "Good.", comments: [] })
        const reviews = yield* forge.reviews(repository, number)
        assert.deepStrictEqual(
          reviews.map(({ body, commit, dismissed, role, verdict }) => [role, verdict, body, commit, dismissed]),
          [
            ["reviewer", "request_changes", "Why?", commit, false],
            ["tester", "approve", "Good.", commit, false]
          ]
        )
        assert.deepStrictEqual(
          reviews.map((one) => [one.agent, one.id === first.review]),
          [
            [agent, true],
            [agent, false]
          ]
        )
        const lines = yield* forge.reviewComments(repository, number)
        assert.deepStrictEqual(
          lines.map((one) => [one.agent, one.body, one.path, one.line, one.inReplyTo, one.review]),
          [[agent, "Here.", "b", 1, null, first.review]]
        )
      }).pipe(Effect.provide(layer))
    )

    it.live("answers a review comment in its thread", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { commit, number } = yield* opened()
        const comments = [{ path: "b", line: 1, body: "Here." }]
        const review = {
          _tag: "review",
          role: "reviewer",
          verdict: "comment",
          commit,
          body: "Look.",
          comments
        } as const
        yield* perform("review", number, review)
        const [line] = yield* forge.reviewComments(repository, number)
        const reply = { _tag: "reply_review", comment: line?.id ?? 0, body: "Done." } as const
        const done = yield* perform("reply", number, reply)
        assert.deepStrictEqual(yield* perform("reply", number, reply), done)
        const all = yield* forge.reviewComments(repository, number)
        assert.deepStrictEqual(
          all.map(({ body, inReplyTo, path }) => [body, inReplyTo, path]),
          [
            ["Here.", null, "b"],
            ["Done.", line?.id ?? 0, "b"]
          ]
        )
        yield* refused("nowhere", number, { ...reply, comment: 999_999 }, "999999")
      }).pipe(Effect.provide(layer))
    )

    it.live("keeps the newest of each check of a commit", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { commit } = yield* opened()
        const check = { _tag: "set_check", name: "gate/coder", commit, conclusion: "pending", summary: "runs" } as const
        yield* perform("pending", 0, check)
        const runs = { name: "gate/coder", commit, conclusion: "pending", summary: "runs" } as const
        assert.deepStrictEqual(yield* forge.checks(repository, commit), [runs])
        yield* perform("done", 0, { ...check, conclusion: "success", summary: "12 tests" })
        yield* perform("other", 0, { ...check, name: "lint", conclusion: "failure", summary: "2 problems" })
        const checks = yield* forge.checks(repository, commit)
        assert.deepStrictEqual(
          checks.toSorted((a, b) => a.name.localeCompare(b.name)),
          [
            { name: "gate/coder", commit, conclusion: "success", summary: "12 tests" },
            { name: "lint", commit, conclusion: "failure", summary: "2 problems" }
          ]
        )
        assert.deepStrictEqual(yield* forge.checks(repository, nowhere), [])
      }).pipe(Effect.provide(layer))
    )

    for (const method of ["squash", "merge"] as const) {
      it.live(`merges by ${method}, once for its key`, () =>
        Effect.gen(function* () {
          const forge = yield* Forge
          const { commit, number } = yield* opened()
          assert.notStrictEqual((yield* forge.pullRequest(repository, number)).mergeable, false)
          const done = yield* perform("merge", number, merging(commit, method))
          assert.deepStrictEqual(yield* perform("merge", number, merging(commit, method)), done)
          assert.strictEqual(done.pullRequest, number)
          const pull = yield* forge.pullRequest(repository, number)
          assert.deepInclude(pull, { state: "closed", merged: true, mergeCommit: done.commit ?? "" })
          assert.deepStrictEqual(yield* stage.files("main"), { a: "a\n", b: "b\n" })
        }).pipe(Effect.provide(layer))
      )
    }

    it.live("merges nothing whose head is elsewhere, that is a draft, or that is closed", () =>
      Effect.gen(function* () {
        const { commit, number } = yield* opened()
        yield* refused("elsewhere", number, merging(nowhere), commit, nowhere)
        const change = { _tag: "update_pull_request", title: null, body: null } as const
        yield* perform("draft", number, { ...change, draft: true })
        yield* refused("merge draft", number, merging(commit))
        yield* perform("ready", number, { ...change, draft: false })
        yield* perform("close", number, { _tag: "close_issue", reason: "not_planned" })
        yield* refused("merge closed", number, merging(commit))
        assert.deepStrictEqual(yield* stage.files("main"), { a: "a\n" })
      }).pipe(Effect.provide(layer))
    )

    it.live("merges nothing that conflicts, and does not take it for mergeable", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        const { commit, number } = yield* opened({ a: "ours\n" })
        yield* stage.push("main", { a: "theirs\n" })
        assert.notStrictEqual((yield* forge.pullRequest(repository, number)).mergeable, true)
        yield* refused("merge", number, merging(commit))
        assert.deepStrictEqual(yield* stage.files("main"), { a: "theirs\n" })
        assert.deepInclude(yield* forge.pullRequest(repository, number), { state: "open", merged: false })
      }).pipe(Effect.provide(layer))
    )

    it.live("deletes a branch where it is at the commit; one that is gone is fine", () =>
      Effect.gen(function* () {
        yield* stage.start({ a: "a\n" })
        const commit = yield* stage.work({ b: "b\n" })
        yield* push(commit, null)
        const remove = { _tag: "delete_branch", branch, commit } as const
        yield* refused("elsewhere", 0, { ...remove, commit: nowhere }, commit, nowhere)
        yield* perform("delete", 0, remove)
        assert.isNull(yield* stage.files(branch))
        yield* perform("again", 0, remove)
      }).pipe(Effect.provide(layer))
    )

    it.live("says which pull request is not there", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        yield* stage.start({ a: "a\n" })
        const reads = [
          Effect.asVoid(forge.pullRequest(repository, 99)),
          Effect.asVoid(forge.reviews(repository, 99)),
          Effect.asVoid(forge.reviewComments(repository, 99))
        ]
        for (const read of reads) {
          const error = yield* Effect.flip(read)
          assert.deepInclude(error, { _tag: "PullRequestNotFound", pullRequest: "acme/app#99" })
        }
        const missing = "no pull request acme/app#99"
        const change = { _tag: "update_pull_request", title: "x", body: null, draft: null } as const
        yield* refused("update", 99, change, missing)
        yield* refused("reply", 99, { _tag: "reply_review", comment: 1, body: "x" }, missing)
        yield* refused("merge", 99, merging(nowhere), missing)
      }).pipe(Effect.provide(layer))
    )

    it.live("tells the default branch", () =>
      Effect.gen(function* () {
        const forge = yield* Forge
        yield* stage.start({ a: "a\n" })
        assert.strictEqual(yield* forge.defaultBranch(repository), "main")
        assert.isTrue((yield* forge.remote(repository)).url.endsWith(`${repository}.git`))
      }).pipe(Effect.provide(layer))
    )
  })
}
