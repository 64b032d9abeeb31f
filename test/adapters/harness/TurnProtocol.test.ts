import { assert, describe, it } from "@effect/vitest"
import { Arbitrary } from "effect"
import { type Line, readLine } from "../../../src/adapters/harness/TurnProtocol.ts"
import { makeTurnOutput } from "../../../src/adapters/harness/TurnOutput.ts"
import { Action } from "../../../src/domain/Action.ts"
import { ReportedOutcome } from "../../../src/domain/Outcome.ts"

const read = (value: unknown) => readLine(typeof value === "string" ? value : JSON.stringify(value), "acme/shop")

describe("short forms", () => {
  const means = (value: object, action: Action | ReadonlyArray<Action>, issue?: number) =>
    assert.deepStrictEqual(read(value), {
      _tag: "Actions",
      actions: [action].flat().map((action) => (issue === undefined ? { action } : { action, issue }))
    })

  it("every action has one", () => {
    means({ type: "comment", body: "x" }, { _tag: "comment", body: "x" })
    means({ type: "comment", body: "x", issue: 4 }, { _tag: "comment", body: "x" }, 4)
    means({ type: "assign", assignees: ["ann"] }, { _tag: "assign", assignees: ["ann"] })
    means({ type: "open_issue", title: "x" }, { _tag: "open_issue", title: "x", body: "", labels: [] })
    means({ type: "close_issue" }, { _tag: "close_issue", reason: "completed" })
    means({ type: "close_issue", reason: "not_planned" }, { _tag: "close_issue", reason: "not_planned" })
    means({ type: "reopen_issue" }, { _tag: "reopen_issue" })
    means(
      { type: "label", add: ["a"], remove: ["b"], issue: 4 },
      [
        { _tag: "add_labels", labels: ["a"] },
        { _tag: "remove_labels", labels: ["b"] }
      ],
      4
    )
  })

  it("blockers are named by number, by #number or in full", () => {
    const on = ["acme/shop#12", "acme/shop#13", "acme/other#1"]
    const given = [12, "#13", "acme/other#1"]
    const outcome = { _tag: "Blocked", on, reason: "first these" } as const
    assert.deepStrictEqual(read({ type: "blocked", on: given, reason: "first these" }), { _tag: "Outcome", outcome })
    assert.deepStrictEqual(read({ type: "outcome", outcome: { ...outcome, on: ["12", "#13", "acme/other#1"] } }), {
      _tag: "Outcome",
      outcome
    })
  })

  it("evidence may come with done", () => {
    assert.deepStrictEqual(read({ type: "done", summary: "x", commits: ["abc"], pullRequest: 9 }), {
      _tag: "Outcome",
      outcome: { _tag: "Completed", evidence: { summary: "x", commits: ["abc"], pullRequest: 9 } }
    })
  })
})

describe("long forms", () => {
  it.prop("every action survives the way through a line", [Arbitrary.schema(Action)], ([action]) => {
    assert.deepStrictEqual(read({ type: "action", action, issue: 3 }), {
      _tag: "Actions",
      actions: [{ action, issue: 3 }]
    })
  })

  it.prop(
    "every outcome that a program may report survives it, but for a blocker that is no issue",
    [Arbitrary.schema(ReportedOutcome)],
    ([outcome]) => {
      if (outcome._tag === "Blocked") return
      // As JSON has it, which knows no -0.
      const written: unknown = JSON.parse(JSON.stringify(outcome))
      assert.deepStrictEqual(read({ type: "outcome", outcome }), { _tag: "Outcome", outcome: written } as Line)
    }
  )
})

describe("mistakes", () => {
  const refused = (value: unknown, problem: string | RegExp) => {
    const line = read(value)
    if (line._tag !== "Violation") return assert.fail(`${JSON.stringify(value)} was read as ${line._tag}`)
    if (typeof problem === "string") assert.strictEqual(line.problem, problem)
    else assert.match(line.problem, problem)
  }

  it("name the field and what was expected", () => {
    refused({ type: "comment" }, "field `body`: is missing")
    refused({ type: "comment", body: 3 }, "field `body`: expected string")
    refused({ type: "comment", body: "x", isue: 3 }, "field `isue`: is not a field that is known here")
    refused({ type: "comment", body: "x", issue: "3" }, "field `issue`: expected number")
    refused({ type: "action", action: { _tag: "comment" } }, "field `action.body`: is missing")
    refused(
      { type: "action", action: { _tag: "fly" } },
      /^field `action\._tag`: expected one of comment, add_labels, .*, got "fly"$/
    )
    refused({ type: "action" }, "field `action`: is missing")
    refused(
      { type: "outcome", outcome: { _tag: "Completed", evidence: { summary: 3 } } },
      "field `outcome.evidence.summary`: expected string"
    )
    refused({ type: "label" }, "field `add`: expected `add`, `remove` or both")
    refused({ type: "blocked", on: [], reason: "" }, "field `on`: expected at least one issue")
    refused(
      { type: "blocked", on: ["soon"], reason: "" },
      'field `on`: expected an issue\'s number or "owner/name#12", got "soon"'
    )
  })

  it("numbers that no forge gives are none", () => {
    refused(
      { type: "outcome", outcome: { _tag: "Completed", evidence: { summary: "", pullRequest: 0 } } },
      /pullRequest/
    )
    refused({ type: "reply_review", comment: -0, body: "x" }, /comment/)
  })

  it("a program may not report what is for Squadron to find", () => {
    refused(
      { type: "outcome", outcome: { _tag: "Stalled", silentFor: 3 } },
      /^field `outcome\._tag`: expected one of Completed, .*, got "Stalled"$/
    )
  })

  it("JSON that is broken is refused only if it begins as ours", () => {
    refused(`{"type":"comment","body":"a "quote""}`, /^a `comment` line that is not one line of valid JSON/)
    refused(`  { "type" : "done", "summary":`, /^a `done` line that is not one line of valid JSON/)
    assert.deepStrictEqual(read(`{"type":"assistant","text":"a "quote""}`), { _tag: "Text" })
  })

  it("a slip in the type is refused, another program's type is not", () => {
    refused({ type: "coment", body: "x" }, 'field `type`: "coment" is unknown; "comment" is meant, it seems')
    refused({ type: "otucome" }, 'field `type`: "otucome" is unknown; "outcome" is meant, it seems')
    refused({ type: "Done", summary: "x" }, 'field `type`: "Done" is unknown; "done" is meant, it seems')
    for (const type of ["assistant", "user", "system", "result", "task", "message", "constructor", "__proto__", ""]) {
      assert.deepStrictEqual(read({ type, body: "x" }), { _tag: "Text" }, type)
    }
  })
})

describe("output in pieces", () => {
  const output = (limit = 1e9) => {
    const violations: Array<string> = []
    const made = makeTurnOutput({
      limit,
      repository: "acme/shop",
      tools: ["comment"],
      onProgress: () => undefined,
      onViolation: (sentence) => violations.push(sentence)
    })
    return { made, violations }
  }

  it("means the same however it is cut", () => {
    const text = Buffer.from(`début\r\n{"type":"comment","body":"é1"}\n\n{"type":"done","summary":"é2"}`)
    for (let size = 1; size <= text.length; size++) {
      const { made } = output()
      for (let at = 0; at < text.length; at += size) made.push(text.subarray(at, at + size), "stdout")
      made.close(true)
      assert.deepStrictEqual(made.actions, [{ action: { _tag: "comment", body: "é1" } }])
      assert.deepStrictEqual(made.outcome, { _tag: "Completed", evidence: { summary: "é2" } })
      assert.strictEqual(made.transcript, "début")
    }
  })

  it("a line of several megabytes is transcript, and the next line counts", () => {
    const { made, violations } = output()
    const piece = Buffer.from("x".repeat(65_536))
    for (let at = 0; at < 64; at++) made.push(piece, "stdout")
    made.push(Buffer.from(`end\n{"type":"done","summary":"s"}\n`), "stdout")
    assert.deepStrictEqual(made.outcome, { _tag: "Completed", evidence: { summary: "s" } })
    assert.strictEqual(made.transcript.length, 65_535)
    assert.match(made.transcript, /xend$/)
    assert.deepStrictEqual(violations, [])
  })

  it("a line of several megabytes that begins as ours is refused", () => {
    const { made, violations } = output()
    made.push(Buffer.from(`ok\n{"type":"comment","body":"`), "stdout")
    for (let at = 0; at < 64; at++) made.push(Buffer.from("x".repeat(65_536)), "stdout")
    assert.deepStrictEqual(violations, ["line 2: longer than 1048576 bytes"])
    assert.deepStrictEqual(made.actions, [])
  })

  it("exactly the limit is fine, one byte more is not, and what came before it still counts", () => {
    const { made, violations } = output(10)
    made.push(Buffer.from("12345\n"), "stdout")
    made.push(Buffer.from("789\n"), "stderr")
    assert.deepStrictEqual(violations, [])
    made.push(Buffer.from("x"), "stdout")
    assert.deepStrictEqual(violations, ["printed more than 10 bytes, its role's `output` limit"])
    assert.strictEqual(made.transcript, "12345")
    assert.strictEqual(made.stderr, "789")
  })
})
