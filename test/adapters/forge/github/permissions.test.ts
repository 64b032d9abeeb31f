import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { trustFor } from "../../../../src/adapters/forge/github/permissions.ts"
import { makeGitHubDouble } from "../../../support/GitHubDouble.ts"
import { forgeOn, repository } from "./OnDouble.ts"

describe("Trust on GitHub", () => {
  it("is GitHub's role, or the access that an organization's own role is based on", () => {
    const cases = [
      ["admin", "admin", "admin"],
      ["write", "maintain", "maintain"],
      ["write", "write", "write"],
      ["read", "triage", "triage"],
      ["read", "read", "read"],
      ["none", "none", "none"],
      ["write", "release-captain", "write"],
      ["read", "release-captain", "read"],
      ["strange", "release-captain", "none"]
    ] as const
    for (const [permission, role, trust] of cases) {
      assert.strictEqual(trustFor({ permission, role_name: role }), trust)
    }
    assert.strictEqual(trustFor({ permission: "write" }), "write")
  })

  it.effect("is asked for once in five minutes, and is none for whom GitHub does not know", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      const asked = () => double.seen.filter(({ path }) => path.includes("/collaborators/")).length
      assert.strictEqual(yield* forge.trust(repository, "hubot"), "write")
      double.repository.permissions.set("hubot", { permission: "read", role: "read" })
      yield* TestClock.adjust("4 minutes")
      assert.strictEqual(yield* forge.trust(repository, "Hubot"), "write")
      assert.strictEqual(asked(), 1)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* forge.trust(repository, "hubot"), "read")
      assert.strictEqual(yield* forge.trust(repository, "stranger"), "none")
      assert.strictEqual(yield* forge.trust(repository, "../../mona"), "none")
      assert.isFalse(double.seen.some(({ path }) => path.includes("..")))
    })
  )

  it.effect("is not known, and not remembered, where GitHub cannot say", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      const forge = yield* forgeOn(double)
      double.faults.push({ when: () => true, what: { status: 503, body: {} }, times: 1 })
      assert.isTrue((yield* Effect.flip(forge.trust(repository, "mona"))).retryable)
      assert.strictEqual(yield* forge.trust(repository, "mona"), "admin")
    })
  )
})
