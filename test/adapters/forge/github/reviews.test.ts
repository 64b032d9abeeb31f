import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../../../src/domain/Action.ts"
import { diffLines } from "../../../../src/adapters/forge/github/diffLines.ts"
import { makeGitHubDouble } from "../../../support/GitHubDouble.ts"
import { commitFiles, git } from "../../../support/github/gitCommands.ts"
import { editText, textOf } from "../../../support/github/State.ts"
import { branchOf, draft, forgeOn, onPull, openPull, repository } from "./OnDouble.ts"

type ReviewAction = Extract<Action, { readonly _tag: "review" }>

const review = (commit: string, of: Partial<Omit<ReviewAction, "_tag">>): ReviewAction => ({
  _tag: "review",
  role: "reviewer",
  verdict: "approve",
  commit,
  body: "",
  comments: [],
  ...of
})

describe("Reviews on GitHub", () => {
  it.effect("of several roles stand side by side in one account, each with a check of its own", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { commit, number } = yield* openPull(double, forge)
      const asked = [
        { role: "reviewer", verdict: "approve", body: "fine\n\nreally" },
        { role: "security", verdict: "request_changes", body: "**no**" },
        { role: "writer", verdict: "comment", body: "a word" },
        { role: "reviewer", verdict: "request_changes", body: "" }
      ] as const
      for (const [index, one] of asked.entries()) {
        yield* forge.perform(onPull(`review ${index}`, number, review(commit, one)))
      }
      const reviews = yield* forge.reviews(repository, number)
      assert.deepStrictEqual(
        reviews.map(({ body, role, verdict }) => ({ role, verdict, body })),
        [...asked]
      )
      assert.isTrue(reviews.every((one) => one.commit === commit && !one.dismissed && one.agent === "coder-1-e1"))
      assert.deepStrictEqual(
        (yield* forge.checks(repository, commit)).map(({ conclusion, name }) => [name, conclusion]),
        [
          ["squadron/reviewer", "failure"],
          ["squadron/security", "failure"]
        ]
      )
      const shown = double.repository.issues[0]?.pull?.reviews.map(({ body }) => body.split("\n")[0])
      assert.deepStrictEqual(shown, [
        "**reviewer** approves",
        "**security** requests changes",
        "**writer** comments",
        "**reviewer** requests changes"
      ])
      // the first review, done again after a restart, does not take the check back
      yield* (yield* forgeOn(double)).perform(onPull("review 0", number, review(commit, asked[0])))
      assert.strictEqual(double.repository.statuses.length, 3)
    })
  )

  it.effect("of people are as GitHub shows them", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { commit, number } = yield* openPull(double, forge)
      const pull = double.repository.issues[0]?.pull
      for (const state of ["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"]) {
        pull?.reviews.push({ ...textOf(double.state, "PRR", "mona", state), state, commit })
      }
      assert.deepStrictEqual(
        (yield* forge.reviews(repository, number)).map(({ dismissed, role, verdict }) => [verdict, dismissed, role]),
        [
          ["approve", false, null],
          ["request_changes", false, null],
          ["comment", false, null],
          ["comment", true, null]
        ]
      )
    })
  )

  it.effect("of ours count for no role where GitHub cannot say whether they were edited", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { commit, number } = yield* openPull(double, forge)
      yield* forge.perform(onPull("review", number, review(commit, {})))
      double.graphql = false
      const [found] = yield* forge.reviews(repository, number)
      assert.deepInclude(found, { role: null, verdict: "comment", editor: "?" })
    })
  )

  it.effect("comment on lines, and in their text on what the diff does not show", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { commit, number } = yield* openPull(double, forge)
      const comments = [
        { path: "README.md", line: 2, body: "why so loud?" },
        { path: "README.md", line: 3, body: "unchanged, but shown" },
        { path: "README.md", line: 77, body: "beyond the end" },
        { path: "LICENSE", line: 1, body: "another file" }
      ]
      yield* forge.perform(onPull("review", number, review(commit, { body: "see there", comments })))
      const [found, ...others] = yield* forge.reviews(repository, number)
      assert.deepStrictEqual(others, [])
      assert.strictEqual(found?.role, "reviewer")
      assert.include(found?.body, "see there")
      assert.include(found?.body, "not part of the change")
      for (const text of ["**README.md:77**", "beyond the end", "**LICENSE:1**", "another file"]) {
        assert.include(found?.body, text)
      }
      assert.notInclude(found?.body, "why so loud?")
      assert.deepStrictEqual(
        (yield* forge.reviewComments(repository, number)).map(({ agent, body, line, path, review }) => [
          `${path}:${line}`,
          body,
          agent,
          review === found?.id
        ]),
        [
          ["README.md:2", "why so loud?", "coder-1-e1", true],
          ["README.md:3", "unchanged, but shown", "coder-1-e1", true]
        ]
      )
    })
  )

  it.effect("say that there is no such comment or pull request", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { commit, number } = yield* openPull(double, forge)
      const reply = yield* Effect.flip(
        forge.perform(onPull("a", number, { _tag: "reply_review", comment: 4711, body: "?" }))
      )
      assert.include(reply.message, "no review comment 4711")
      const actions: ReadonlyArray<Action> = [
        review(commit, {}),
        { _tag: "reply_review", comment: 1, body: "?" },
        { _tag: "merge", method: "squash", commit, title: "t", body: "" },
        { _tag: "update_pull_request", title: "t", body: null, draft: null }
      ]
      for (const action of actions) {
        const error = yield* Effect.flip(forge.perform(onPull(action._tag, 99, action)))
        assert.isFalse(error.retryable)
        assert.include(error.message, "no pull request acme/app#99")
      }
      const reads = [
        Effect.asVoid(forge.reviews(repository, 99)),
        Effect.asVoid(forge.reviewComments(repository, 99)),
        Effect.asVoid(forge.pullRequest(repository, 99))
      ]
      for (const read of reads) {
        const error = yield* Effect.flip(read)
        assert.deepInclude(error, { _tag: "PullRequestNotFound", pullRequest: "acme/app#99" })
      }
    })
  )

  it("knows the lines that a patch shows", () => {
    const patch =
      "@@ -1,3 +1,4 @@ head\n one\n-two\n+TWO\n+more\n three\n@@ -20 +21 @@\n-x\n+y\n\\ No newline at end of file"
    assert.deepStrictEqual([...diffLines(patch)], [1, 2, 3, 4, 21])
    assert.deepStrictEqual([...diffLines("")], [])
  })
})

describe("Merging on GitHub", () => {
  const merge = (commit: string, method: "squash" | "merge" | "rebase" = "squash"): Action => ({
    _tag: "merge",
    method,
    commit,
    title: "work (#1)",
    body: "about work"
  })

  it.effect("merges by each method", () =>
    Effect.gen(function* () {
      for (const [method, parents] of [
        ["squash", 1],
        ["merge", 2],
        ["rebase", 1]
      ] as const) {
        const double = yield* makeGitHubDouble
        const forge = yield* forgeOn(double)
        const { commit, number } = yield* openPull(double, forge)
        const result = yield* forge.perform(onPull("merge", number, merge(commit, method)))
        const main = branchOf(double, "main")
        assert.deepStrictEqual(result, { pullRequest: number, commit: main })
        const found = git(double.repository.folder, "log", "-1", "--format=%P", main).split(" ")
        assert.strictEqual(found.length, parents)
        assert.deepInclude(yield* forge.pullRequest(repository, number), {
          merged: true,
          state: "closed",
          mergeCommit: main,
          mergeable: null
        })
      }
    })
  )

  it.effect("refuses for good what conflicts, what has moved, and what is closed", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { folder } = double.repository
      const { commit, number } = yield* openPull(double, forge)
      assert.isTrue((yield* forge.pullRequest(repository, number)).mergeable)
      commitFiles(folder, "main", { "README.md": "one\n2\nthree\n" }, "other")
      assert.isFalse((yield* forge.pullRequest(repository, number)).mergeable)
      const conflict = yield* Effect.flip(forge.perform(onPull("a", number, merge(commit))))
      assert.deepInclude(conflict, { retryable: false })
      assert.include(conflict.message, "not mergeable")
      const newer = commitFiles(folder, "work", { "README.md": "one\n2\nthree\n" }, "newer")
      const moved = yield* Effect.flip(forge.perform(onPull("b", number, merge(commit))))
      assert.isFalse(moved.retryable)
      assert.include(moved.message, newer)
      assert.include(moved.message, commit)
      const row = double.repository.issues[0]
      assert(row)
      row.state = "closed"
      const closed = yield* Effect.flip(forge.perform(onPull("c", number, merge(newer))))
      assert.include(closed.message, "is closed")
    })
  )

  it.effect("tries again where GitHub says so", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { commit, number } = yield* openPull(double, forge)
      const message = "Base branch was modified. Review and try the merge again."
      double.faults.push({ when: (method) => method === "PUT", what: { status: 405, body: { message } }, times: 1 })
      assert.isTrue((yield* Effect.flip(forge.perform(onPull("a", number, merge(commit))))).retryable)
      yield* forge.perform(onPull("a", number, merge(commit)))
    })
  )

  it.effect("deletes a branch that is where it should be, and no other", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const branch = "squadron/coder-1-e1"
      const commit = commitFiles(double.repository.folder, branch, { a: "a" }, "a", branchOf(double, "main"))
      const remove = (key: string, at: string) =>
        forge.perform(draft(key, 0, { _tag: "delete_branch", branch, commit: at }))
      const error = yield* Effect.flip(remove("a", "1".repeat(40)))
      assert.isFalse(error.retryable)
      assert.include(error.message, commit)
      yield* remove("b", commit)
      yield* remove("c", commit)
      assert.throws(() => branchOf(double, branch))
    })
  )
})

describe("Who wrote and who edited", () => {
  it.effect("is told of issues, comments and pull requests", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { state } = double
      const { number } = yield* openPull(double, forge)
      yield* forge.perform(onPull("say", number, { _tag: "comment", body: "hello" }))
      assert.deepInclude(yield* forge.issue(repository, number), { editor: null, editedAt: null, pullRequest: true })
      const row = double.repository.issues[0]
      const [comment] = row?.comments ?? []
      assert(row !== undefined && comment !== undefined)
      state.now = () => 60_000
      editText(state, row, "hubot", row.body)
      editText(state, comment, "helper[bot]", comment.body)
      const edited = { editor: "hubot", editedAt: 60_000, author: "squadron-bot", agent: "coder-1-e1" }
      assert.deepInclude(yield* forge.issue(repository, number), edited)
      assert.deepInclude(yield* forge.pullRequest(repository, number), edited)
      assert.deepInclude((yield* forge.pullRequests({ repository, limit: 5 }))[0], edited)
      assert.deepInclude((yield* forge.comments(repository, number))[0], { editor: "helper[bot]", editedAt: 60_000 })
      comment.edit = { editor: null, at: 60_000 }
      assert.deepInclude((yield* forge.comments(repository, number))[0], { editor: "ghost" })
    })
  )

  it.effect("is asked for again where GitHub cannot say just now", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { number } = yield* openPull(double, forge)
      const down = { status: 502, body: {} }
      double.faults.push({ when: (_, path) => path === "/graphql", what: down, times: 1 })
      assert.deepInclude(yield* Effect.flip(forge.issue(repository, number)), { _tag: "ForgeError", retryable: true })
      const limited = { data: null, errors: [{ type: "RATE_LIMITED", message: "API rate limit exceeded" }] }
      double.faults.push({ when: (_, path) => path === "/graphql", what: { status: 200, body: limited }, times: 1 })
      assert.deepInclude(yield* Effect.flip(forge.issue(repository, number)), { retryable: true, retryAfter: 60_000 })
      assert.isNull((yield* forge.issue(repository, number)).editor)
    })
  )

  it.effect("is somebody whom nobody trusts where GitHub does not say", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { state } = double
      const { number } = yield* openPull(double, forge)
      for (const body of ["as it was", "changed"]) {
        yield* forge.perform(onPull(body, number, { _tag: "comment", body }))
      }
      state.now = () => 60_000
      const changed = double.repository.issues[0]?.comments[1]
      assert(changed)
      editText(state, changed, "hubot", "changed again")
      double.graphql = false
      const unknown = { editor: "?", editedAt: 60_000 }
      assert.deepInclude(yield* forge.issue(repository, number), { editor: "?" })
      const [same, other] = yield* forge.comments(repository, number)
      assert.deepInclude(same, { editor: null, editedAt: null })
      assert.deepInclude(other, unknown)
      const asked = double.seen.length
      assert.strictEqual(yield* forge.trust(repository, "?"), "none")
      assert.strictEqual(double.seen.length, asked)
    })
  )
})
