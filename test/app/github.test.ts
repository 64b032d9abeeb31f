import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { GitHubClient } from "../../src/adapters/forge/github/GitHubClient.ts"
import { gitHubForge } from "../../src/app/github.ts"
import { sqliteStoreLayer } from "../../src/app/layers.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Forge } from "../../src/services/Forge.ts"
import { RecentActions } from "../../src/services/RecentActions.ts"
import { makeGitHubDouble } from "../support/GitHubDouble.ts"
import { newIssue } from "../support/github/issueRoutes.ts"

describe("GitHub as the daemon has it", () => {
  it.effect("knows what it did there when GitHub tells of it", () =>
    Effect.gen(function* () {
      const double = yield* makeGitHubDouble
      newIssue(double.state, double.repository, "mona", { title: "Crash", body: "" })
      const subject = Subject.issue("acme/app", 1)
      const github = { apiUrl: double.apiUrl, webUrl: double.webUrl, repositories: [] }
      const { token } = double
      assert(token._tag === "token")
      yield* Effect.gen(function* () {
        const forge = yield* Forge
        const recent = yield* RecentActions
        assert.strictEqual(yield* (yield* GitHubClient).login("acme/app"), "squadron-bot")
        yield* forge.perform({
          key: "pm-1-e1/1/c1",
          subject,
          agent: "pm-1-e1",
          depth: 3,
          action: { _tag: "close_issue", reason: "completed" }
        })
        assert.strictEqual((yield* forge.issue("acme/app", 1)).state, "closed")
        const event = recent.attribute({
          key: "github:1",
          source: "github",
          at: 0,
          actor: { login: "squadron-bot", kind: "agent" },
          subject,
          causedBy: null,
          depth: 1,
          detail: {
            _tag: "issue.closed",
            issue: { title: "Crash", body: "", state: "closed", author: "mona", labels: [], assignees: [] }
          }
        })
        assert.deepInclude(event, { causedBy: "pm-1-e1", depth: 3 })
      }).pipe(
        Effect.provide(
          gitHubForge({ github }, token, () => double.mirror).pipe(
            Layer.provideMerge(RecentActions.layer),
            Layer.provideMerge(sqliteStoreLayer({ filename: ":memory:" }))
          )
        )
      )
    })
  )
})
