import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect, linesOf, pm, startRun, withRig } from "./Rig.ts"
import { repository, someIssue, somePull } from "./TestForge.ts"

const limits = { timeout: 60_000 }

describe("reports", limits, () => {
  it.live(
    "say what the agent said, and the last one counts",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        someIssue(told, 9, { author: "ada", body: "x" })
        somePull(told, 10, { author: "ada", body: "x", head: { ref: "fix", sha: "1".repeat(40), repository } })
        const grant = yield* startRun(pm, { pullRequest: 10 })
        const client = yield* connect(grant)
        const reported = () => grant.reported
        const done = yield* client.call("report_done", { summary: "sorted" })
        assert.include(done.text, "End your turn now.")
        assert.deepStrictEqual(reported(), { _tag: "Completed", evidence: { summary: "sorted", pullRequest: 10 } })
        yield* client.call("report_no_work", { reason: "a twin" })
        assert.deepStrictEqual(reported(), { _tag: "NoWorkNeeded", reason: "a twin" })
        const blocked = yield* client.call("report_blocked", {
          on: ["9", "#10", `${repository}#9`],
          reason: "first that"
        })
        assert.include(blocked.text, `${repository}#9, ${repository}#10`)
        assert.deepStrictEqual(reported(), {
          _tag: "Blocked",
          on: [`${repository}#9`, `${repository}#10`],
          reason: "first that"
        })
        yield* client.call("ask_person", { question: "Which currency?" })
        assert.deepStrictEqual(reported(), { _tag: "NeedsInput", question: "Which currency?" })
        assert.deepStrictEqual(yield* linesOf(grant.agent.id), [
          "called report_done",
          "called report_no_work",
          `called report_blocked on ${repository}#9, ${repository}#10`,
          "called ask_person"
        ])
        assert.deepStrictEqual(told.performed, [])
      })
    )
  )

  it.live(
    "of blockers that are closed, unknown, elsewhere or the subject itself are refused and count for nothing",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        someIssue(told, 8, { author: "ada", body: "x", state: "closed" })
        someIssue(told, 9, { author: "ada", body: "x" })
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        for (const [on, why] of [
          [["7"], "you work on #7 yourself"],
          [["9", "8"], "#8 is closed, so it does not block you"],
          [["404"], `There is no issue ${repository}#404`],
          [["other/shop#9"], "out of reach"],
          [[], "on: "],
          [["9\nx"], "on.0: "]
        ] as const) {
          const { isError, text } = yield* client.call("report_blocked", { on, reason: "x" })
          assert.isTrue(isError)
          assert.include(text, why)
        }
        assert.isNull(grant.reported)
        assert.deepStrictEqual(grant.denied, [])
      })
    )
  )
})
