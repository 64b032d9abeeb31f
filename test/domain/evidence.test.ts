import { assert, describe, it } from "@effect/vitest"
import { agentId } from "../../src/domain/Agent.ts"
import { type Evidence, gateAction, lacking } from "../../src/domain/evidence.ts"
import { makeRole } from "../../src/domain/Role.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { someAgent } from "../support/someAgent.ts"

const head = "a".repeat(40)
const harness = { _tag: "function", name: "x" } as const
const workspace = { base: null }
const fixer = makeRole({
  name: "fixer",
  harness,
  workspace,
  gate: ["npm", "test"],
  tools: ["push", "open_pull_request"]
})
const proven: Evidence = {
  work: { head, commits: 1, files: 1, dirty: false },
  gate: { commit: head, passed: true, output: "" },
  pullRequest: { number: 4, head, draft: false },
  reviewed: null
}
const lacks = (evidence: Partial<Evidence>, role = fixer) => lacking(role, { ...proven, ...evidence }).join("; ")
const work = (options: Partial<NonNullable<Evidence["work"]>>) => ({
  head,
  commits: 1,
  files: 1,
  dirty: false,
  ...options
})

describe("lacking", () => {
  it("work with commits, a gate that passed and a pull request with all of it lacks nothing", () => {
    assert.strictEqual(lacks({}), "")
  })

  it("names what is not there", () => {
    assert.match(lacks({ work: null }), /cannot be read/)
    assert.match(lacks({ work: work({ commits: 0 }) }), /no commits/)
    assert.match(lacks({ work: work({ files: 0 }) }), /change nothing/)
    assert.match(lacks({ work: work({ dirty: true }) }), /not committed/)
    assert.match(lacks({ pullRequest: null }), /no pull request/)
    assert.match(lacks({ pullRequest: { number: 4, head, draft: true } }), /draft/)
    assert.match(lacks({ pullRequest: { number: 4, head: "b".repeat(40), draft: false } }), /push/)
  })

  it("shows the end of what a failed gate printed", () => {
    const output = Array.from({ length: 200 }, (_, n) => `line ${n}`).join("\n")
    const text = lacks({ gate: { commit: head, passed: false, output } })
    assert.match(text, /`npm test` failed[^]*line 199/)
    assert.notInclude(text, "line 100\n")
  })

  it("a reviewer lacks its review of the newest commit", () => {
    const reviewer = makeRole({ name: "reviewer", harness, tools: ["review"] })
    const none = { work: null, gate: null, pullRequest: null }
    assert.match(lacks({ ...none, reviewed: { head, done: false } }, reviewer), /no review of yours/)
    assert.strictEqual(lacks({ ...none, reviewed: { head, done: true } }, reviewer), "")
  })

  it("a role that only reads lacks nothing", () => {
    const pm = makeRole({ name: "pm", harness, tools: ["comment"] })
    assert.strictEqual(lacks({ work: null, gate: null, pullRequest: null }, pm), "")
  })

  it("the forge is told of a gate once for each commit and result", () => {
    const subject = Subject.issue("acme/app", 1)
    const agent = someAgent({ id: agentId("fixer", subject, 1), role: "fixer", subject, status: "running", version: 1 })
    const action = gateAction(fixer, agent, { commit: head, passed: false, output: "boom" })
    assert.deepInclude(action.action, { _tag: "set_check", name: "gate/fixer", commit: head, conclusion: "failure" })
    assert.notStrictEqual(action.key, gateAction(fixer, agent, { commit: head, passed: true, output: "" }).key)
  })
})
