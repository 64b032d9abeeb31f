/** Which actions were done. Each function runs in the caller's transaction. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql"
import { ActionResult } from "../../../domain/Action.ts"
import type { Written } from "../../sql/SqlWriter.ts"
import type { Query } from "./IssueTable.ts"

const markRows = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ result: Schema.fromJsonString(ActionResult) }))
)
const encodeResult = Schema.encodeEffect(Schema.fromJsonString(ActionResult))

/** What the action came to when it was done, or null. */
export const find = (key: string): Query<ActionResult | null> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const [mark] = yield* Effect.orDie(markRows(yield* sql`SELECT result FROM forge_marks WHERE key = ${key}`))
    return mark?.result ?? null
  })

const claim = Effect.fnUntraced(function* (key: string, at: number) {
  const sql = yield* SqlClient.SqlClient
  const claimed = yield* sql`INSERT INTO forge_marks (key, result, done_at) VALUES (${key}, '{}', ${at})
    ON CONFLICT (key) DO NOTHING RETURNING key`
  return claimed.length > 0
})

const settle = Effect.fnUntraced(function* (key: string, result: ActionResult) {
  const sql = yield* SqlClient.SqlClient
  const text = yield* Effect.orDie(encodeResult(result))
  yield* sql`UPDATE forge_marks SET result = ${text} WHERE key = ${key}`
})

/** Marks it as done with this; what was done before stays as it was. */
export const put = Effect.fnUntraced(function* (key: string, result: ActionResult, at: number) {
  if (yield* claim(key, at)) yield* settle(key, result)
})

/**
 * Marks the action as done with what `body` comes to, or gives the result of the first time and no events. The mark
 * is claimed before the work, so that two transactions with one key never both do it.
 */
export const once = Effect.fnUntraced(function* <E>(
  key: string,
  at: number,
  body: Effect.Effect<Written<ActionResult>, E, SqlClient.SqlClient>
): Effect.fn.Return<Written<ActionResult>, E | SqlError.SqlError, SqlClient.SqlClient> {
  if (!(yield* claim(key, at))) return { value: (yield* find(key)) ?? {}, events: [] }
  const done = yield* body
  yield* settle(key, done.value)
  return done
})
