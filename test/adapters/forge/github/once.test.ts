import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action, ActionDraft } from "../../../../src/domain/Action.ts"
import type { ForgeError } from "../../../../src/domain/Errors.ts"
import type { Forge } from "../../../../src/services/Forge.ts"
import { type GitHubDouble, makeGitHubDouble } from "../../../support/GitHubDouble.ts"
import { commitFiles } from "../../../support/github/gitCommands.ts"
import { branchOf, draft, forgeOn, onPull, openPull, repository } from "./OnDouble.ts"

type Service = Forge["Service"]

const isWrite = (method: string, path: string): boolean =>
  method !== "GET" && path !== "/graphql" && !path.endsWith("/access_tokens")

/** Lets GitHub do the next write, but drops its answer. */
const dropAnswer = (double: GitHubDouble) => double.faults.push({ when: isWrite, what: "drop after", times: 1 })

const writes = (double: GitHubDouble) => double.seen.filter(({ method, path }) => isWrite(method, path))

/** Performs it with its answer lost, then again by a forge that remembers nothing; gives both ends and the writes of the second. */
const twice = Effect.fnUntraced(function* (double: GitHubDouble, action: ActionDraft, as: "token" | "app" = "token") {
  const first = yield* forgeOn(double, { as })
  dropAnswer(double)
  const error: ForgeError = yield* Effect.flip(first.perform(action))
  assert.isTrue(error.retryable, error.message)
  const before = writes(double).length
  const second = yield* forgeOn(double, { as })
  const result = yield* second.perform(action)
  assert.deepStrictEqual(yield* second.perform(action), result)
  const repeated = writes(double).slice(before)
  return { forge: second, result, repeated: repeated.map(({ method, path }) => `${method} ${path}`) }
})

const openIssue = (forge: Service, key = "issue") =>
  Effect.map(
    forge.perform(draft(key, 0, { _tag: "open_issue", title: "one", body: "about one", labels: ["bug"] })),
    ({ issue }) => issue ?? 0
  )

describe("An action whose answer is lost is done once", () => {
  it.effect("a comment", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const number = yield* openIssue(yield* forgeOn(double))
      const { forge, repeated, result } = yield* twice(double, draft("say", number, { _tag: "comment", body: "hello" }))
      const comments = yield* forge.comments(repository, number)
      assert.deepStrictEqual(
        comments.map(({ body, id }) => [id, body]),
        [[result.comment, "hello"]]
      )
      assert.deepStrictEqual(repeated, [])
    })
  )

  it.effect("an issue, as an app and with a token", () =>
    Effect.gen(function* () {
      for (const as of ["token", "app"] as const) {
        const double = yield* makeGitHubDouble
        const action: Action = { _tag: "open_issue", title: "one", body: "", labels: [] }
        const { forge, repeated, result } = yield* twice(double, draft("open", 0, action), as)
        const issues = yield* forge.issues({ repository, limit: 10 })
        assert.deepStrictEqual(
          issues.map(({ body, number }) => [number, body]),
          [[result.issue, ""]]
        )
        assert.deepStrictEqual(repeated, [])
      }
    })
  )

  it.effect("an issue where GitHub cannot look for its author", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const unknown = { status: 422, body: { message: "Validation Failed", errors: [] } }
      double.faults.push({ when: (_, path) => path.includes("creator="), what: unknown, times: 9 })
      const { forge } = yield* twice(
        double,
        draft("open", 0, { _tag: "open_issue", title: "one", body: "", labels: [] })
      )
      assert.strictEqual((yield* forge.issues({ repository, limit: 10 })).length, 1)
    })
  )

  it.effect("labels, assignees, closing and reopening leave one line each in the timeline", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const number = yield* openIssue(yield* forgeOn(double))
      const actions: ReadonlyArray<readonly [Action, string]> = [
        [{ _tag: "add_labels", labels: ["ui", "Bug"] }, "labeled ui"],
        [{ _tag: "remove_labels", labels: ["BUG", "none"] }, "unlabeled bug"],
        [{ _tag: "assign", assignees: ["mona"] }, "assigned mona"],
        [{ _tag: "close_issue", reason: "not_planned" }, "closed not_planned"],
        [{ _tag: "reopen_issue" }, "reopened"]
      ]
      for (const [action] of actions) {
        const { repeated } = yield* twice(double, draft(action._tag, number, action))
        assert.deepStrictEqual(repeated, [], action._tag)
      }
      assert.deepStrictEqual(
        double.repository.issues[0]?.timeline,
        actions.map(([, line]) => line)
      )
    })
  )

  it.effect("a pull request, and one that is updated instead", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      commitFiles(double.repository.folder, "work", { a: "a\n" }, "work", branchOf(double, "main"))
      const open = (key: string, title: string, isDraft: boolean) =>
        draft(key, 0, { _tag: "open_pull_request", title, body: title, head: "work", base: "main", draft: isDraft })
      const first = yield* twice(double, open("one", "first", true))
      assert.deepStrictEqual(first.repeated, [])
      const second = yield* twice(double, open("two", "second", false))
      assert.deepStrictEqual(second.repeated, [])
      assert.deepStrictEqual(second.result, first.result)
      // the first key's mark has survived the second text
      yield* (yield* forgeOn(double)).perform(open("one", "first", true))
      const pulls = yield* second.forge.pullRequests({ repository, limit: 10 })
      assert.deepStrictEqual(
        pulls.map(({ body, draft, title }) => ({ body, draft, title })),
        [{ body: "second", draft: false, title: "second" }]
      )
    })
  )

  it.effect("a change of a pull request's text, and of its draft state", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const { number } = yield* openPull(double, yield* forgeOn(double))
      const update = (key: string, title: string | null, body: string | null, draft: boolean | null) =>
        onPull(key, number, { _tag: "update_pull_request", title, body, draft })
      const { forge, repeated } = yield* twice(double, update("a", "new", "text", null))
      assert.deepStrictEqual(repeated, [])
      yield* forge.perform(update("b", null, null, true))
      assert.deepInclude(yield* forge.pullRequest(repository, number), {
        title: "new",
        body: "text",
        draft: true,
        agent: "coder-1-e1"
      })
      yield* forge.perform(update("c", null, null, false))
      assert.isFalse((yield* forge.pullRequest(repository, number)).draft)
      assert.deepStrictEqual(double.repository.issues[0]?.timeline, [
        "patched",
        "converted to draft",
        "ready for review"
      ])
    })
  )

  it.effect("a change of somebody else's pull request, which gets no mark", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const { number } = yield* openPull(double, yield* forgeOn(double))
      const [row] = double.repository.issues
      assert(row)
      double.repository.issues[0] = { ...row, author: "mallory", body: "as it was" }
      const action: Action = { _tag: "update_pull_request", title: null, body: "better", draft: null }
      const { forge, repeated } = yield* twice(double, onPull("a", number, action))
      assert.deepStrictEqual(repeated, [])
      const pull = yield* forge.pullRequest(repository, number)
      assert.deepInclude(pull, { body: "better", author: "mallory", editor: "squadron-bot" })
      assert.isUndefined(pull.agent)
    })
  )

  it.effect("a review with its check, as an app and with a token", () =>
    Effect.gen(function* () {
      for (const as of ["token", "app"] as const) {
        const double = yield* makeGitHubDouble
        const { commit, number } = yield* openPull(double, yield* forgeOn(double, { as }))
        const action: Action = {
          _tag: "review",
          role: "reviewer",
          verdict: "approve",
          commit,
          body: "fine",
          comments: []
        }
        const { forge, repeated, result } = yield* twice(double, onPull("review", number, action), as)
        // the check was still to be written, and the review was not written again
        assert.deepStrictEqual(
          repeated.map((path) => path.split("/")[4]),
          [as === "app" ? "check-runs" : "statuses"]
        )
        const reviews = yield* forge.reviews(repository, number)
        assert.deepStrictEqual(
          reviews.map(({ id, role }) => ({ review: id, role })),
          [{ review: result.review ?? 0, role: "reviewer" }]
        )
        dropAnswer(double)
        const check: Action = { _tag: "set_check", name: "gate/a", commit, conclusion: "neutral", summary: "so so" }
        yield* Effect.flip((yield* forgeOn(double, { as })).perform(draft("check", 0, check)))
        yield* (yield* forgeOn(double, { as })).perform(draft("check", 0, check))
        const { runs, statuses } = double.repository
        assert.strictEqual((as === "app" ? runs : statuses).length, 2)
        assert.deepStrictEqual(
          (yield* forge.checks(repository, commit)).map(({ conclusion, name }) => [name, conclusion]),
          [
            ["squadron/reviewer", "success"],
            ["gate/a", "neutral"]
          ]
        )
      }
    })
  )

  it.effect("an answer in a review thread", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const { commit, number } = yield* openPull(double, forge)
      const comments = [{ path: "new.txt", line: 1, body: "why?" }]
      yield* forge.perform(
        onPull("review", number, { _tag: "review", role: "r", verdict: "comment", commit, body: "", comments })
      )
      const [began] = yield* forge.reviewComments(repository, number)
      assert(began)
      const action: Action = { _tag: "reply_review", comment: began.id, body: "because" }
      const { repeated, result } = yield* twice(double, onPull("reply", number, action))
      assert.deepStrictEqual(repeated, [])
      // an answer to an answer goes to the thread's beginning
      yield* forge.perform(
        onPull("again", number, { _tag: "reply_review", comment: result.comment ?? 0, body: "I see" })
      )
      assert.deepStrictEqual(
        (yield* forge.reviewComments(repository, number)).map(({ body, inReplyTo, line }) => ({
          body,
          inReplyTo,
          line
        })),
        [
          { body: "why?", inReplyTo: null, line: 1 },
          { body: "because", inReplyTo: began.id, line: 1 },
          { body: "I see", inReplyTo: began.id, line: 1 }
        ]
      )
    })
  )

  it.effect("a merge, and the deletion of its branch", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const { commit, number } = yield* openPull(double, yield* forgeOn(double))
      const action: Action = { _tag: "merge", method: "squash", commit, title: "work (#1)", body: "" }
      const { repeated, result } = yield* twice(double, onPull("merge", number, action))
      assert.deepStrictEqual(repeated, [])
      assert.deepStrictEqual(result, { pullRequest: number, commit: branchOf(double, "main") })
      const gone = yield* twice(double, draft("delete", 0, { _tag: "delete_branch", branch: "work", commit }))
      assert.deepStrictEqual(gone.repeated, [])
    })
  )

  it.effect("and stays as people left it afterwards, as long as the process lives", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const number = yield* openIssue(forge)
      const close = draft("close", number, { _tag: "close_issue", reason: "completed" })
      const result = yield* forge.perform(close)
      const row = double.repository.issues[0]
      assert(row)
      row.state = "open"
      assert.deepStrictEqual(yield* forge.perform(close), result)
      assert.strictEqual((yield* forge.issue(repository, number)).state, "open")
    })
  )

  it.effect("also where GitHub was not reached at all", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const number = yield* openIssue(forge)
      const say = draft("say", number, { _tag: "comment", body: "hello" })
      double.faults.push({ when: (method) => method === "POST", what: "drop before", times: 1 })
      assert.isTrue((yield* Effect.flip(forge.perform(say))).retryable)
      yield* forge.perform(say)
      assert.strictEqual((yield* forge.comments(repository, number)).length, 1)
    })
  )
})
