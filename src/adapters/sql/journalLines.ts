import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { where } from "./history.ts"
import { journalColumns } from "./rows.ts"
import type { SealedLine } from "./seals.ts"

/** Lines read at once: few enough that others get their turn between. */
const page = 500

const integers: ReadonlySet<string> = new Set(["id", "at", "event"])

// whatever somebody has put there must not look like what was written
const cellOf = (column: string, raw: unknown): SealedLine[number] => {
  if (raw === null) return null
  if (raw instanceof Uint8Array) return [Buffer.from(raw).toString("hex")]
  const text = String(raw)
  const number = Number(text)
  return integers.has(column) && Number.isSafeInteger(number) && String(number) === text ? number : text
}

/** A line of the journal as it lies there. */
export type FoundLine = {
  /** Its number as the database has it; the next page begins after it. */
  readonly place: unknown
  readonly id: number
  /** Null where it is no time. */
  readonly at: number | null
  readonly cells: SealedLine
}

const lineOf = (row: ReadonlyArray<unknown>): FoundLine => {
  const cells = journalColumns.map((column, index) => cellOf(column, row[index]))
  const [id, , at] = cells
  return { place: row[0], id: Number(id), at: typeof at === "number" ? at : null, cells }
}

/** The next lines in order, up to the number `last`; from the very first where `after` is null. */
export const journalLines = (sql: SqlClient.SqlClient, after: FoundLine | null, last: unknown) =>
  sql`SELECT ${sql.literal(journalColumns.join(", "))} FROM journal WHERE ${where(sql, [
    sql`id <= ${last}`,
    after === null ? null : sql`id > ${after.place}`
  ])} ORDER BY id LIMIT ${page}`.values.pipe(
    Effect.map((rows) => rows.map(lineOf)),
    // a number beyond what JavaScript counts exactly must not keep the rest from being read
    Effect.provideService(SqlClient.SafeIntegers, true)
  )
