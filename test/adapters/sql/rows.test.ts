import { assert, describe, it } from "@effect/vitest"
import { agentCells, agentColumns, agentOf, type AgentRow } from "../../../src/adapters/sql/rows.ts"
import type { Agent } from "../../../src/domain/Agent.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import { someAgent } from "../../support/someAgent.ts"

const agent = (options: Partial<Agent> = {}) =>
  someAgent({
    id: "fixer-4-e2",
    role: "fixer",
    subject: Subject.issue("acme/app", 4),
    status: "sleeping",
    version: 3,
    ...options
  })
const rowOf = (agent: Agent): AgentRow => {
  const cells = agentCells(agent)
  return Object.fromEntries(agentColumns.map((column, index) => [column, cells[index]])) as AgentRow
}

describe("an agent's row", () => {
  it("gives back the agent", () => {
    const all = [agent(), agent({ pullRequest: 7, branch: "squadron/fixer-4-e1", vouchedAt: 5, approved: ["a"] })]
    for (const one of all) assert.deepStrictEqual(agentOf(rowOf(one)), one)
  })

  it("of an older database, which knows no branch, is of an agent on its own", () => {
    const row = rowOf(agent({ pullRequest: 7 }))
    assert.notInclude(row.state, "branch")
    const read = agentOf(row)
    assert.isNull(read.branch)
    assert.strictEqual(read.pullRequest, 7)
  })
})
