/** What the rest of Squadron relies on from any SQL client, whatever the driver. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Stream } from "effect"
import type { Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql"

const tables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE ship (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`
  yield* sql`CREATE TABLE crew (ship_id INTEGER NOT NULL REFERENCES ship (id) DEFERRABLE INITIALLY DEFERRED)`
})

const add = Effect.fn(function* (id: number, name = `ship ${id}`) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`INSERT INTO ship ${sql.insert({ id, name })}`
})

const ids = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ id: number }>`SELECT id FROM ship ORDER BY id`
  return rows.map((row) => row.id)
})

const inTransaction = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(effect))

const reason = <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

/** Runs the contract; every test gets a database of its own from `layer`. */
export const suite = (name: string, layer: () => Layer.Layer<SqlClient.SqlClient, SqlError.SqlError>): void => {
  const test = <E>(title: string, body: Effect.Effect<void, E, SqlClient.SqlClient>) =>
    it.effect(`${name}: ${title}`, () => Effect.provide(Effect.andThen(tables, body), layer()))

  test(
    "gives back the rows that were inserted",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`INSERT INTO ship ${sql.insert([
        { id: 1, name: "a" },
        { id: 2, name: "b" }
      ])}`
      const rows = yield* sql`SELECT * FROM ship ORDER BY id`
      assert.deepStrictEqual(rows, [
        { id: 1, name: "a" },
        { id: 2, name: "b" }
      ])
      assert.deepStrictEqual(yield* sql`SELECT id, name FROM ship ORDER BY id`.values, [
        [1, "a"],
        [2, "b"]
      ])
      assert.deepStrictEqual(yield* sql`SELECT id FROM ship WHERE ${sql.in("name", ["b"])}`.values, [[2]])
      const returned = yield* sql<{ id: number }>`INSERT INTO ship ${sql.insert({ name: "c" })} RETURNING id`
      assert.strictEqual(returned[0]?.id, 3)
    })
  )

  test(
    "names the constraint of a unique violation, primary keys included",
    Effect.gen(function* () {
      yield* add(1, "a")
      const unique = yield* reason(add(2, "a"))
      const primary = yield* reason(add(1, "b"))
      assert.deepInclude(unique, { _tag: "UniqueViolation", constraint: "ship.name" })
      assert.deepInclude(primary, { _tag: "UniqueViolation", constraint: "ship.id" })
    })
  )

  test(
    "reports other constraints and bad SQL as typed reasons",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      assert.strictEqual((yield* reason(sql`INSERT INTO ship (name) VALUES (NULL)`))._tag, "ConstraintError")
      assert.strictEqual((yield* reason(sql`SELEC 1`))._tag, "SqlSyntaxError")
      assert.strictEqual((yield* reason(sql`SELECT nothing FROM ship`.unprepared))._tag, "SqlSyntaxError")
    })
  )

  test(
    "rolls back a transaction that fails",
    Effect.gen(function* () {
      const failure = yield* Effect.flip(inTransaction(Effect.andThen(add(1), Effect.fail("no" as const))))
      assert.strictEqual(failure, "no")
      assert.deepStrictEqual(yield* ids, [])
    })
  )

  test(
    "nests transactions as savepoints",
    Effect.gen(function* () {
      const seen = yield* inTransaction(
        Effect.gen(function* () {
          yield* add(1)
          yield* inTransaction(Effect.andThen(add(2), inTransaction(add(3))))
          yield* Effect.exit(inTransaction(Effect.andThen(add(4), Effect.fail("inner"))))
          return yield* ids
        })
      )
      assert.deepStrictEqual(seen, [1, 2, 3])
      assert.deepStrictEqual(yield* ids, [1, 2, 3])
      yield* Effect.exit(inTransaction(Effect.andThen(inTransaction(add(5)), Effect.fail("outer"))))
      assert.deepStrictEqual(yield* ids, [1, 2, 3])
    })
  )

  test(
    "rolls back an interrupted transaction",
    Effect.gen(function* () {
      const inserted = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        inTransaction(Effect.andThen(add(1), Effect.andThen(Deferred.succeed(inserted, undefined), Effect.never)))
      )
      yield* Deferred.await(inserted)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* ids, [])
      yield* inTransaction(add(2))
      assert.deepStrictEqual(yield* ids, [2])
    })
  )

  test(
    "is usable after a COMMIT that failed",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const failed = yield* reason(inTransaction(sql`INSERT INTO crew ${sql.insert({ ship_id: 99 })}`))
      assert.strictEqual(failed._tag, "ConstraintError")
      yield* inTransaction(add(1))
      yield* add(2)
      assert.deepStrictEqual(yield* ids, [1, 2])
      assert.deepStrictEqual(yield* sql`SELECT count(*) FROM crew`.values, [[0]])
    })
  )

  test(
    "keeps other fibers out of an open transaction",
    Effect.gen(function* () {
      const [opened, release] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
      const owner = yield* Effect.forkChild(
        inTransaction(
          add(1).pipe(
            Effect.andThen(Deferred.succeed(opened, undefined)),
            Effect.andThen(Deferred.await(release)),
            Effect.andThen(Effect.fail("rolled back"))
          )
        )
      )
      yield* Deferred.await(opened)
      const reader = yield* Effect.forkChild(ids, { startImmediately: true })
      const writer = yield* Effect.forkChild(add(2), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(reader.pollUnsafe())
      assert.isUndefined(writer.pollUnsafe())
      yield* Deferred.succeed(release, undefined)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(owner)))
      assert.deepStrictEqual(yield* Fiber.join(reader), [])
      yield* Fiber.join(writer)
      assert.deepStrictEqual(yield* ids, [2])
    })
  )

  test(
    "runs afterCommit only when the transaction commits",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const seen: Array<string> = []
      const note = (text: string) => sql.afterCommit(Effect.sync(() => seen.push(text)).pipe(Effect.asVoid))
      yield* Effect.exit(inTransaction(Effect.andThen(note("no"), Effect.fail("rolled back"))))
      yield* inTransaction(
        Effect.andThen(
          note("yes"),
          Effect.sync(() => assert.deepStrictEqual(seen, []))
        )
      )
      assert.deepStrictEqual(seen, ["yes"])
    })
  )

  test(
    "streams rows, releases the connection early or late, and allows writes beside it in a transaction",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Effect.forEach(
        Array.from({ length: 300 }, (_, index) => index + 1),
        (id) => add(id)
      )
      const rows = sql<{ id: number }>`SELECT id FROM ship ORDER BY id`
      const collected = yield* Stream.runCollect(rows.stream)
      assert.deepStrictEqual(
        collected.map((row) => row.id),
        Array.from({ length: 300 }, (_, index) => index + 1)
      )
      assert.strictEqual(Option.getOrUndefined(yield* Stream.runHead(rows.stream))?.id, 1)
      yield* inTransaction(
        Stream.runForEach(rows.stream, (row) => sql`UPDATE ship SET name = ${`s${row.id}`} WHERE id = ${row.id}`)
      )
      assert.deepStrictEqual(yield* sql`SELECT name FROM ship WHERE id = 300`.values, [["s300"]])
      const failed = yield* reason(Stream.runDrain(sql`SELEC 1`.stream))
      assert.strictEqual(failed._tag, "SqlSyntaxError")
      yield* add(301)
    })
  )

  test(
    "reads large integers as bigint when asked to",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const large = 9_007_199_254_740_993n
      const read = sql`SELECT ${large} AS value`.values
      const values = yield* Effect.provideService(read, SqlClient.SafeIntegers, true)
      assert.deepStrictEqual(values, [[large]])
      assert.isTrue(Exit.isFailure(yield* Effect.exit(read)))
    })
  )
}
