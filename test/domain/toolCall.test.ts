import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Tool, writingTools } from "../../src/domain/Action.ts"
import { makeRole } from "../../src/domain/Role.ts"
import { SubjectKind } from "../../src/domain/Subject.ts"
import {
  expectedBefore,
  judgeCall,
  protectedQuestion,
  referenceIn,
  reserved,
  toolNames,
  toolsOf
} from "../../src/domain/toolCall.ts"

const role = (tools: ReadonlyArray<Tool>) => makeRole({ name: "r", harness: { _tag: "function", name: "f" }, tools })

const everything = role(Tool.literals)

describe("tools", () => {
  it.prop(
    "that are listed are the ones that are allowed, and none without the role's word",
    [Schema.Array(Tool), SubjectKind, Schema.Boolean],
    ([tools, kind, workspace]) => {
      const caller = { role: role(tools), kind, workspace }
      const listed = toolsOf(caller)
      for (const name of [...toolNames, ...reserved, "nonsense", "constructor"]) {
        assert.strictEqual(
          judgeCall(name, caller)._tag === "Allowed",
          listed.some((one) => one === name)
        )
      }
      const acts = listed.filter(
        (name) => !name.startsWith("re") && !name.startsWith("list") && !name.startsWith("ask")
      )
      for (const name of acts) {
        if (name === "save_work") assert.isTrue(workspace)
        else assert.isTrue(tools.some((tool) => tool === name || (tool === "push" && name === "push_work")))
      }
      if (!workspace)
        for (const name of [...writingTools, "push_work", "save_work"])
          assert.isFalse(listed.some((one) => one === name))
    }
  )

  it("are denied where the role lacks them, refused where only the place does", () => {
    const here = { role: everything, kind: "issue" as const, workspace: false }
    assert.strictEqual(judgeCall("review", here)._tag, "Refused")
    assert.strictEqual(judgeCall("push_work", here)._tag, "Refused")
    assert.strictEqual(judgeCall("save_work", here)._tag, "Refused")
    for (const name of reserved) assert.strictEqual(judgeCall(name, here)._tag, "Denied")
    const bare = { ...here, role: role([]) }
    assert.strictEqual(judgeCall("review", bare)._tag, "Denied")
    assert.strictEqual(judgeCall("push_work", bare)._tag, "Denied")
    const judgement = judgeCall("comment", bare)
    assert.include(judgement._tag === "Denied" ? judgement.why : "", "You may use: read_subject,")
  })

  it("read and report for every role", () => {
    for (const kind of SubjectKind.literals) {
      assert.deepStrictEqual(
        [...toolsOf({ role: role([]), kind, workspace: false })],
        [
          "read_subject",
          "list_issues",
          "read_issue",
          "read_checks",
          "report_done",
          "report_no_work",
          "report_blocked",
          "ask_person"
        ]
      )
    }
  })
})

describe("a reference", () => {
  const repository = "acme/shop"
  for (const given of [12, "12", "#12", " 12 ", "acme/shop#12", "ACME/Shop#12"]) {
    it(`${JSON.stringify(given)} is number 12`, () =>
      assert.deepStrictEqual(referenceIn(repository, given), { number: 12 }))
  }
  for (const given of ["other/shop#12", "acme/shopping#12", "acme/shop.git#12"]) {
    it(`${given} is out of reach`, () => {
      const reference = referenceIn(repository, given)
      assert.include("why" in reference ? reference.why : "", "out of reach")
    })
  }
  for (const given of [
    0,
    -1,
    1.5,
    Number.NaN,
    "",
    "#",
    "twelve",
    "shop#12",
    "acme/shop#12x",
    "../12",
    "12#13",
    "9".repeat(30),
    "acme/shop#12\n"
  ]) {
    it(`${JSON.stringify(given)} is ${given === "acme/shop#12\n" ? "number 12 all the same" : "none"}`, () => {
      assert.strictEqual("why" in referenceIn(repository, given), given !== "acme/shop#12\n")
    })
  }
})

describe("where a branch must be before a push", () => {
  const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(40)) as [string, string, string]
  const pull = (head: string, options: { readonly state?: "open" | "closed"; readonly merged?: boolean } = {}) => ({
    number: 3,
    head,
    state: options.state ?? "open",
    merged: options.merged ?? false
  })
  const has = new Set([a, b])

  it("is nowhere before the first one", () =>
    assert.deepStrictEqual(expectedBefore({ pushed: [], pullRequest: null, has }), { expected: null }))
  it("is where the agent left it", () => {
    assert.deepStrictEqual(expectedBefore({ pushed: [b, a], pullRequest: null, has }), { expected: b })
    assert.deepStrictEqual(expectedBefore({ pushed: [b, a], pullRequest: pull(b), has }), { expected: b })
  })
  it("is where the agent left it, also where the forge shows an older push of its own", () =>
    assert.deepStrictEqual(expectedBefore({ pushed: [b, a], pullRequest: pull(a), has }), { expected: b }))
  it("is where somebody else left it, if the work has that", () =>
    assert.deepStrictEqual(expectedBefore({ pushed: [a], pullRequest: pull(b), has }), { expected: b }))
  it("is out of bounds where somebody else's commits would be lost", () => {
    const before = expectedBefore({ pushed: [b, a], pullRequest: pull(c), has })
    assert.include("why" in before ? before.why : "", "somebody else pushed")
  })
  it("is out of bounds after the merge, and not after a closing", () => {
    const merged = expectedBefore({ pushed: [a], pullRequest: pull(a, { state: "closed", merged: true }), has })
    assert.include("why" in merged ? merged.why : "", "#3 is merged")
    assert.deepStrictEqual(expectedBefore({ pushed: [a], pullRequest: pull(c, { state: "closed" }), has }), {
      expected: a
    })
  })
})

describe("the question before protected files are pushed", () => {
  it("names them, and the command that a shell takes as it is meant", () => {
    const question = protectedQuestion(
      { id: "dev-7-e1", repository: "acme/shop" },
      { protected: ["package.json", "a b/Makefile", "it's/Makefile"], binary: ["$(reboot).png"] }
    )
    assert.include(question, '- "a b/Makefile"')
    assert.include(question, "Not text")
    assert.isTrue(
      question.endsWith("squadron approve dev-7-e1 package.json 'a b/Makefile' 'it'\\''s/Makefile' '$(reboot).png'")
    )
  })

  it("stays short", () => {
    const many = Array.from({ length: 500 }, (_, i) => `a${i}/package.json`)
    const question = protectedQuestion({ id: "x", repository: "acme/shop" }, { protected: many, binary: [] })
    assert.include(question, "- and 450 more")
    assert.isBelow(question.length, 4000)
  })
})
