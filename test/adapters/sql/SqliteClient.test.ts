import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { SqliteClient } from "../../../src/adapters/sql/SqliteClient.ts"
import { suite } from "../../contract/SqlClientContract.ts"

const directory = mkdtempSync(join(tmpdir(), "squadron-sqlite-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let count = 0
const fresh = () => join(directory, `${++count}.db`)

const create = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE event (id INTEGER PRIMARY KEY, body BLOB)`
})

const insert = (n: number) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql`INSERT INTO event ${sql.insert({ id: n, body: "x".repeat(2000) })}`)

const rowsOf = (filename: string): Array<unknown> => {
  const db = new DatabaseSync(filename, { readOnly: true })
  try {
    assert.strictEqual(db.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok")
    return db
      .prepare("SELECT id FROM event ORDER BY id")
      .all()
      .map((row) => row["id"])
  } finally {
    db.close()
  }
}

/** Another process's lock: a second connection conflicts the same way. */
const locked = (filename: string, sql = "BEGIN IMMEDIATE") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const db = new DatabaseSync(filename)
      db.exec(sql)
      return db
    }),
    (db) => Effect.sync(() => db.close())
  )

const openReason = (filename: string, options?: { readonly readonly?: boolean }) =>
  Layer.build(SqliteClient.layer({ filename, busyTimeout: "30 millis", ...options })).pipe(
    Effect.scoped,
    Effect.flip,
    Effect.map((error) => error.reason._tag)
  )

describe("SqliteClient", () => {
  suite("file", () => SqliteClient.layer({ filename: fresh() }))
  suite("memory", () => SqliteClient.layer({ filename: ":memory:" }))

  it.effect("opens with the durable settings", () =>
    Effect.gen(function* () {
      const { withDatabase } = yield* SqliteClient
      const read = (name: string) => withDatabase((db) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0])
      assert.strictEqual(yield* read("journal_mode"), "wal")
      assert.strictEqual(yield* read("synchronous"), 2)
      assert.strictEqual(yield* read("foreign_keys"), 1)
      assert.strictEqual(yield* read("busy_timeout"), 5000)
    }).pipe(Effect.provide(SqliteClient.layer({ filename: fresh() })))
  )

  it.effect("fails to open with a typed error", () =>
    Effect.gen(function* () {
      const garbage = fresh()
      writeFileSync(garbage, "this is not a database ".repeat(200))
      assert.strictEqual(yield* openReason(join(directory, "missing", "a.db")), "ConnectionError")
      assert.strictEqual(yield* openReason(garbage), "ConnectionError")
      assert.strictEqual(yield* openReason(garbage, { readonly: true }), "ConnectionError")
      assert.strictEqual(yield* openReason(fresh(), { readonly: true }), "ConnectionError")
      const busy = fresh()
      yield* locked(busy, "CREATE TABLE t (a); BEGIN IMMEDIATE")
      assert.strictEqual(yield* openReason(busy), "LockTimeoutError")
    })
  )

  it.effect("keeps what it committed, also after a COMMIT that failed", () =>
    Effect.gen(function* () {
      const filename = fresh()
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* create
        yield* sql`CREATE TABLE part (event INTEGER REFERENCES event (id) DEFERRABLE INITIALLY DEFERRED)`
        const failed = yield* Effect.exit(sql.withTransaction(sql`INSERT INTO part VALUES (9)`))
        assert.isTrue(Exit.isFailure(failed))
        yield* sql.withTransaction(insert(1))
        yield* insert(2)
      }).pipe(Effect.provide(SqliteClient.layer({ filename })))
      assert.deepStrictEqual(rowsOf(filename), [1, 2])
    })
  )

  it.effect("refuses writes when read only", () =>
    Effect.gen(function* () {
      const filename = fresh()
      yield* Effect.provide(Effect.andThen(create, insert(1)), SqliteClient.layer({ filename }))
      const error = yield* Effect.flip(Effect.provide(insert(2), SqliteClient.layer({ filename, readonly: true })))
      assert.strictEqual(error.reason._tag, "AuthorizationError")
    })
  )

  it.effect("waits busyTimeout for another process's lock, then fails typed and recovers", () =>
    Effect.gen(function* () {
      const filename = fresh()
      yield* Effect.gen(function* () {
        yield* create
        const sql = yield* SqlClient.SqlClient
        const other = yield* locked(filename)
        const before = performance.now()
        const error = yield* Effect.flip(sql.withTransaction(insert(1)))
        assert.strictEqual(error.reason._tag, "LockTimeoutError")
        assert.isTrue(error.isRetryable)
        assert.isAtLeast(performance.now() - before, 70)
        other.exec("ROLLBACK")
        yield* sql.withTransaction(insert(1))
      }).pipe(Effect.provide(SqliteClient.layer({ filename, busyTimeout: "80 millis" })))
      assert.deepStrictEqual(rowsOf(filename), [1])
    })
  )

  it.effect("binds dates and booleans, and refuses objects and a second statement", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const values = yield* sql`SELECT ${new Date(0)}, ${true}, ${undefined}, ${new Uint8Array([7])}`.values
      assert.deepStrictEqual(values, [["1970-01-01T00:00:00.000Z", 1, null, new Uint8Array([7])]])
      assert.strictEqual((yield* Effect.flip(sql.unsafe("SELECT ?", [{}]))).reason._tag, "UnknownError")
      assert.match((yield* Effect.flip(sql.unsafe("SELECT 1; SELECT 2"))).message, /Only one SQL statement/)
      yield* sql.unsafe("SELECT 1; -- one ; two\n /* three */ ;")
    }).pipe(Effect.provide(SqliteClient.layer({ filename: ":memory:", prepareCacheSize: 1 })))
  )

  it.effect("sees a changed table through a cached statement, and renames columns", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE ${sql("myTable")} (${sql("someName")} INTEGER)`
      yield* sql`INSERT INTO my_table ${sql.insert({ someName: 1 })}`
      const read = sql`SELECT * FROM ${sql("myTable")}`
      assert.deepStrictEqual({ ...(yield* read)[0] }, { someName: 1 })
      yield* sql`ALTER TABLE my_table ADD COLUMN other_name INTEGER`
      assert.deepStrictEqual({ ...(yield* read)[0] }, { someName: 1, otherName: null })
    }).pipe(
      Effect.provide(
        SqliteClient.layer({
          filename: ":memory:",
          transformQueryNames: (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
          transformResultNames: (name) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
        })
      )
    )
  )

  it.effect("runs withDatabase inside the caller's transaction and outside everyone else's", () =>
    Effect.gen(function* () {
      const sql = yield* SqliteClient
      yield* create
      const tally = sql.withDatabase((db) => db.prepare("SELECT count(*) AS n FROM event").get()?.["n"])
      const opened = yield* Deferred.make<void>()
      const outside = yield* Effect.forkChild(Effect.andThen(Deferred.await(opened), tally), { startImmediately: true })
      const inside = yield* Effect.exit(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* insert(1)
            assert.strictEqual(yield* tally, 1)
            yield* Deferred.succeed(opened, undefined)
            yield* Effect.yieldNow
            return yield* Effect.fail("rolled back")
          })
        )
      )
      assert.isTrue(Exit.isFailure(inside))
      assert.strictEqual(yield* Fiber.join(outside), 0)
      const thrown = yield* Effect.flip(sql.withDatabase((db) => db.exec("SELEC")))
      assert.strictEqual(thrown.reason.operation, "withDatabase")
      const left = yield* Effect.flip(sql.withDatabase((db) => db.exec("BEGIN; INSERT INTO event (id) VALUES (5)")))
      assert.match(left.message, /left a transaction open/)
      assert.strictEqual(yield* tally, 0)
      yield* sql.withTransaction(insert(6))
    }).pipe(Effect.provide(SqliteClient.layer({ filename: ":memory:" })))
  )

  it.effect("backs up a file while it is written to", () =>
    Effect.gen(function* () {
      const sql = yield* SqliteClient
      yield* create
      yield* sql.withTransaction(
        Effect.forEach(
          Array.from({ length: 5000 }, (_, n) => n),
          insert
        )
      )
      let next = 5000
      const writer = yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            sql.withTransaction(
              Effect.andThen(
                Effect.suspend(() => insert(next++)),
                Effect.yieldNow
              )
            ),
            Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          )
        )
      )
      const destination = fresh()
      yield* sql.backup(destination)
      const written = next
      yield* Fiber.interrupt(writer)
      assert.isAbove(written, 5000)
      const rows = rowsOf(destination)
      assert.isAtLeast(rows.length, 5000)
      assert.deepStrictEqual(
        rows,
        rows.map((_, n) => n)
      )
      const again = yield* Effect.flip(sql.backup(destination))
      assert.match(again.message, /already exists/)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(sql.backup(join(directory, "missing", "b.db")))))
      yield* sql.withTransaction(Effect.andThen(insert(next), sql.backup(fresh())))
      assert.deepStrictEqual(
        readdirSync(directory).filter((name) => name.includes(".partial")),
        []
      )
    }).pipe(Effect.provide(SqliteClient.layer({ filename: fresh(), synchronous: "NORMAL" })))
  )

  it.effect("backs up memory, and not from inside a transaction", () =>
    Effect.gen(function* () {
      const sql = yield* SqliteClient
      yield* Effect.andThen(create, insert(1))
      const destination = fresh()
      yield* Effect.all([sql.backup(destination), sql.withTransaction(insert(2))], { concurrency: "unbounded" })
      assert.include(rowsOf(destination), 1)
      const refused = yield* Effect.flip(sql.withTransaction(sql.backup(fresh())))
      assert.match(refused.message, /inside a transaction/)
    }).pipe(Effect.provide(SqliteClient.layer({ filename: ":memory:" })))
  )

  it.effect("checks integrity", () =>
    Effect.gen(function* () {
      const filename = fresh()
      const check = SqliteClient.use((sql) => sql.integrityCheck)
      const healthy = yield* Effect.gen(function* () {
        yield* create
        yield* Effect.forEach(
          Array.from({ length: 50 }, (_, n) => n),
          insert
        )
        return yield* check
      }).pipe(Effect.provide(SqliteClient.layer({ filename })))
      assert.deepStrictEqual(healthy, [])
      const raw = new DatabaseSync(filename, { enableForeignKeyConstraints: false })
      raw.exec("CREATE TABLE part (event INTEGER REFERENCES event (id)); INSERT INTO part VALUES (999)")
      raw.close()
      const orphan = yield* Effect.provide(check, SqliteClient.layer({ filename }))
      assert.deepStrictEqual(orphan, ["row 1 of part refers to a missing row of event"])
      const handle = openSync(filename, "r+")
      writeSync(handle, Buffer.alloc(4096, 0xab), 0, 4096, 4096 * 3)
      closeSync(handle)
      assert.isNotEmpty(yield* Effect.provide(check, SqliteClient.layer({ filename })))
    })
  )

  it.effect("empties the WAL, and says so when a reader is in the way", () =>
    Effect.gen(function* () {
      const filename = fresh()
      yield* Effect.gen(function* () {
        const sql = yield* SqliteClient
        yield* Effect.andThen(create, insert(1))
        const reader = yield* locked(filename, "BEGIN; SELECT * FROM event")
        yield* insert(2)
        assert.isFalse(yield* sql.checkpoint)
        reader.exec("ROLLBACK")
        assert.isTrue(yield* sql.checkpoint)
      }).pipe(Effect.provide(SqliteClient.layer({ filename })))
    })
  )
})
