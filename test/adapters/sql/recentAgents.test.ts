import { assert, describe, it } from "@effect/vitest"
import { recentAgents } from "../../../src/adapters/sql/recentAgents.ts"
import type { Agent } from "../../../src/domain/Agent.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import { someAgent } from "../../support/someAgent.ts"

const key = (number: number) => `acme/widgets#${number}`
const agentOf = (number: number, options: Partial<Agent> = {}) =>
  someAgent({
    id: `fixer-${number}-e1`,
    role: "fixer",
    subject: Subject.issue("acme/widgets", number),
    status: "ready",
    version: 1,
    ...options
  })

describe("the agents that are kept", () => {
  it("are those of subjects that were read, as the last commit left them", () => {
    const kept = recentAgents(9)
    assert.isUndefined(kept.roster(key(1)))
    kept.read([key(1)])([agentOf(1)])
    kept.changed([agentOf(1, { version: 2 }), agentOf(2)])
    assert.strictEqual(kept.get("fixer-1-e1")?.version, 2)
    assert.isUndefined(kept.roster(key(2)), "nobody asked for it")
    kept.changed([agentOf(1, { version: 3, status: "done" })])
    assert.strictEqual(kept.roster(key(1))?.size, 0)
    assert.isUndefined(kept.get("fixer-1-e1"))
  })

  it("are not what was read before a commit", () => {
    const kept = recentAgents(9)
    const loaded = kept.read([key(1)])
    kept.changed([agentOf(1, { version: 2 })])
    loaded([agentOf(1)])
    assert.isUndefined(kept.roster(key(1)))
  })

  it("are not what an earlier read saw, where a later one began after the commit", () => {
    const kept = recentAgents(9)
    const earlier = kept.read([key(1)])
    kept.changed([agentOf(1, { version: 2 })])
    const later = kept.read([key(1)])
    earlier([agentOf(1)])
    assert.isUndefined(kept.get("fixer-1-e1"))
    later([agentOf(1, { version: 2 })])
    assert.strictEqual(kept.get("fixer-1-e1")?.version, 2)
  })

  it("are of so many subjects and no more, and of none once it is uncertain what was committed", () => {
    const kept = recentAgents(2)
    for (const number of [1, 2, 3]) kept.read([key(number)])([agentOf(number)])
    assert.deepStrictEqual(
      [1, 2, 3].map((number) => kept.get(`fixer-${number}-e1`)?.subject.number),
      [undefined, 2, 3]
    )
    kept.clear()
    assert.isUndefined(kept.roster(key(3)))
  })
})
