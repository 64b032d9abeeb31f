import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import type { Action } from "../../../../src/domain/Action.ts"
import { act, agent, appended, onGit, repository, stage, work } from "./OnGit.ts"

const perform = (key: string, number: number, action: Action) =>
  LocalForge.use((forge) => forge.perform(act(key, number, action)))

/** A pull request of one commit, from a branch of this name. */
const open = Effect.fnUntraced(function* (head: string, id: string) {
  yield* perform(`push ${head}`, 0, { _tag: "push", branch: head, commit: id, expected: null })
  const pull = { title: head, body: "", head, base: "main", draft: false }
  const { pullRequest = 0 } = yield* perform(`open ${head}`, 0, { _tag: "open_pull_request", ...pull })
  return pullRequest
})

const layer = onGit({ people: { reader: "read" } })

describe("reviews and checks of the local forge", { timeout: 60_000 }, () => {
  it.live("tells of a role's review and of each of its comments, in GitHub's words", () =>
    Effect.gen(function* () {
      yield* stage({ a: "a\n" })
      const commit = yield* work({ b: "b\n" })
      const number = yield* open("squadron/one", commit)
      const comments = [
        { path: "b", line: 1, body: "Here." },
        { path: "a", line: 7, body: "And there." }
      ]
      const review = {
        _tag: "review",
        role: "reviewer",
        verdict: "request_changes",
        commit,
        body: "No.",
        comments
      } as const
      const told = yield* appended(perform("review", number, review))
      assert.deepStrictEqual(
        told.map(({ detail, key }) => [key, detail._tag]),
        [
          ["local:acme/app#1:2", "review.submitted"],
          ["local:acme/app#1:3", "review_comment.created"],
          ["local:acme/app#1:4", "review_comment.created"]
        ]
      )
      const [submitted, , second] = told
      assert(submitted?.detail._tag === "review.submitted" && second?.detail._tag === "review_comment.created")
      assert.deepStrictEqual(submitted.detail.review, { id: 1, state: "changes_requested", body: "No.", author: agent })
      assert.deepInclude(second.detail, { path: "a", line: 7 })
      assert.deepStrictEqual(second.detail.comment, { id: 2, body: "And there.", author: agent, association: "NONE" })
      const states = yield* Effect.forEach(["approve", "comment"] as const, (verdict) =>
        Effect.map(
          appended(perform(verdict, number, { ...review, verdict, comments: [] })),
          ([event]) => event?.detail._tag === "review.submitted" && event.detail.review.state
        )
      )
      assert.deepStrictEqual(states, ["approved", "commented"])
      const other = yield* Effect.flip(perform("other", number, { ...review, commit: "1".repeat(40) }))
      assert.include(other.message, "acme/app does not have the commit 1111")
    }).pipe(Effect.provide(layer))
  )

  it.live("keeps a person's review as nobody's role, of the newest commit, until it is dismissed", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ a: "a\n" })
      const commit = yield* work({ b: "b\n" })
      const number = yield* open("squadron/one", commit)
      const at = { repository, number, author: "reader" }
      const comments = [{ path: "b", line: 1, body: "Hm." }]
      const review = yield* forge.review({ ...at, verdict: "approve", body: "", comments })
      assert.deepInclude(review, { author: "reader", role: null, verdict: "approve", commit, dismissed: false })
      assert.notProperty(review, "agent")
      const told = yield* appended(
        Effect.andThen(
          forge.dismissReview({ ...at, author: "mona", review: review.id }),
          forge.dismissReview({ ...at, author: "mona", review: review.id })
        )
      )
      assert.deepStrictEqual(
        told.map(({ actor, detail }) => [actor.login, detail._tag === "review.dismissed" && detail.review.state]),
        [["mona", "dismissed"]]
      )
      assert.deepInclude((yield* forge.reviews(repository, number))[0] ?? {}, { id: review.id, dismissed: true })
      const [line] = yield* forge.reviewComments(repository, number)
      const [answered] = yield* appended(
        perform("reply", number, { _tag: "reply_review", comment: line?.id ?? 0, body: "Right." })
      )
      assert(answered?.detail._tag === "review_comment.created")
      assert.deepInclude(answered.detail, { path: "b", line: 1 })
      // An answer to an answer is in the same thread.
      yield* perform("deeper", number, { _tag: "reply_review", comment: 2, body: "Yes." })
      const threads = (yield* forge.reviewComments(repository, number)).map(({ inReplyTo }) => inReplyTo)
      assert.deepStrictEqual(threads, [null, 1, 1])
    }).pipe(Effect.provide(layer))
  )

  it.live("tells of a check that ended, on the pull request where exactly one has the commit", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      yield* stage({ a: "a\n" })
      const commit = yield* work({ b: "b\n" })
      const check = { _tag: "set_check", name: "gate/coder", commit, summary: "12 tests" } as const
      yield* perform("push", 0, { _tag: "push", branch: "loose", commit, expected: null })
      const subjects = Effect.fnUntraced(function* (key: string) {
        const told = yield* appended(perform(key, 0, { ...check, conclusion: "failure" }))
        return told.map(({ detail, subject }) => {
          assert(detail._tag === "check_run.completed")
          assert.deepInclude(detail, { name: "gate/coder", sha: commit, conclusion: "failure" })
          return [subject.kind, subject.number, detail.pullRequests]
        })
      })
      assert.deepStrictEqual(yield* appended(perform("pending", 0, { ...check, conclusion: "pending" })), [])
      assert.deepStrictEqual(yield* subjects("none"), [["repository", 0, []]])
      const one = yield* open("squadron/one", commit)
      assert.deepStrictEqual(yield* subjects("one"), [["pull_request", one, [one]]])
      const two = yield* open("squadron/two", commit)
      assert.deepStrictEqual(yield* subjects("two"), [["repository", 0, [one, two]]])
      const [event] = yield* appended(
        forge.setCheck({ repository, name: "ci", commit, conclusion: "success", summary: "", author: "ci-bot" })
      )
      assert.deepInclude(event, { actor: { login: "ci-bot", kind: "person", trust: "admin" }, causedBy: null })
      const missing = yield* Effect.flip(
        perform("gone", 0, { ...check, commit: "1".repeat(40), conclusion: "success" })
      )
      assert.include(missing.message, "does not have the commit")
    }).pipe(Effect.provide(layer))
  )
})
