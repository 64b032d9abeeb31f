import { createHash, hash } from "node:crypto"
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { insertRows } from "./insertRows.ts"
import type { Cell } from "./rows.ts"

/** Closes the journal's lines since the seal before it, up to the line `last`. */
export type Seal = { readonly last: number; readonly hash: string }

export const sealColumns = ["last", "hash"]

/** What stands before the first seal. */
export const beginning: Seal = { last: 0, hash: "" }

/** All columns of a line. Bytes, which are written by nobody but may be found, stand in hexadecimal in a list. */
export type SealedLine = ReadonlyArray<Cell | readonly [bytes: string]>

// a database stores half a character as U+FFFD
const asStored = (cell: SealedLine[number]) =>
  typeof cell === "string" && !cell.isWellFormed() ? cell.toWellFormed() : cell

/** Written so that no other line is written in the same way. */
const written = (line: SealedLine): string => {
  const text = JSON.stringify(line)
  // half a character is written as an escape, so most lines need no second look
  return text.includes("\\ud") ? `${JSON.stringify(line.map(asStored))}\n` : `${text}\n`
}

const before = (previous: Seal): string => `${previous.hash}\n`

/** The seal over these lines, which must be in order and at least one. */
const sealOf = (previous: Seal, lines: ReadonlyArray<SealedLine>): Seal => {
  let text = before(previous)
  for (const line of lines) text += written(line)
  return { last: Number(lines.at(-1)?.[0] ?? previous.last), hash: hash("sha256", text, "hex") }
}

/** The hash of a seal, for lines that come a few at a time. */
export const sealing = (previous: Seal) => {
  const digest = createHash("sha256").update(before(previous))
  return {
    add: (line: SealedLine): void => {
      digest.update(written(line))
    },
    end: (): string => digest.digest("hex")
  }
}

/** The seal that the next one follows. */
export const newestSeal = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const [row] = yield* sql<Seal>`SELECT last, hash FROM journal_seals ORDER BY last DESC LIMIT 1`
  return row === undefined ? beginning : { last: Number(row.last), hash: row.hash }
})

/** Seals these lines, in the transaction that writes them; `known` is the newest seal, or null where it must be read. */
export const addSeal = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  known: Seal | null,
  lines: ReadonlyArray<SealedLine>
) {
  const seal = sealOf(known ?? (yield* newestSeal(sql)), lines)
  yield* insertRows(sql, "journal_seals", sealColumns, [[seal.last, seal.hash]])
  return seal
})
