import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { makeAnswerCache } from "../../../../src/adapters/forge/github/answerCache.ts"
import { nextPage } from "../../../../src/adapters/forge/github/pages.ts"
import { type Fault, type GitHubDouble, makeGitHubDouble } from "../../../support/GitHubDouble.ts"
import { newIssue } from "../../../support/github/issueRoutes.ts"
import { textOf } from "../../../support/github/State.ts"
import { clientOn, draft, forgeOn, openPull, repository } from "./OnDouble.ts"

/** An issue of a person with so many comments. */
const withComments = (double: GitHubDouble, count: number) => {
  const { repository, state } = double
  const issue = newIssue(state, repository, "mona", { title: "one", body: "" })
  for (let number = 1; number <= count; number++) issue.comments.push(textOf(state, "IC", "mona", `${number}`))
  return issue
}

const page = (number: number) => (_: string, path: string) =>
  path.includes("/comments") && (path.includes(`page=${number}`) || (number === 1 && !/[?&]page=/.test(path)))

const failing = (double: GitHubDouble, fault: Partial<Fault> & Pick<Fault, "what">) =>
  double.faults.push({ when: (_, path) => path.startsWith("/repos/"), times: 1, ...fault })

const numbers = {
  page: Schema.Array(Schema.Struct({ id: Schema.Int })),
  entries: (page: ReadonlyArray<unknown>) => page
}

describe("GitHubClient", () => {
  it.effect("reads all pages, in order", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      withComments(double, 250)
      const forge = yield* forgeOn(double)
      const bodies = (yield* forge.comments(repository, 1)).map(({ body }) => Number(body))
      assert.deepStrictEqual(
        bodies,
        Array.from({ length: 250 }, (_, index) => index + 1)
      )
    })
  )

  it.effect("gives nothing out where one page cannot be read", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      withComments(double, 250)
      const forge = yield* forgeOn(double)
      failing(double, { when: page(3), what: { status: 502, body: { message: "Bad Gateway" } } })
      const error = yield* Effect.flip(forge.comments(repository, 1))
      assert.deepInclude(error, { _tag: "ForgeError", retryable: true })
    })
  )

  it.effect("gives nothing out of a list of more than a hundred pages", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      withComments(double, 201)
      const client = yield* clientOn(double)
      const path = `/repos/${repository}/issues/1/comments?per_page=2`
      const fault = yield* Effect.flip(client.list(path, numbers))
      assert.isFalse(fault.retryable)
      assert.include(fault.message, "more than 100 pages")
      double.repository.issues[0]?.comments.splice(199)
      assert.strictEqual((yield* client.list(path, numbers)).length, 199)
    })
  )

  it.effect("takes the token to no other server", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const other = yield* makeGitHubDouble
      withComments(double, 2)
      const client = yield* clientOn(double)
      const link = `<${other.apiUrl}/repos/acme/app/issues/1/comments?page=2>; rel="next"`
      failing(double, { what: { status: 200, body: [{ id: 1 }], headers: { link } } })
      const fault = yield* Effect.flip(client.list(`/repos/${repository}/issues/1/comments`, numbers))
      assert.include(fault.message, "another server")
      assert.deepStrictEqual(other.seen, [])
    })
  )

  it.effect("sees what came after a full page that is unchanged itself", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const issue = withComments(double, 100)
      const forge = yield* forgeOn(double)
      assert.strictEqual((yield* forge.comments(repository, 1)).length, 100)
      issue.comments.push(textOf(double.state, "IC", "mona", "late"))
      // the double, as GitHub, takes no account of the Link header in its tag
      assert.strictEqual((yield* forge.comments(repository, 1)).at(-1)?.body, "late")
      assert.isTrue(double.seen.some(({ status }) => status === 304))
    })
  )

  it.effect("asks again for what is unchanged without using up its budget", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const client = yield* clientOn(double)
      const schema = Schema.Struct({ default_branch: Schema.String })
      const first = yield* client.get(`/repos/${repository}`, schema)
      const left = double.budget.remaining
      assert.deepStrictEqual(yield* client.get(`/repos/${repository}`, schema), first)
      assert.strictEqual(double.seen.at(-1)?.status, 304)
      assert.strictEqual(double.budget.remaining, left)
    })
  )

  it.effect("says which field of an answer is missing", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      withComments(double, 0)
      const forge = yield* forgeOn(double)
      failing(double, { what: { status: 200, body: { number: 1, title: "one" } } })
      const error = yield* Effect.flip(forge.issue(repository, 1))
      assert.deepInclude(error, { _tag: "ForgeError", retryable: false })
      assert.include(error.message, "answer.state is missing")
      failing(double, { what: { status: 200, body: "no object" } })
      assert.include((yield* Effect.flip(forge.issue(repository, 1))).message, "answer")
    })
  )

  it.effect("tells limits, faults that may pass, and refusals apart", () =>
    Effect.gen(function* () {
      const limited = (body: unknown, headers: Readonly<Record<string, string>>, status = 403) => ({
        status,
        body: { message: body },
        headers
      })
      const expected: ReadonlyArray<readonly [Fault["what"], boolean, number | null]> = [
        [
          limited("API rate limit exceeded", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "120" }),
          true,
          120_000
        ],
        [limited("You have exceeded a secondary rate limit", {}), true, 60_000],
        [limited("You have exceeded a secondary rate limit", { "retry-after": "7" }), true, 7000],
        [limited("slow down", { "retry-after": "9" }, 429), true, 9000],
        [limited("slow down", {}, 429), true, 60_000],
        [limited("Resource not accessible by integration", {}), false, null],
        [limited("Bad Gateway", {}, 502), true, null],
        [limited("Unicorn", { "retry-after": "3" }, 503), true, 3000],
        [limited("Gone", {}, 451), false, null],
        ["drop before", true, null]
      ]
      for (const [what, retryable, retryAfter] of expected) {
        const double = yield* makeGitHubDouble
        const forge = yield* forgeOn(double)
        failing(double, { what })
        const error = yield* Effect.flip(forge.defaultBranch(repository))
        assert.deepStrictEqual([error.retryable, error.retryAfter], [retryable, retryAfter], JSON.stringify(what))
      }
    })
  )

  it.effect("asks nothing more until a limit is over", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      double.budget.remaining = 1
      double.budget.resetAt = 600_000
      yield* forge.defaultBranch(repository)
      const asked = double.seen.length
      const error = yield* Effect.flip(forge.defaultBranch(repository))
      assert.deepInclude(error, { retryable: true, retryAfter: 600_000 })
      assert.strictEqual(double.seen.length, asked)
      yield* TestClock.adjust("10 minutes")
      double.budget.remaining = double.budget.limit
      assert.strictEqual(yield* forge.defaultBranch(repository), "main")
    })
  )

  it.effect("waits thirty seconds for an answer, and no longer", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      failing(double, { what: "hang" })
      const fiber = yield* Effect.forkChild(Effect.flip(forge.defaultBranch(repository)))
      yield* TestClock.withLive(Effect.repeat(Effect.sleep(5), { until: () => double.seen.length > 0 }))
      yield* TestClock.adjust(29_999)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(fiber)
      assert.isTrue(error.retryable)
      assert.include(error.message, "no answer within 30 seconds")
    })
  )

  it.effect("has ten requests under way at most", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      failing(double, { what: "hang", times: 100 })
      const fiber = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 25 }, () => Effect.flip(forge.defaultBranch(repository))),
          { concurrency: "unbounded" }
        )
      )
      for (const count of [10, 20, 25]) {
        yield* TestClock.withLive(Effect.repeat(Effect.sleep(5), { until: () => double.seen.length >= count }))
        yield* TestClock.withLive(Effect.sleep(50))
        assert.strictEqual(double.seen.length, count)
        yield* TestClock.adjust("30 seconds")
      }
      yield* Fiber.join(fiber)
    })
  )

  it.effect("writes a second apart", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      withComments(double, 0)
      const forge = yield* forgeOn(double, { pause: "1 second" })
      const say = (key: string) => forge.perform(draft(key, 1, { _tag: "comment", body: key }))
      yield* say("a")
      const fiber = yield* Effect.forkChild(say("b"))
      const asked = () => double.seen.filter(({ method }) => method === "GET").length
      const before = asked()
      yield* TestClock.withLive(Effect.repeat(Effect.sleep(5), { until: () => asked() > before }))
      yield* TestClock.withLive(Effect.sleep(50))
      assert.strictEqual(double.seen.filter(({ method }) => method === "POST").length, 1)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.strictEqual(double.seen.filter(({ method }) => method === "POST").length, 2)
    })
  )

  it.effect("asks for no address that a name leads to", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      for (const name of ["../..", "acme/..", "./app"]) {
        assert.isFalse((yield* Effect.flip(forge.defaultBranch(name))).retryable)
        assert.isFalse((yield* Effect.flip(forge.issue(name, 1)))._tag === "IssueNotFound")
      }
      assert.deepStrictEqual(double.seen, [])
    })
  )

  it.effect("writes no half characters, which GitHub could not read", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      withComments(double, 0)
      const forge = yield* forgeOn(double)
      yield* forge.perform(draft("say", 1, { _tag: "comment", body: "half \ud83d of one" }))
      assert.strictEqual((yield* forge.comments(repository, 1))[0]?.body, "half \ufffd of one")
    })
  )

  it.effect("finds issues among many pull requests", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const issue = withComments(double, 0)
      const forge = yield* forgeOn(double)
      yield* openPull(double, forge)
      const pull = double.repository.issues.find((row) => row.pull !== null)
      assert(pull)
      for (let number = 3; number <= 130; number++) double.repository.issues.push({ ...pull, number })
      const found = yield* forge.issues({ repository, limit: 1 })
      assert.deepStrictEqual(
        found.map(({ number }) => number),
        [issue.number]
      )
    })
  )

  it.effect("says what it is, and which of GitHub's versions it speaks", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      yield* forge.defaultBranch(repository)
      const headers = double.seen.at(-1)?.headers
      assert.deepInclude(headers, {
        "x-github-api-version": "2022-11-28",
        "user-agent": "squadron",
        accept: "application/vnd.github+json",
        authorization: "Bearer ghp_double"
      })
      assert.isUndefined(headers?.["traceparent"])
    })
  )

  it("keeps the answers that were asked for last, within its limits", () => {
    const cache = makeAnswerCache({ entries: 3, characters: 100 })
    const kept = (text: string) => ({ etag: text, text, link: undefined })
    for (const key of ["a", "b", "c"]) cache.put(key, kept(key))
    assert.isDefined(cache.get("a"))
    cache.put("d", kept("d"))
    assert.deepStrictEqual(
      ["a", "b", "c", "d"].map((key) => cache.get(key)?.text),
      ["a", undefined, "c", "d"]
    )
    cache.put("e", kept("x".repeat(99)))
    assert.deepStrictEqual(
      ["a", "c", "d", "e"].map((key) => cache.get(key) !== undefined),
      [false, false, true, true]
    )
    cache.put("f", kept("x".repeat(101)))
    assert.isUndefined(cache.get("f"))
    cache.put("a", kept("a"))
    assert.isDefined(cache.get("a"))
  })

  it("reads Link headers", () => {
    const link = (rel: string) => `<https://api.github.com/x?a=1,2&page=2>; rel="${rel}"`
    assert.strictEqual(nextPage(link("next")), "https://api.github.com/x?a=1,2&page=2")
    assert.strictEqual(nextPage(`${link("prev")}, ${link("last next")}`), "https://api.github.com/x?a=1,2&page=2")
    for (const none of [undefined, "", link("prev"), link("nextish")]) assert.isNull(nextPage(none))
  })
})
