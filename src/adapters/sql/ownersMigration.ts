import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Creates the table of whose work a pull request is. */
export const migration = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE pull_owners (subject TEXT PRIMARY KEY, agent TEXT NOT NULL)`
})
