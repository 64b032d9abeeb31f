import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { type Agent } from "../../src/domain/Agent.ts"
import { blockerKey, numberedSubject, refuseBlockers } from "../../src/domain/blockers.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { someAgent } from "../support/someAgent.ts"

const repository = "acme/widgets"
const key = (number: number) => `${repository}#${number}`

const waits = (number: number, ...on: ReadonlyArray<number>): Agent =>
  someAgent({
    id: `fixer-${number}-e1`,
    role: "fixer",
    subject: Subject.issue(repository, number),
    status: "blocked",
    version: 1,
    blockedOn: on.map(key)
  })

const refuse = (number: number, on: ReadonlyArray<number>, ...blocked: ReadonlyArray<Agent>) =>
  refuseBlockers(key(number), on.map(key), blocked)

describe("refuseBlockers", () => {
  it("refuses a subject that waits for itself", () => {
    assert.strictEqual(refuse(1, [2, 1]), `Refused: ${key(1)} cannot wait for itself.`)
  })

  it("refuses two that would wait for each other, and names the way round", () => {
    assert.strictEqual(
      refuse(1, [2], waits(2, 1)),
      `Refused: ${key(1)} would wait for itself: ${key(1)} → ${key(2)} → ${key(1)}.`
    )
  })

  it("refuses a longer way round", () => {
    assert.include(refuse(1, [2], waits(2, 3), waits(3, 4), waits(4, 1)), [1, 2, 3, 4, 1].map(key).join(" → "))
  })

  it("refuses it, whichever agent of a subject closes the circle", () => {
    assert.isNotNull(refuse(1, [2], waits(2, 9), { ...waits(2, 1), id: "tester-2-e2", role: "tester" }))
  })

  it("takes a diamond: two ways to one blocker are no circle", () => {
    assert.isNull(refuse(1, [2, 3], waits(2, 4), waits(3, 4), waits(4, 5)))
  })

  it("takes blockers among which there is a circle that is not its own", () => {
    assert.isNull(refuse(1, [2], waits(2, 3), waits(3, 2)))
  })

  it("takes none, and any that wait for nothing", () => {
    assert.isNull(refuse(1, []))
    assert.isNull(refuse(1, [2, 3]))
    assert.isNull(refuse(1, [2], waits(4, 1)))
  })

  const Node = Schema.Literals([1, 2, 3, 4, 5])
  const Edge = Schema.Struct({ from: Node, to: Node })
  it.prop(
    "refuses exactly what would close a circle through the subject",
    [
      Arbitrary.array(Arbitrary.schema(Edge), { maxLength: 8 }),
      Arbitrary.array(Arbitrary.schema(Node), { maxLength: 3 })
    ],
    ([edges, on]) => {
      const reaches = new Set<number>(on)
      for (let size = -1; size !== reaches.size;) {
        size = reaches.size
        for (const { from, to } of edges) if (reaches.has(from)) reaches.add(to)
      }
      const refusal = refuse(1, on, ...edges.map(({ from, to }) => waits(from, to)))
      assert.strictEqual(refusal !== null, reaches.has(1))
    },
    { arbitrary: { size: 40, runs: 500 } }
  )
})

describe("blockerKey", () => {
  it("reads a number, a number sign and a full name, and nothing else", () => {
    for (const text of ["12", "#12", " #12 ", `${repository}#12`])
      assert.strictEqual(blockerKey(text, repository), key(12))
    assert.strictEqual(blockerKey("acme/other#3", repository), "acme/other#3")
    for (const text of ["", "0", "#0", "-1", "12a", "acme#12", "acme/widgets", "the tests", "1 2", "#"]) {
      assert.isNull(blockerKey(text, repository), text)
    }
  })

  it("gives keys that numberedSubject takes apart", () => {
    assert.deepStrictEqual(numberedSubject(key(12)), { repository, number: 12 })
    assert.isNull(numberedSubject(repository))
  })
})
