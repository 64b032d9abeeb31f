import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import { ForgeError, StoreUnavailable } from "../../../src/domain/Errors.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import { Store } from "../../../src/services/Store.ts"
import { until } from "../../../src/testing.ts"
import { connect, linesOf, pm, reviewer, rig, startRun, withRig } from "./Rig.ts"
import { makeTold, refused, repository, someIssue, somePull } from "./TestForge.ts"

const limits = { timeout: 60_000 }

const sha = "1".repeat(40)

describe("acts on issues", limits, () => {
  it.live(
    "each go through the outbox once, on the agent's own subject, a step deeper, and say what came of it",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x", labels: ["new"] })
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        const calls: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>, string, string]> = [
          [
            "comment",
            { body: "Hello." },
            `The comment on ${repository}#7 is written.`,
            "comment on acme/shop#7: 6 characters"
          ],
          [
            "add_labels",
            { labels: ["bug", "p1"] },
            `${repository}#7 has bug, p1 now.`,
            "add_labels on acme/shop#7: bug, p1"
          ],
          [
            "remove_labels",
            { labels: ["new"] },
            `${repository}#7 no longer has new.`,
            "remove_labels on acme/shop#7: new"
          ],
          ["assign", { assignees: ["ada"] }, `${repository}#7 is assigned to ada.`, "assign on acme/shop#7: ada"],
          ["open_issue", { title: "Another", body: "y" }, "Issue #8 is open.", 'open_issue in acme/shop: "Another"'],
          [
            "close_issue",
            { reason: "completed" },
            `${repository}#7 is closed.`,
            "close_issue on acme/shop#7: completed"
          ],
          ["reopen_issue", {}, `${repository}#7 is open.`, "reopen_issue on acme/shop#7"]
        ]
        for (const [name, args, text] of calls) {
          assert.deepStrictEqual(yield* client.call(name, args), { text, isError: false, error: null })
        }
        assert.deepStrictEqual(
          told.performed.map(({ action, agent, depth, key, subject }) => [
            key,
            Subject.key(subject),
            agent,
            depth,
            action._tag
          ]),
          calls.map(([name], i) => [`${grant.run}/c${i + 1}`, `${repository}#7`, grant.agent.id, 3, name])
        )
        assert.deepStrictEqual(
          yield* linesOf(grant.agent.id),
          calls.map(([, , , line]) => `called ${line}`)
        )
        assert.deepStrictEqual(told.issues.get(7)?.labels, ["bug", "p1"])
        assert.deepStrictEqual(
          told.comments.get(7)?.map(({ body }) => body),
          ["Hello."]
        )
      })
    )
  )

  it.live(
    "reach other issues of the repository by their number, those that are there, and no other repository",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        someIssue(told, 9, { author: "ada", body: "x" })
        somePull(told, 10, { author: "ada", body: "x", head: { ref: "fix", sha, repository } })
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        assert.isFalse((yield* client.call("comment", { body: "a", issue: 9 })).isError)
        assert.isFalse((yield* client.call("comment", { body: "b", issue: `${repository}#10` })).isError)
        assert.deepStrictEqual(
          told.performed.map(({ subject }) => subject),
          [Subject.issue(repository, 9), Subject.pullRequest(repository, 10)]
        )
        for (const issue of ["other/shop#9", "acme/shopping#9", 404, "https://example.org/9"]) {
          const { isError } = yield* client.call("add_labels", { labels: ["x"], issue })
          assert.isTrue(isError)
        }
        const closing = yield* client.call("close_issue", { reason: "completed", issue: 10 })
        assert.include(closing.text, `close_issue is for issues; ${repository}#10 is a pull request.`)
        assert.strictEqual(told.performed.length, 2)
        assert.deepStrictEqual(grant.denied, [])
        const lines = yield* linesOf(grant.agent.id)
        assert.include(lines[2] ?? "", "refused add_labels: add_labels: other/shop#9 is out of reach")
      })
    )
  )

  it.live(
    "need an issue's number where the agent works on the repository as a whole",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 9, { author: "ada", body: "x" })
        const client = yield* connect(yield* startRun(pm, { subject: Subject.repository(repository) }))
        const without = yield* client.call("comment", { body: "a" })
        assert.include(without.text, "say with `issue` which issue you mean")
        assert.isFalse((yield* client.call("comment", { body: "a", issue: 9 })).isError)
        assert.isFalse((yield* client.call("open_issue", { title: "t", body: "" })).isError)
      })
    )
  )

  it.live(
    "with wrong arguments are refused by field, problem and way out, without the values and without a denial",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        const wrong: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>, RegExp]> = [
          ["comment", {}, /^comment cannot take this: body: Missing key\. It takes body, issue \(may be left out\)\.$/],
          ["comment", { body: "  \n" }, /body: Expected a text of 1 to 65536 characters/],
          ["comment", { body: "x".repeat(65_537) }, /body: Expected a text of 1 to 65536 characters/],
          ["comment", { body: 12 }, /body: Expected /],
          ["add_labels", { labels: [] }, /labels/],
          ["add_labels", { labels: ["a\nb"] }, /labels\.0: Expected one line of 1 to 100 characters/],
          ["close_issue", { reason: "hidden-value" }, /reason: Expected "completed" \| "not_planned"/],
          ["open_issue", { title: "a\nb", body: "" }, /title: Expected one line of 1 to 256 characters/]
        ]
        for (const [name, args, expected] of wrong) {
          const { isError, text } = yield* client.call(name, args)
          assert.isTrue(isError)
          assert.match(text, expected)
          assert.notInclude(text, "hidden-value")
          assert.isBelow(text.length, 400)
        }
        assert.deepStrictEqual(told.performed, [])
        assert.deepStrictEqual(grant.denied, [])
        const lines = yield* linesOf(grant.agent.id)
        assert.strictEqual(lines.length, wrong.length)
        assert.strictEqual(lines[0], "refused comment: wrong arguments: body")
      })
    )
  )

  it.live(
    "let no secret out, not even the run's own token",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        const token = Redacted.value(grant.token)
        const github = `ghp_${"aB3".repeat(12)}`
        const own = yield* client.call("comment", { body: `see ${token}` })
        assert.include(own.text, "this run's own token")
        const known = yield* client.call("open_issue", { title: "Key", body: `use ${github}` })
        assert.include(known.text, "a GitHub token")
        const said = yield* client.call("report_done", { summary: `used ${github}` })
        assert.isTrue(said.isError)
        assert.isNull(grant.reported)
        yield* client.call("comment", { body: "x", issue: token })
        yield* client.call("comment", { body: "x", [token]: 1 })
        yield* client.call(token)
        assert.deepStrictEqual(told.performed, [])
        assert.strictEqual((yield* linesOf(grant.agent.id)).length, 6)
        const lines = (yield* linesOf(grant.agent.id)).join("\n")
        for (const secret of [token, github])
          for (const text of [own.text, known.text, lines]) assert.notInclude(text, secret)
      })
    )
  )

  it.live(
    "that the forge refuses are told as failed, with its reason",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        told.before = Effect.fail(refused("the issue is locked"))
        const grant = yield* startRun(pm)
        const { isError, text } = yield* (yield* connect(grant)).call("comment", { body: "x" })
        assert.isTrue(isError)
        assert.strictEqual(text, "Failed: The forge refused: the issue is locked.")
        const [action] = yield* (yield* Store).actions({ limit: 1 })
        assert.strictEqual(action?.status, "failed")
      })
    )
  )

  it.live(
    "of a run that ended while its call was under way are not done",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        someIssue(told, 9, { author: "ada", body: "x" })
        const reached = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        const scope = yield* Scope.make()
        const grant = yield* Scope.provide(startRun(pm), scope)
        const client = yield* connect(grant)
        told.reading = Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(go))
        const call = yield* Effect.forkChild(client.call("comment", { body: "x", issue: 9 }))
        yield* Deferred.await(reached)
        yield* Scope.close(scope, Exit.void)
        yield* Deferred.succeed(go, undefined)
        const { isError, text } = yield* Fiber.join(call)
        assert.isTrue(isError)
        assert.strictEqual(text, "Your run has ended.")
        assert.deepStrictEqual(told.performed, [])
        assert.deepStrictEqual(yield* (yield* Store).actions({ limit: 1 }), [])
      })
    )
  )

  it.effect("that take longer than 20 seconds are told as queued, and are done all the same", () =>
    Effect.gen(function* () {
      const told = makeTold()
      yield* Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        const waiting = new ForgeError({ reason: "busy", retryable: true, retryAfter: 25_000 })
        let tries = 0
        told.before = Effect.suspend(() => (tries++ === 0 ? Effect.fail(waiting) : Effect.void))
        const store = yield* Store
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        const call = yield* Effect.forkChild(client.call("comment", { body: "x" }))
        yield* until(Effect.map(store.actions({ limit: 1 }), (actions) => actions.length === 1))
        yield* TestClock.adjust("19 seconds")
        assert.isUndefined(call.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(call), {
          text: "Queued; it will be done. Do not call again for it.",
          isError: false,
          error: null
        })
        assert.deepStrictEqual(told.performed, [])
        yield* TestClock.adjust("1 minute")
        yield* until(Effect.map(store.actions({ limit: 1 }), ([action]) => action?.status === "done"))
        assert.strictEqual(told.performed.length, 1)
        assert.deepStrictEqual(yield* linesOf(grant.agent.id), ["called comment on acme/shop#7: 1 characters"])
      }).pipe(Effect.provide(rig(told)))
    })
  )
})

describe("calls that go wrong", limits, () => {
  it.live(
    "are not done where they cannot be written down, and the agent hears of it",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        told.storing = Effect.fail(new StoreUnavailable({ reason: "the disk is full" }))
        const { isError, text } = yield* client.call("comment", { body: "x" })
        assert.isTrue(isError)
        assert.include(text, "Nothing was done, since it could not be written down")
        assert.include(text, "the disk is full")
        assert.isTrue((yield* client.call("read_subject")).isError)
        assert.isTrue((yield* client.call("merge")).isError)
        assert.isTrue((yield* client.call("report_done", { summary: "x" })).isError)
        assert.isNull(grant.reported)
        told.storing = Effect.void
        assert.deepStrictEqual(told.performed, [])
        assert.isFalse((yield* client.call("comment", { body: "x" })).isError)
        assert.deepStrictEqual(yield* linesOf(grant.agent.id), ["called comment on acme/shop#7: 1 characters"])
      })
    )
  )

  it.live(
    "by a fault of our own say no more than that, and leave their line",
    withRig((told) =>
      Effect.gen(function* () {
        told.reading = Effect.die(new Error("hidden words"))
        const grant = yield* startRun(pm)
        const { body, text } = yield* (yield* connect(grant)).request("tools/call", {
          name: "read_subject",
          arguments: {}
        })
        assert.isDefined(body.error ?? (body.result?.isError === true ? body.result : undefined))
        assert.notInclude(text, "hidden words")
        assert.deepStrictEqual(yield* linesOf(grant.agent.id), ["refused read_subject: an internal fault"])
      })
    )
  )

  it.live(
    "leave their line also where the caller goes away",
    withRig((told) =>
      Effect.gen(function* () {
        const reached = yield* Deferred.make<void>()
        told.reading = Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        const call = yield* Effect.forkChild(client.call("read_subject"))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(call)
        yield* until(Effect.map(linesOf(grant.agent.id), (lines) => lines.length === 1))
        assert.deepStrictEqual(yield* linesOf(grant.agent.id), ["refused read_subject: broken off by its caller"])
      })
    )
  )
})

describe("acts on reviews", limits, () => {
  const subject = Subject.pullRequest(repository, 8)

  it.live(
    "review is of the head as it is now, by the role",
    withRig((told) =>
      Effect.gen(function* () {
        somePull(told, 8, { author: "ada", body: "x", head: { ref: "fix", sha, repository } })
        const grant = yield* startRun(reviewer, { subject })
        const client = yield* connect(grant)
        const moved = "2".repeat(40)
        const pull = told.pulls.get(8)
        assert.isDefined(pull)
        told.pulls.set(8, { ...pull, head: { ...pull.head, sha: moved } })
        const comments = [{ path: "src/a.ts", line: 3, body: "Why?" }]
        const { isError, text } = yield* client.call("review", { verdict: "request_changes", body: "", comments })
        assert.isFalse(isError)
        assert.strictEqual(text, `Your review of ${moved} is there (request changes).`)
        assert.deepStrictEqual(
          told.performed.map((draft) => draft.action),
          [{ _tag: "review", role: "reviewer", verdict: "request_changes", commit: moved, body: "", comments }]
        )
        const empty = yield* client.call("review", { verdict: "comment", body: " ", comments: [] })
        assert.include(empty.text, "without a word helps nobody")
        const wrong = yield* client.call("review", {
          verdict: "approve",
          body: "",
          comments: [{ path: "a", line: 0, body: "x" }]
        })
        assert.include(wrong.text, "comments.0.line")
        told.pulls.set(8, { ...pull, state: "closed" })
        const closed = yield* client.call("review", { verdict: "approve", body: "", comments: [] })
        assert.include(closed.text, "#8 is closed")
        assert.strictEqual(told.performed.length, 1)
      })
    )
  )

  it.live(
    "reply_review answers in threads of the agent's subject and its own pull request only",
    withRig((told) =>
      Effect.gen(function* () {
        const thread = (id: number) => ({
          id,
          review: 1,
          path: "a",
          line: 1,
          inReplyTo: null,
          author: "ada",
          body: "Why?",
          createdAt: 0,
          editor: null,
          editedAt: null
        })
        const grant = yield* startRun(reviewer)
        const client = yield* connect(grant)
        const none = yield* client.call("reply_review", { comment: 5, body: "So." })
        assert.include(none.text, "you have no open pull request")
        const head = { ref: `squadron/${grant.agent.id}`, sha, repository }
        somePull(told, 8, { author: "squadron[bot]", body: "x", head })
        somePull(told, 9, { author: "ada", body: "x", head: { ref: "other", sha, repository } })
        told.threads.set(8, [thread(5)])
        told.threads.set(9, [thread(6)])
        assert.isFalse((yield* client.call("reply_review", { comment: 5, body: "So." })).isError)
        const foreign = yield* client.call("reply_review", { comment: 6, body: "So." })
        assert.include(foreign.text, "there is no review comment 6 on #8")
        assert.deepStrictEqual(
          told.performed.map((draft) => [draft.subject, draft.action]),
          [[subject, { _tag: "reply_review", comment: 5, body: "So." }]]
        )
        const onNine = yield* connect(
          yield* startRun(reviewer, { id: "reviewer-9-e2", subject: Subject.pullRequest(repository, 9) })
        )
        assert.isFalse((yield* onNine.call("reply_review", { comment: 6, body: "So." })).isError)
      })
    )
  )
})
