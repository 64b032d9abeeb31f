import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** An agent that waited too long for a blocker is escalated, and is found by the blocker's end all the same. */
export const migration = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DROP INDEX agents_blocked`
  yield* sql`CREATE INDEX agents_blocked ON agents (since) WHERE status IN ('blocked', 'escalated')`
})
