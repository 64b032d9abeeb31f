import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { type FoundLine, journalLines } from "./journalLines.ts"
import { beginning, sealing } from "./seals.ts"

/** Creates the table of the journal's seals; the lines that are there already get one for all of them. */
export const migration = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const numbered = sql.literal(
    sql.onDialectOrElse({ sqlite: () => "INTEGER PRIMARY KEY", orElse: () => "BIGINT PRIMARY KEY" })
  )
  yield* sql`CREATE TABLE journal_seals (last ${numbered}, hash TEXT NOT NULL)`
  const seal = sealing(beginning)
  let newest: FoundLine | null = null
  while (true) {
    const lines: ReadonlyArray<FoundLine> = yield* journalLines(sql, newest, Number.MAX_SAFE_INTEGER)
    for (const line of lines) seal.add(line.cells)
    const last = lines.at(-1)
    if (last === undefined) break
    newest = last
  }
  if (newest !== null) yield* sql`INSERT INTO journal_seals (last, hash) VALUES (${newest.id}, ${seal.end()})`
})
