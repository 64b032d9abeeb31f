/**
 * SQL client over `node:sqlite`: one connection, WAL, foreign keys on, `BEGIN IMMEDIATE`, nested transactions as
 * savepoints. The driver is synchronous: a statement, and the wait for a lock another process holds, block the loop.
 */
import { existsSync, renameSync, rmSync } from "node:fs"
import { backup as copyDatabase, DatabaseSync } from "node:sqlite"
import { setTimeout as delay } from "node:timers/promises"
import { Context, Duration, Effect, Layer, Option, Semaphore } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlError, Statement } from "effect/sql"
import { attempt, isDamaged, makeConnection, toSqlError } from "./SqliteConnection.ts"

const BACKUP_PAGES = 256
const MAX_BUSY_TIMEOUT = 2_147_483_647

/** How the database is opened. */
export interface SqliteOptions {
  /** A path, or `:memory:`. The directory must exist. */
  readonly filename: string
  readonly readonly?: boolean | undefined
  /** How long a statement waits for another process's lock, 5 seconds by default. The wait blocks the event loop. */
  readonly busyTimeout?: Duration.Input | undefined
  /** `FULL` (default) survives power loss; `NORMAL` may lose the last commits then, and never corrupts. */
  readonly synchronous?: "FULL" | "NORMAL" | undefined
  /** Prepared statements kept, least recently used dropped first; 200 by default. */
  readonly prepareCacheSize?: number | undefined
  readonly transformQueryNames?: ((name: string) => string) | undefined
  readonly transformResultNames?: ((name: string) => string) | undefined
}

/** `SqlClient` plus what only SQLite can do. */
export interface SqliteClientShape extends SqlClient.SqlClient {
  /**
   * Copies the last committed state to a new file while reads and writes go on. Fails when `destination` exists, which
   * only appears once complete. Not interruptible once started. An in-memory database makes other fibers wait.
   */
  readonly backup: (destination: string) => Effect.Effect<void, SqlError.SqlError>
  /** Lists corruption and broken foreign keys, empty when there are none. Blocks the loop while it reads every page. */
  readonly integrityCheck: Effect.Effect<ReadonlyArray<string>, SqlError.SqlError>
  /**
   * Lets 64 MiB of pages stay in memory instead of the 4 MiB at first: for when everything has been looked through
   * that is looked through once.
   */
  readonly cachePages: Effect.Effect<void, SqlError.SqlError>
  /** Moves the WAL into the database and empties it; false, without waiting, when another connection still needs it. */
  readonly checkpoint: Effect.Effect<boolean, SqlError.SqlError>
  /**
   * Runs synchronous code on the raw database, inside the caller's transaction or outside everyone's. What `f` throws
   * becomes a `SqlError`. A transaction `f` leaves open is rolled back and fails. Keep neither `db` nor a promise.
   */
  readonly withDatabase: <A>(f: (db: DatabaseSync) => A) => Effect.Effect<A, SqlError.SqlError>
}

/** The SQLite client, also provided as `SqlClient`. */
export class SqliteClient extends Context.Service<SqliteClient, SqliteClientShape>()(
  "squadron/adapters/sql/SqliteClient"
) {
  /** Opens the database for the life of the layer. Fails with `ConnectionError`, or `LockTimeoutError` when locked. */
  static readonly layer = (
    options: SqliteOptions
  ): Layer.Layer<SqliteClient | SqlClient.SqlClient, SqlError.SqlError> =>
    Layer.effectContext(
      Effect.map(make(options), (client) =>
        Context.make(SqliteClient, client).pipe(Context.add(SqlClient.SqlClient, client))
      )
    ).pipe(Layer.provide(Reactivity.layer))
}

const open = (options: SqliteOptions, busyTimeout: number) =>
  Effect.gen(function* () {
    const db = yield* Effect.acquireRelease(
      attempt(
        "open",
        () =>
          new DatabaseSync(options.filename, {
            readOnly: options.readonly ?? false,
            enableForeignKeyConstraints: true,
            timeout: busyTimeout
          })
      ),
      (db) => Effect.sync(() => db.isOpen && db.close())
    )
    const synchronous = options.synchronous ?? "FULL"
    // The first read: here a file that is not a database fails.
    yield* attempt("open", () => db.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA schema_version`))
    if (options.readonly === true) return db
    // SQLite does not apply the busy timeout to the change of journal mode, so processes that open a new file race.
    const deadline = performance.now() + busyTimeout
    const enableWal: Effect.Effect<void, SqlError.SqlError> = Effect.catchIf(
      attempt("open", () => db.exec("PRAGMA journal_mode = WAL")),
      (error) => error.reason._tag === "LockTimeoutError" && performance.now() < deadline,
      () =>
        Effect.andThen(
          Effect.promise(() => delay(10)),
          enableWal
        )
    )
    yield* enableWal
    // 4 MiB of pages in memory until `cachePages`, and what statements set aside; a WAL of up to 16 MiB, so that a page which changes often is copied back seldom
    yield* attempt("open", () =>
      db.exec("PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000")
    )
    return db
  })

const make = Effect.fnUntraced(function* (options: SqliteOptions) {
  const busyTimeout = Math.min(MAX_BUSY_TIMEOUT, Math.round(Duration.toMillis(options.busyTimeout ?? "5 seconds")))
  const db = yield* open(options, busyTimeout)
  const acquirers = SqlClient.makeSqliteAcquirers({
    connection: Effect.succeed(makeConnection(db, options.prepareCacheSize ?? 200)),
    semaphore: yield* Semaphore.make(1),
    isTransaction: () => db.isTransaction
  })
  const client = yield* SqlClient.make({
    ...acquirers,
    driver: "sqlite-node",
    compiler: Statement.makeCompilerSqlite(options.transformQueryNames),
    transformRows: options.transformResultNames && Statement.defaultTransforms(options.transformResultNames).array,
    prepareTransactionControls: true,
    beginTransaction: options.readonly === true ? "BEGIN" : "BEGIN IMMEDIATE",
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "sqlite"]]
  })

  const exclusive = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | SqlError.SqlError> =>
    Effect.flatMap(Effect.serviceOption(client.transactionService), (transaction) =>
      Option.isSome(transaction) ? effect : acquirers.borrower(() => effect)
    )

  const withDatabase = <A>(f: (db: DatabaseSync) => A): Effect.Effect<A, SqlError.SqlError> =>
    exclusive(
      attempt("withDatabase", () => {
        const inside = db.isTransaction
        try {
          const result = f(db)
          if (db.isTransaction && !inside) throw new Error("withDatabase left a transaction open; it was rolled back")
          return result
        } finally {
          if (db.isTransaction && !inside) db.exec("ROLLBACK")
        }
      })
    )

  // Uninterruptible: closing a database under a running copy is not safe.
  const copy = (source: DatabaseSync, destination: string) =>
    Effect.uninterruptible(
      Effect.tryPromise({
        try: () => copyDatabase(source, destination, { rate: BACKUP_PAGES }),
        catch: (cause) => toSqlError(cause, "backup")
      })
    )

  // Its own connection, held in one read transaction: a copy of one moment, that writers neither wait for nor restart.
  const copyFile = (location: string, destination: string) =>
    Effect.acquireUseRelease(
      attempt("backup", () => new DatabaseSync(location, { readOnly: true, timeout: busyTimeout })),
      (source) =>
        Effect.andThen(
          attempt("backup", () => source.exec("BEGIN; SELECT count(*) FROM sqlite_schema")),
          copy(source, destination)
        ),
      (source) => Effect.sync(() => source.close())
    )

  const copyMemory = (destination: string) =>
    exclusive(
      Effect.suspend(() =>
        db.isTransaction
          ? Effect.fail(toSqlError(new Error("Cannot back up an in-memory database inside a transaction"), "backup"))
          : copy(db, destination)
      )
    )

  const oneBackup = yield* Semaphore.make(1)
  const backup = Effect.fn("SqliteClient.backup")(
    function* (destination: string) {
      const partial = `${destination}.partial`
      const discard = attempt("backup", () => {
        for (const end of ["", "-journal"]) rmSync(partial + end, { force: true })
      })
      yield* attempt("backup", () => {
        if (existsSync(destination)) throw new Error(`Backup destination already exists: ${destination}`)
      })
      yield* discard
      const location = db.location()
      yield* (location === null ? copyMemory(partial) : copyFile(location, partial)).pipe(
        Effect.andThen(attempt("backup", () => renameSync(partial, destination))),
        Effect.onError(() => Effect.ignore(discard))
      )
    },
    (effect) => oneBackup.withPermit(effect)
  )

  const integrityCheck = withDatabase((db): ReadonlyArray<string> => {
    try {
      const pages = db
        .prepare("PRAGMA integrity_check")
        .all()
        .map((row) => String(row["integrity_check"]))
      const keys = db
        .prepare("PRAGMA foreign_key_check")
        .all()
        .map((row) => `row ${row["rowid"]} of ${row["table"]} refers to a missing row of ${row["parent"]}`)
      return [...pages.filter((line) => line !== "ok"), ...keys]
    } catch (cause) {
      if (isDamaged(cause)) return [String(cause)]
      throw cause
    }
  }).pipe(Effect.withSpan("SqliteClient.integrityCheck"))

  const checkpoint = withDatabase((db) => {
    db.exec("PRAGMA busy_timeout = 0") // else it would block the loop until the last reader is gone
    try {
      return db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] === 0
    } finally {
      db.exec(`PRAGMA busy_timeout = ${busyTimeout}`)
    }
  }).pipe(Effect.withSpan("SqliteClient.checkpoint"))

  const cachePages = withDatabase((db) => db.exec("PRAGMA cache_size = -65536"))

  return Object.assign(client, { backup, cachePages, checkpoint, integrityCheck, withDatabase })
})
