import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { beginning, newestSeal, type Seal } from "./seals.ts"

/** The tables whose rows the writer numbers: it is the only one that writes, so it need not ask the database. */
const tables = ["events", "messages", "runs", "journal"] as const

/**
 * The last number given in each table. Where a transaction is undone its numbers are not used again, so there may be
 * gaps.
 */
export type Numbering = Record<(typeof tables)[number], number> & {
  /** The newest seal of the journal that is committed; null where that is not known and must be read. */
  seal: Seal | null
}

/** Goes on after the highest number of each table. */
export const numbering = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const last: Numbering = { events: 0, messages: 0, runs: 0, journal: 0, seal: beginning }
  for (const table of tables) {
    const column = sql(table === "events" ? "seq" : "id")
    const [row] = yield* sql<{ last: number | null }>`SELECT max(${column}) AS last FROM ${sql(table)}`
    last[table] = Number(row?.last ?? 0)
  }
  const [cursor] = yield* sql<{ last: number | null }>`SELECT max(seq) AS last FROM cursors`
  last.events = Math.max(last.events, Number(cursor?.last ?? 0))
  const seal = yield* newestSeal(sql)
  last.seal = seal
  // also where the lines that it seals are gone
  last.journal = Math.max(last.journal, seal.last)
  return last
})
