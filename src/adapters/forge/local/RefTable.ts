/** Where refs were when they were told of last, and who is about to change them. Runs in the caller's transaction. */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { ActionResult } from "../../../domain/Action.ts"
import type { Query } from "./IssueTable.ts"
import type { RefChange, Refs } from "./refs.ts"
import { By } from "./standing.ts"

const Id = Schema.NullOr(Schema.String)

/** What is about to happen to a repository's refs. One that a crash cut off is looked at again. */
export const Intent = Schema.Struct({
  by: By,
  /** What will be true of the refs once it is done; none for a push, whose changes are seen afterwards. */
  changes: Schema.Array(Schema.Struct({ ref: Schema.String, from: Id, to: Id })),
  /** The action that is done by then, and its result. */
  mark: Schema.NullOr(Schema.Struct({ key: Schema.String, result: ActionResult })),
  /** The pull request that is merged by then, and its commit. */
  merge: Schema.NullOr(Schema.Struct({ number: Schema.Int, commit: Schema.String })),
  /** Whether no event tells of it. */
  quiet: Schema.Boolean
})
export type Intent = typeof Intent.Type

const Body = Schema.fromJsonString(Intent)
const refRows = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ ref: Schema.String, sha: Schema.String })))
const intentRows = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ body: Body })))
const encodeIntent = Schema.encodeEffect(Body)

export const refs = (repository: string): Query<Refs> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT ref, sha FROM forge_refs WHERE repository = ${repository}`
    return new Map((yield* Effect.orDie(refRows(found))).map(({ ref, sha }) => [ref, sha]))
  })

export const put = Effect.fnUntraced(function* (repository: string, { ref, to }: RefChange) {
  const sql = yield* SqlClient.SqlClient
  if (to === null) return yield* sql`DELETE FROM forge_refs WHERE repository = ${repository} AND ref = ${ref}`
  return yield* sql`INSERT INTO forge_refs ${sql.insert({ repository, ref, sha: to })}
    ON CONFLICT (repository, ref) DO UPDATE SET sha = excluded.sha`
})

export const intent = (repository: string): Query<Intent | null> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const found = yield* sql`SELECT body FROM forge_intents WHERE repository = ${repository}`
    return (yield* Effect.orDie(intentRows(found)))[0]?.body ?? null
  })

export const putIntent = Effect.fnUntraced(function* (repository: string, intent: Intent) {
  const sql = yield* SqlClient.SqlClient
  const body = yield* Effect.orDie(encodeIntent(intent))
  yield* sql`INSERT INTO forge_intents ${sql.insert({ repository, body })}
    ON CONFLICT (repository) DO UPDATE SET body = excluded.body`
})

export const dropIntent = Effect.fnUntraced(function* (repository: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DELETE FROM forge_intents WHERE repository = ${repository}`
})
