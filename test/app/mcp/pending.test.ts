import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import type { Outcome } from "../../../src/domain/Outcome.ts"
import { commitAll, git, write } from "../../adapters/workspace/Rig.ts"
import { begin, headOf, test } from "./OnWorkspace.ts"
import { linesOf } from "./Rig.ts"
import { someIssue } from "./TestForge.ts"

const questionOf = (outcome: Outcome | null): string => (outcome?._tag === "NeedsInput" ? outcome.question : "")

/** A run whose push was withheld, since it changes a protected file. */
const withheld = Effect.gen(function* () {
  const run = yield* begin()
  write(run.clone, { "package.json": "{}\n", "src/a.txt": "changed\n" })
  commitAll(run.clone, "all of it")
  const { isError } = yield* run.client.call("push_work")
  assert.isTrue(isError)
  assert.include(questionOf(run.grant.reported), '- "package.json"')
  return { ...run, reported: (): Outcome | null => run.grant.reported }
})

describe("a question about withheld work", () => {
  test("stays the turn's report, whatever the agent reports afterwards, and the agent is told", ({ told }) =>
    Effect.gen(function* () {
      someIssue(told, 9, { author: "ada", body: "x" })
      const { client, grant, reported } = yield* withheld
      const asked = reported()
      for (const [name, args] of [
        ["report_done", { summary: "done" }],
        ["report_no_work", { reason: "nothing" }],
        ["report_blocked", { on: ["9"], reason: "first that" }]
      ] as const) {
        const { isError, text } = yield* client.call(name, args)
        assert.isTrue(isError)
        assert.include(text, `${name}: your push waits for a person's word`)
        assert.include(text, "undo the changes to these files, push, and report again")
        assert.strictEqual(reported(), asked)
      }
      const lines = yield* linesOf(grant.agent.id)
      assert.strictEqual(lines.at(-1), "refused report_blocked: a person is asked about files first")
    }))

  test("is asked together with the agent's own question, whichever came first", () =>
    Effect.gen(function* () {
      const { client, grant, reported } = yield* withheld
      assert.isFalse((yield* client.call("ask_person", { question: "Which currency?" })).isError)
      assert.include(questionOf(reported()), '- "package.json"')
      assert.include(questionOf(reported()), "Which currency?")
      // the last question counts, as without the other one
      yield* client.call("ask_person", { question: "Which tax?" })
      assert.include(questionOf(reported()), '- "package.json"')
      assert.include(questionOf(reported()), "Which tax?")
      assert.notInclude(questionOf(reported()), "Which currency?")
      grant.reported = null
      yield* client.call("ask_person", { question: "Which colour?" })
      yield* client.call("push_work")
      assert.include(questionOf(reported()), '- "package.json"')
      assert.include(questionOf(reported()), "Which colour?")
    }))

  test("is taken back by the push that has no such files any more, and reports count again", ({ origin }) =>
    Effect.gen(function* () {
      const { client, clone, reported } = yield* withheld
      git(clone, "rm", "-q", "package.json")
      const head = commitAll(clone, "without it")
      // its history still holds the file, the change does not
      assert.isFalse((yield* client.call("push_work")).isError)
      assert.strictEqual(headOf(origin), head)
      assert.isNull(reported())
      assert.isFalse((yield* client.call("report_done", { summary: "done" })).isError)
      assert.strictEqual(reported()?._tag, "Completed")
    }))

  test("leaves the agent's own question when it is taken back", () =>
    Effect.gen(function* () {
      const { client, clone, reported } = yield* withheld
      yield* client.call("ask_person", { question: "Which currency?" })
      git(clone, "rm", "-q", "package.json")
      commitAll(clone, "without it")
      assert.isFalse((yield* client.call("push_work")).isError)
      assert.deepStrictEqual(reported(), { _tag: "NeedsInput", question: "Which currency?" })
    }))

  test("is taken back where the agent has undone all of its work", () =>
    Effect.gen(function* () {
      const { client, clone, reported } = yield* withheld
      git(clone, "reset", "-q", "--hard", "main")
      assert.include((yield* client.call("push_work")).text, "your branch has no commits")
      assert.isNull(reported())
      assert.isFalse((yield* client.call("report_no_work", { reason: "nothing" })).isError)
    }))

  test("does not outlive its turn", () =>
    Effect.gen(function* () {
      const { client, grant, reported } = yield* withheld
      // as the harness begins a turn
      grant.reported = null
      assert.isFalse((yield* client.call("report_done", { summary: "done" })).isError)
      assert.strictEqual(reported()?._tag, "Completed")
    }))
})
