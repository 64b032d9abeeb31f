import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import { Effect, Option, Predicate, Stream } from "effect"
import { SqlClient, type SqlConnection, SqlError } from "effect/sql"

const BUSY = 5
const LOCKED = 6
const CORRUPT = 11
const NOT_A_DATABASE = 26
const UNIQUE = 2067
const UNIQUE_CODES = new Set([UNIQUE, 1555, 2579]) // unique index, primary key, rowid
const STREAM_BATCH = 128

const errcodeOf = (cause: unknown): number | undefined =>
  Predicate.hasProperty(cause, "errcode") && typeof cause.errcode === "number" ? cause.errcode : undefined

/** Whether node:sqlite says that the file is no sound database. */
export const isDamaged = (cause: unknown): boolean => {
  const primary = (errcodeOf(cause) ?? 0) & 0xff
  return primary === CORRUPT || primary === NOT_A_DATABASE
}

const classify = (cause: unknown, operation: string): SqlError.SqlErrorReason => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const props = { cause, message, operation }
  const code = errcodeOf(cause)
  if (code === undefined || !(cause instanceof Error)) return new SqlError.UnknownError(props)
  const primary = code & 0xff
  if (operation === "open" && primary !== BUSY && primary !== LOCKED) return new SqlError.ConnectionError(props)
  switch (primary) {
    case 1: // a message about the SQL text only when preparing
      return operation === "prepare" ? new SqlError.SqlSyntaxError(props) : new SqlError.UnknownError(props)
    case 8: // read-only database
      return new SqlError.AuthorizationError(props)
    case 10: // disk I/O
    case 13: // disk full: works again once there is space, hence a retryable reason
      return new SqlError.ConnectionError(props)
    default: {
      // node reports `errcode`, the helper reads `errno`
      const known = Object.assign(cause, { errno: UNIQUE_CODES.has(code) ? UNIQUE : code })
      return SqlError.classifySqliteError(known, { message, operation })
    }
  }
}

/** What node:sqlite threw, with its reason. */
export const toSqlError = (cause: unknown, operation: string): SqlError.SqlError =>
  SqlError.isSqlError(cause) ? cause : new SqlError.SqlError({ reason: classify(cause, operation) })

/** A call of node:sqlite; what it throws becomes a typed failure. */
export const attempt = <A>(operation: string, f: () => A): Effect.Effect<A, SqlError.SqlError> =>
  Effect.try({ try: f, catch: (cause) => toSqlError(cause, operation) })

// node would read a leading object as named parameters and silently bind NULL, a Date among them.
const bindable = (value: unknown): SQLInputValue => {
  if (value === undefined || value === null) return null
  if (typeof value === "boolean") return value ? 1 : 0
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value
  if (value instanceof Uint8Array) return value
  if (value instanceof Date) return value.toISOString()
  throw new TypeError(`Cannot bind ${typeof value} to a SQLite parameter`)
}

const prepareOne = (db: DatabaseSync, sql: string): StatementSync => {
  try {
    const statement = db.prepare(sql)
    // SQLite prepares the first statement and ignores the rest without a word.
    const rest = sql.slice(statement.sourceSQL.length).replace(/--.*$|\/\*[^]*?\*\/|[;\s]/gm, "")
    if (rest !== "") throw new TypeError("Only one SQL statement can be run at a time")
    return statement
  } catch (cause) {
    throw toSqlError(cause, "prepare")
  }
}

/** Effect's connection over one database; prepared statements are kept, the least recently used dropped first. */
export const makeConnection = (db: DatabaseSync, cacheSize: number): SqlConnection.Connection => {
  const cache = new Map<string, StatementSync>()
  const prepared = (sql: string): StatementSync => {
    const statement = cache.get(sql) ?? prepareOne(db, sql)
    cache.delete(sql)
    cache.set(sql, statement)
    const oldest = cache.size > cacheSize ? cache.keys().next().value : undefined
    if (oldest !== undefined) cache.delete(oldest)
    return statement
  }

  type Use<A> = (statement: StatementSync, params: Array<SQLInputValue>) => A
  const run = <A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    use: Use<A>,
    options?: { readonly fresh?: boolean; readonly arrays?: boolean }
  ): Effect.Effect<A, SqlError.SqlError> =>
    Effect.withFiber((fiber) =>
      attempt("execute", () => {
        const statement = options?.fresh === true ? prepareOne(db, sql) : prepared(sql)
        statement.setReadBigInts(fiber.getRef(SqlClient.SafeIntegers))
        statement.setReturnArrays(options?.arrays === true)
        return use(statement, params.map(bindable))
      })
    )

  const all: Use<ReadonlyArray<Record<string, unknown>>> = (statement, params) => statement.all(...params)
  const arrays: Use<ReadonlyArray<ReadonlyArray<unknown>>> = (statement, params) =>
    statement.all(...params).map((row) => (Array.isArray(row) ? row : Object.values(row)))

  return {
    execute: (sql, params, transformRows) => Effect.map(run(sql, params, all), transformRows ?? ((rows) => rows)),
    executeUnprepared: (sql, params, transformRows) =>
      Effect.map(run(sql, params, all, { fresh: true }), transformRows ?? ((rows) => rows)),
    executeRaw: (sql, params) =>
      run<unknown>(sql, params, (statement, values) =>
        statement.columns().length > 0 ? statement.all(...values) : statement.run(...values)
      ),
    executeValues: (sql, params) => run(sql, params, arrays, { arrays: true }),
    executeValuesUnprepared: (sql, params) => run(sql, params, arrays, { arrays: true, fresh: true }),
    // A statement of its own: the same SQL may run again while the stream is open.
    executeStream: (sql, params, transformRows) =>
      Effect.acquireRelease(
        run(sql, params, (statement, values) => statement.iterate(...values), { fresh: true }),
        (rows) => Effect.ignore(attempt("execute", () => rows.return?.()))
      ).pipe(
        Effect.map((rows) =>
          Stream.paginate(undefined, () =>
            attempt("execute", () => {
              const batch: Array<Record<string, unknown>> = []
              for (let next = rows.next(); ; next = rows.next()) {
                if (next.done === true) return [transformRows?.(batch) ?? batch, Option.none()] as const
                batch.push(next.value)
                if (batch.length === STREAM_BATCH) {
                  return [transformRows?.(batch) ?? batch, Option.some(undefined)] as const
                }
              }
            })
          )
        ),
        Stream.unwrap
      )
  }
}
