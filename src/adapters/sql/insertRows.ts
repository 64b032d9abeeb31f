import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Cell } from "./rows.ts"

/** Rows of one statement: enough to share its cost, few enough to keep its parameters under every driver's bound. */
const chunk = 200

const placeholders = (sql: SqlClient.SqlClient, from: number, count: number): string =>
  sql.onDialectOrElse({
    pg: () => Array.from({ length: count }, (_, i) => `$${from + i + 1}`).join(","),
    orElse: () => Array.from({ length: count }, () => "?").join(",")
  })

const texts = new Map<string, string>()

const statement = (
  sql: SqlClient.SqlClient,
  table: string,
  columns: ReadonlyArray<string>,
  rows: number,
  tail: string
): string => {
  const name = `${sql.driver} ${table} ${rows} ${tail}`
  const known = texts.get(name)
  if (known !== undefined) return known
  const values = Array.from({ length: rows }, (_, i) => `(${placeholders(sql, i * columns.length, columns.length)})`)
  const text = `INSERT INTO ${table} (${columns.join(",")}) VALUES ${values.join(",")} ${tail}`
  texts.set(name, text)
  return text
}

/** Inserts many rows in few statements, in order; `tail` is what follows, such as `RETURNING id`. */
export const insertRows = <A extends object>(
  sql: SqlClient.SqlClient,
  table: string,
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  tail = ""
): Effect.Effect<ReadonlyArray<A>, SqlError.SqlError> => {
  if (rows.length === 0) return Effect.succeed([])
  if (rows.length <= chunk) return sql.unsafe<A>(statement(sql, table, columns, rows.length, tail), rows.flat())
  const parts: Array<ReadonlyArray<ReadonlyArray<Cell>>> = []
  for (let at = 0; at < rows.length; at += chunk) parts.push(rows.slice(at, at + chunk))
  return Effect.map(
    Effect.forEach(parts, (part) => sql.unsafe<A>(statement(sql, table, columns, part.length, tail), part.flat())),
    (all) => all.flat()
  )
}

/** Runs `text`, in which `??` stands for the list, for up to a few hundred values at a time. */
export const forValues = <A extends object>(
  sql: SqlClient.SqlClient,
  text: string,
  values: ReadonlyArray<Cell>
): Effect.Effect<ReadonlyArray<A>, SqlError.SqlError> => {
  if (values.length === 0) return Effect.succeed([])
  const parts: Array<ReadonlyArray<Cell>> = []
  for (let at = 0; at < values.length; at += 500) parts.push(values.slice(at, at + 500))
  return Effect.map(
    Effect.forEach(parts, (part) => sql.unsafe<A>(text.replace("??", placeholders(sql, 0, part.length)), part)),
    (all) => (all.length === 1 ? (all[0] ?? []) : all.flat())
  )
}

/** `ON CONFLICT (key) DO UPDATE SET …` for all other columns. */
export const orUpdate = (key: string, columns: ReadonlyArray<string>): string =>
  `ON CONFLICT (${key}) DO UPDATE SET ${columns
    .filter((column) => column !== key)
    .map((column) => `${column} = excluded.${column}`)
    .join(", ")}`
