import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { makeGitHubDouble, type GitHubDouble } from "../../../support/GitHubDouble.ts"
import { clientOn, draft, forgeOn, repository } from "./OnDouble.ts"

const tokenRequests = (double: GitHubDouble) => double.seen.filter(({ path }) => path.endsWith("/access_tokens"))
const installationRequests = (double: GitHubDouble) => double.seen.filter(({ path }) => path.endsWith("/installation"))

describe("GitHub credentials", () => {
  it.effect("fetches one token for fifty who ask at once", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { as: "app" })
      const reads = Array.from({ length: 50 }, () => forge.defaultBranch(repository))
      const names = yield* Effect.all(reads, { concurrency: "unbounded" })
      assert.deepStrictEqual(new Set(names), new Set(["main"]))
      assert.strictEqual(tokenRequests(double).length, 1)
      assert.strictEqual(installationRequests(double).length, 1)
    })
  )

  it.effect("fetches the token for the others where the first who asked was interrupted", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { as: "app" })
      const first = yield* Effect.forkChild(forge.defaultBranch(repository), { startImmediately: true })
      const others = yield* Effect.forkChild(
        Effect.all([forge.defaultBranch(repository), forge.defaultBranch(repository)], { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* Fiber.join(others), ["main", "main"])
    })
  )

  it.effect("uses a token until five minutes before its end, then another", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { as: "app" })
      yield* forge.defaultBranch(repository)
      yield* TestClock.adjust("54 minutes")
      yield* forge.defaultBranch(repository)
      assert.strictEqual(tokenRequests(double).length, 1)
      yield* TestClock.adjust("2 minutes")
      yield* forge.defaultBranch(repository)
      assert.strictEqual(tokenRequests(double).length, 2)
    })
  )

  it.effect("takes another token once where GitHub does not take the one it has, also when many notice at once", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { as: "app" })
      yield* forge.defaultBranch(repository)
      for (const token of double.state.tokens.keys()) {
        if (token.startsWith("ghs_")) double.state.tokens.delete(token)
      }
      const reads = Array.from({ length: 8 }, () => forge.defaultBranch(repository))
      assert.deepStrictEqual(new Set(yield* Effect.all(reads, { concurrency: "unbounded" })), new Set(["main"]))
      assert.strictEqual(tokenRequests(double).length, 2)
    })
  )

  it.effect("gives up where GitHub does not take the new token either", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { as: "app" })
      const bad = { status: 401, body: { message: "Bad credentials" } }
      double.faults.push({ when: (_, path) => path === `/repos/${repository}`, what: bad, times: 5 })
      const error = yield* Effect.flip(forge.defaultBranch(repository))
      assert.isFalse(error.retryable)
      assert.include(error.message, "Bad credentials")
      assert.strictEqual(double.faults[0]?.times, 3)
    })
  )

  it.effect("does not remember that it could not get a token", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { as: "app" })
      const down = { status: 502, body: { message: "Bad Gateway" } }
      double.faults.push({ when: (_, path) => path.endsWith("/access_tokens"), what: down, times: 1 })
      const error = yield* Effect.flip(forge.defaultBranch(repository))
      assert.isTrue(error.retryable)
      assert.strictEqual(yield* forge.defaultBranch(repository), "main")
    })
  )

  it.effect("says where the app is not installed", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { as: "app" })
      const error = yield* Effect.flip(forge.defaultBranch("stranger/app"))
      assert.isFalse(error.retryable)
      assert.include(error.message, "not installed for stranger")
    })
  )

  it.effect("asks each owner's repositories with that owner's installation", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      double.addRepository("other/tool")
      const forge = yield* forgeOn(double, { as: "app" })
      yield* forge.defaultBranch(repository)
      yield* forge.defaultBranch("other/tool")
      yield* forge.defaultBranch("ACME/app")
      assert.strictEqual(tokenRequests(double).length, 2)
      yield* forge.perform(draft("one", 0, { _tag: "open_issue", title: "one", body: "", labels: [] }))
      assert.deepStrictEqual(
        (yield* forge.issues({ limit: 10 })).map(({ repository, title }) => [repository, title]),
        [[repository, "one"]]
      )
    })
  )

  it.effect("finds the installation again where the app was removed and installed anew", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { as: "app" })
      yield* forge.defaultBranch(repository)
      yield* TestClock.adjust("56 minutes")
      const gone = { status: 404, body: { message: "Not Found" } }
      double.faults.push({ when: (_, path) => path.endsWith("/access_tokens"), what: gone, times: 1 })
      assert.isFalse((yield* Effect.flip(forge.defaultBranch(repository))).retryable)
      assert.strictEqual(yield* forge.defaultBranch(repository), "main")
      assert.strictEqual(installationRequests(double).length, 2)
    })
  )

  it.effect("asks with the one installation that it is told", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const auth = { ...double.app, installation: 11 } as const
      const forge = yield* forgeOn(double, { auth: auth as typeof double.app })
      assert.strictEqual(yield* forge.defaultBranch(repository), "main")
      assert.strictEqual(installationRequests(double).length, 0)
    })
  )

  it.effect("says that a private key cannot be used, without it", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double, { auth: { _tag: "app", id: 7, privateKey: Redacted.make("sesame") } })
      const error = yield* Effect.flip(forge.defaultBranch(repository))
      assert.include(error.message, "private key")
      assert.notInclude(error.message, "sesame")
      assert.isFalse(error.retryable)
    })
  )

  it.effect("knows its own name, as a person's token, as an app, and as a token that is nobody's", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      assert.strictEqual(yield* (yield* clientOn(double)).login(repository), "squadron-bot")
      assert.strictEqual(yield* (yield* clientOn(double, { as: "app" })).login(repository), "squadron[bot]")
      double.state.tokens.set("ghs_workflow", { login: "actions[bot]", owner: "acme", app: false, expiresAt: 1e15 })
      const workflow = yield* clientOn(double, { auth: { _tag: "token", token: Redacted.make("ghs_workflow") } })
      assert.strictEqual(yield* workflow.login(repository), "actions[bot]")
    })
  )

  it.effect("gives git the token as a header, redacted", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const { header, url } = yield* (yield* forgeOn(double)).remote(repository)
      assert.strictEqual(url, `${double.webUrl}/acme/app.git`)
      assert(header !== null)
      assert.notInclude(String(header), "Basic")
      const basic = Buffer.from("x-access-token:ghp_double").toString("base64")
      assert.strictEqual(Redacted.value(header), `Authorization: Basic ${basic}`)
    })
  )
})
