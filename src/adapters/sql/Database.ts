import { Effect, Layer, Schema } from "effect"
import { Migrator, SqlClient, SqlError } from "effect/sql"
import { migration as localForge } from "../forge/local/migration.ts"
import { migration as localPulls } from "../forge/local/pullMigration.ts"
import { migration as blockedAgents } from "./blockedMigration.ts"
import { migration as core } from "./migration.ts"
import { migration as pullOwners } from "./ownersMigration.ts"
import { migration as seals } from "./sealsMigration.ts"
import { SqliteClient, type SqliteOptions } from "./SqliteClient.ts"

/** The database cannot be used as it is. */
export class DatabaseUnusable extends Schema.TaggedError<DatabaseUnusable>()("DatabaseUnusable", {
  file: Schema.String,
  problem: Schema.String,
  remedy: Schema.String
}) {
  override get message() {
    return `${this.file}: ${this.problem}. ${this.remedy}`
  }
}

const migrations = {
  "0001_core": core,
  "0002_local_forge": localForge,
  "0003_pull_requests": localPulls,
  "0004_pull_owners": pullOwners,
  "0005_blocked_agents": blockedAgents,
  "0006_journal_seals": seals
}
const newest = 6
const table = "squadron_migrations"

/** Refuses a database that a newer version made, before anything is changed in it. */
const checkVersion = Effect.fnUntraced(function* (file: string) {
  const sql = yield* SqlClient.SqlClient
  const found = yield* sql<{ id: number | null }>`SELECT max(migration_id) AS id FROM ${sql(table)}`.pipe(
    // no such table: a new database
    Effect.catchTag("SqlError", () => Effect.succeed([]))
  )
  const version = Number(found[0]?.id ?? 0)
  if (version > newest) {
    return yield* new DatabaseUnusable({
      file,
      problem: `a newer version of Squadron made this database (its schema is ${version}, this version knows ${newest})`,
      remedy: "Install that version again, or start with a copy from before"
    })
  }
})

/** Applies what is missing, in order; processes that start together do it once. */
export const migrate = Effect.suspend(() => Migrator.make({})({ loader: Migrator.fromRecord(migrations), table }))

const unusable = (file: string) => (error: SqlError.SqlError | Migrator.MigrationError) =>
  new DatabaseUnusable({
    file,
    problem: SqlError.isSqlError(error) && error.cause instanceof Error ? error.cause.message : error.message,
    remedy: "See that no other program holds it, that the disk has room and that the file may be written"
  })

/**
 * The SQLite database with its schema: opened, its version and integrity checked, migrated.
 *
 * Fails with `DatabaseUnusable` where the file is no database, is damaged, locked, or made by a newer version.
 */
export const layer = (options: SqliteOptions): Layer.Layer<SqliteClient | SqlClient.SqlClient, DatabaseUnusable> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const sqlite = yield* SqliteClient
      yield* checkVersion(options.filename)
      const problems = yield* Effect.mapError(sqlite.integrityCheck, unusable(options.filename))
      if (problems.length > 0) {
        return yield* new DatabaseUnusable({
          file: options.filename,
          problem: `the database is damaged: ${problems.slice(0, 3).join("; ")}`,
          remedy: "Restore a backup (`squadron backup` makes them), or move the file away to start anew"
        })
      }
      yield* Effect.mapError(migrate, unusable(options.filename))
    })
  ).pipe(
    Layer.provideMerge(
      Layer.catchTag(SqliteClient.layer(options), "SqlError", (error) =>
        Layer.effectContext(Effect.fail(unusable(options.filename)(error)))
      )
    )
  )
