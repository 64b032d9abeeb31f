import { assert, describe, it } from "@effect/vitest"
import type { ProcessEntry, ProcessTable } from "../../../src/adapters/harness/ProcessTable.ts"
import { findFamily } from "../../../src/adapters/harness/ProcessTree.ts"

type Row = Partial<ProcessEntry> & { readonly pid: number; readonly env?: Record<string, string> }

const tableOf = (rows: ReadonlyArray<Row>): ProcessTable => {
  const list = rows.map((row) => ({
    parent: 1,
    group: row.pid,
    startTime: `t${row.pid}`,
    order: row.pid,
    alive: true,
    ...row
  }))
  return {
    list: () => list,
    find: (pid) => list.find((entry) => entry.pid === pid),
    environment: (pid) => new Map(Object.entries(rows.find((row) => row.pid === pid)?.env ?? {}))
  }
}

const leader = { pid: 100, startTime: "t100" }
const mine = { SQUADRON_HOME_ID: "h", SQUADRON_RUN: "a/1" }
const marks = new Map(Object.entries(mine))

const found = (rows: ReadonlyArray<Row>, known: ReadonlyArray<ProcessEntry> = []) =>
  findFamily({ leaders: [leader], marks, since: 100 }, known, tableOf(rows))
    .map(({ pid }) => pid)
    .toSorted((a, b) => a - b)

describe("a process family", () => {
  it("is the group, also without its leader, but not a group whose leader is another by now", () => {
    const member = { pid: 101, group: 100 }
    assert.deepStrictEqual(found([{ pid: 100 }, member]), [100, 101])
    assert.deepStrictEqual(found([member]), [101])
    assert.deepStrictEqual(found([{ pid: 100, startTime: "later" }, member]), [])
  })

  it("is all that carry every mark, and their descendants that carry none", () => {
    const rows = [
      { pid: 110, env: mine },
      { pid: 111, parent: 112 },
      { pid: 112, parent: 110 },
      { pid: 113, env: { ...mine, SQUADRON_RUN: "a/2" } },
      { pid: 114, env: { ...mine, SQUADRON_HOME_ID: "other" } }
    ]
    assert.deepStrictEqual(found(rows), [110, 111, 112])
  })

  it("remembers its members, so that their later children belong to it", () => {
    const known = tableOf([{ pid: 120 }]).list()
    assert.deepStrictEqual(found([{ pid: 120 }, { pid: 121, parent: 120 }], known), [120, 121])
    assert.deepStrictEqual(
      found(
        [
          { pid: 120, startTime: "later" },
          { pid: 121, parent: 120 }
        ],
        known
      ),
      []
    )
  })

  it("is never this process, those above it, the dead, or what is older than its leader", () => {
    const rows = [
      { pid: 1_000_000, parent: 2_000_000, env: mine },
      { pid: process.pid, parent: 1_000_000, order: 500, env: mine },
      { pid: 131, alive: false, env: mine },
      { pid: 99, env: mine }
    ]
    assert.deepStrictEqual(found(rows), [])
  })
})
