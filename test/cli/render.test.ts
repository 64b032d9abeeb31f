import { assert, describe, it } from "@effect/vitest"
import { entryLine } from "../../src/cli/commands/watch.ts"
import { line, lines } from "../../src/app/terminalText.ts"
import { explainAgent, explainEvent } from "../../src/cli/explanations.ts"
import { age, fit, span, table } from "../../src/cli/render.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { acted, fixer, repository, routed } from "../app/ServedSquadron.ts"

describe("a table", () => {
  it("aligns its columns, also under wide characters", () => {
    assert.strictEqual(
      table(
        ["NAME", "N"],
        [
          ["東京", 1],
          ["a", 22]
        ]
      ),
      ["NAME  N", "東京  1", "a     22"].join("\n")
    )
  })

  it("keeps each cell on one line of at most 60 columns", () => {
    const [, row = ""] = table(["A", "B"], [["x".repeat(100), "two\nlines"]]).split("\n")
    assert.strictEqual(row, `${"x".repeat(59)}…  two lines`)
  })
})

describe("an age", () => {
  it("is told in its largest whole unit", () => {
    const second = 1_000
    const cases: ReadonlyArray<readonly [number, string]> = [
      [0, "just now"],
      [-5 * second, "just now"],
      [999, "just now"],
      [second, "1s ago"],
      [59 * second, "59s ago"],
      [60 * second, "1m ago"],
      [3_599 * second, "59m ago"],
      [3_600 * second, "1h ago"],
      [86_400 * second, "1d ago"]
    ]
    for (const [past, told] of cases) assert.strictEqual(age(100_000_000, 100_000_000 - past), told)
    assert.strictEqual(span(0), "0s")
  })
})

describe("a text from outside", () => {
  it("cannot steer the terminal", () => {
    assert.strictEqual(line("a\u001b[2Jb\r\nc\u202ed\u0000"), "a [2Jb c d")
    assert.strictEqual(lines("one\u0007\ntwo"), "one\ntwo")
    assert.strictEqual(fit("short", 5), "short")
    assert.strictEqual(fit("longer", 5), "long…")
    assert.notInclude(entryLine({ ...routed, text: "\u001b]0;owned\u0007" }), "\u001b")
  })
})

describe("an explanation", () => {
  const event = {
    seq: 1,
    key: "k",
    source: "local" as const,
    at: 0,
    actor: { login: "ana", kind: "person" as const },
    subject: Subject.issue(repository, 7),
    causedBy: null,
    depth: 0,
    detail: { _tag: "custom" as const, name: "deploy.failed", payload: null }
  }

  it("of an event tells which rule took it, which did not, and why", () => {
    const text = explainEvent({ event, routed: true, journal: [routed], agents: [fixer] }, 180_000)
    assert.match(text, /^Event 1: custom deploy\.failed on acme\/shop#7, by ana, 3m ago$/m)
    assert.match(text, /^ {2}took it {2}fixer {3}rule \d+ {2}all conditions hold$/m)
    assert.match(text, /^ {2}no {7}triage {2}rule \d+ {2}label bug is not there$/m)
    assert.match(text, /^ {2}fixer-7-e1 {2}asking/m)
  })

  it("of an event that nothing listens to says so", () => {
    const text = explainEvent({ event, routed: true, journal: [], agents: [] }, 0)
    assert.include(text, "No rule listens to events of this type.")
    assert.include(explainEvent({ event, routed: false, journal: [], agents: [] }, 0), "waits to be routed")
  })

  it("of an agent tells its runs with their outcomes", () => {
    const run = {
      id: "fixer-7-e1/1",
      agent: fixer.id,
      n: 1,
      openedAt: 0,
      closedAt: 60_000,
      turns: 2,
      outcome: { _tag: "NeedsInput" as const, question: "Which currency?" },
      transcript: "",
      exit: 0,
      stderr: ""
    }
    const text = explainAgent({ agent: fixer, journal: [routed], runs: [run], actions: [] }, 120_000)
    assert.match(text, /^Agent fixer-7-e1 is asking, 2m ago: Which currency\?$/m)
    assert.match(text, /^ {2}1 {4}2m ago {2}1m {6}2 {6}NeedsInput {2}asks: Which currency\?$/m)
    assert.include(text, "It asked for none.")
    assert.notInclude(text, "squadron actions retry")
  })

  it("of an agent tells how to retry what it could not do", () => {
    const actions = acted("failed", "done", "failed", "failed", "failed").toReversed()
    const text = explainAgent({ agent: fixer, journal: [], runs: [], actions }, 0)
    assert.match(text, /^ {2}5 {7}close as completed {2}failed {2}acme\/shop#7 {2}The forge refused: no permission$/m)
    assert.match(text, /^ {2}Mend what the error says, then: squadron actions retry 3 4 5 …$/m)
  })
})
