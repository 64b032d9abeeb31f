import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { decideLanding, type LandingState } from "../../src/domain/landing.ts"
import type { Landing as Rules } from "../../src/domain/Role.ts"

const head = "a".repeat(40)
const older = "b".repeat(40)
const rules: Rules = { method: "squash", approvals: ["reviewer"], checks: ["gate/fixer"], people: 0 }

type Review = LandingState["reviews"][number]
const review = (options: Partial<Review> = {}): Review => ({
  author: "squadron[bot]",
  role: "reviewer",
  mayWrite: false,
  verdict: "approve",
  commit: head,
  dismissed: false,
  ...options
})
const ready: LandingState = {
  repository: "acme/app",
  number: 4,
  title: "Round totals",
  body: "Closes #1",
  open: true,
  draft: false,
  head,
  base: older,
  mergeable: true,
  reviews: [review()],
  checks: [{ name: "gate/fixer", conclusion: "success" }],
  protectedPaths: [],
  agent: "fixer-1-e1",
  busy: false
}
const person = { role: null, author: "ada", mayWrite: true } as const
const decide = (options: Partial<LandingState>, asked: Rules = rules) => decideLanding({ ...ready, ...options }, asked)
const reasons = (options: Partial<LandingState>, asked: Rules = rules) => {
  const decision = decide(options, asked)
  assert(decision._tag === "Wait", `waits, not ${decision._tag}`)
  return decision.reasons.join("; ")
}

describe("decideLanding", () => {
  it("merges exactly the commit that was approved and checked", () => {
    const decision = decide({})
    assert(decision._tag === "Merge")
    assert.deepInclude(decision.action.action, { _tag: "merge", commit: head, method: "squash" })
    assert.include(decision.action.key, head)
  })

  it("an approval of an older commit, a dismissed one and another role's are none", () => {
    assert.match(reasons({ reviews: [review({ commit: older })] }), /reviewer has not approved/)
    assert.match(reasons({ reviews: [review({ dismissed: true })] }), /reviewer has not approved/)
    assert.match(reasons({ reviews: [review({ role: "other" })] }), /reviewer has not approved/)
    assert.match(reasons({ reviews: [] }), /reviewer has not approved/)
  })

  it("a person cannot stand in for a role by name", () => {
    assert.match(reasons({ reviews: [review({ ...person, author: "reviewer" })] }), /reviewer has not approved/)
  })

  it("the last word of a reviewer counts, a comment takes nothing back", () => {
    assert.match(reasons({ reviews: [review(), review({ verdict: "request_changes" })] }), /reviewer requests changes/)
    assert.strictEqual(decide({ reviews: [review({ verdict: "request_changes" }), review()] })._tag, "Merge")
    assert.strictEqual(decide({ reviews: [review(), review({ verdict: "comment" })] })._tag, "Merge")
  })

  it("a request for changes of a person with write access stops it until it is taken back, a stranger's does not", () => {
    const no = review({ ...person, verdict: "request_changes", commit: older })
    assert.match(reasons({ reviews: [review(), no] }), /ada requests changes/)
    assert.strictEqual(decide({ reviews: [review(), { ...no, mayWrite: false }] })._tag, "Merge")
    assert.strictEqual(decide({ reviews: [review(), no, review(person)] })._tag, "Merge")
  })

  it("checks that are asked for must be there, others must not fail or run", () => {
    assert.match(reasons({ checks: [] }), /gate\/fixer is not there yet/)
    for (const conclusion of ["failure", "pending"]) {
      assert.match(
        reasons({ checks: [...ready.checks, { name: "ci", conclusion }] }),
        new RegExp(`ci is ${conclusion}`)
      )
    }
    assert.strictEqual(decide({ checks: [...ready.checks, { name: "lint", conclusion: "neutral" }] })._tag, "Merge")
  })

  it("counts people with write access who approve the newest commit", () => {
    const two = { ...rules, people: 2 }
    const approvals = (count: number, options: Partial<Review> = {}) =>
      Array.from({ length: count }, (_, n) => review({ ...person, author: `p${n}`, ...options }))
    assert.match(reasons({ reviews: [review(), ...approvals(1)] }, two), /1 of 2/)
    assert.match(reasons({ reviews: [review(), ...approvals(2, { mayWrite: false })] }, two), /0 of 2/)
    assert.match(reasons({ reviews: [review(), ...approvals(2, { commit: older })] }, two), /0 of 2/)
    assert.match(reasons({ reviews: [review(), review(person), review(person)] }, two), /1 of 2/)
    assert.strictEqual(decide({ reviews: [review(), ...approvals(2)] }, two)._tag, "Merge")
  })

  it("protected paths wait for a person's word, and say so once for each commit", () => {
    const asks = decide({ protectedPaths: ["package.json"] })
    assert(asks._tag === "Ask")
    assert.include(asks.action.key, head)
    assert.match(JSON.stringify(asks.action), /squadron approve fixer-1-e1 package.json/)
    const approved = { protectedPaths: ["package.json"], reviews: [review(), review(person)] }
    assert.strictEqual(decide(approved)._tag, "Merge")
  })

  it("what cannot be read stops it", () => {
    assert.match(reasons({ protectedPaths: null }), /cannot be read/)
    assert.match(reasons({ mergeable: null }), /does not know yet/)
    assert.strictEqual(decide({ mergeable: false })._tag, "Conflicted")
  })

  it("waits for an agent that is at work, and leaves drafts and closed ones alone", () => {
    assert.match(reasons({ busy: true }), /at work/)
    assert.match(reasons({ busy: true, mergeable: false }), /at work; it conflicts/)
    assert.strictEqual(decide({ draft: true })._tag, "Nothing")
    assert.strictEqual(decide({ open: false })._tag, "Nothing")
  })

  const SomeReview = Schema.Struct({
    author: Schema.Literals(["ada", "bob", "squadron[bot]"]),
    role: Schema.NullOr(Schema.Literals(["reviewer", "security"])),
    mayWrite: Schema.Boolean,
    verdict: Schema.Literals(["approve", "request_changes", "comment"]),
    commit: Schema.Literals([head, older]),
    dismissed: Schema.Boolean
  })
  it.prop(
    "never merges without an approval of the newest commit by each role, whatever the reviews",
    [Schema.Array(SomeReview), Schema.Boolean],
    ([reviews, mergeable]) => {
      const asked = { ...rules, approvals: ["reviewer", "security"] }
      const decision = decide({ reviews, mergeable }, asked)
      if (decision._tag !== "Merge") return
      assert.isTrue(mergeable)
      for (const role of asked.approvals) {
        const last = reviews.findLast((one) => one.role === role && !one.dismissed && one.verdict !== "comment")
        assert.deepInclude(last, { verdict: "approve", commit: head })
      }
    }
  )
})
