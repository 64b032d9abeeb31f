import { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import type { Message } from "../../domain/Message.ts"
import { openRun } from "../../domain/Run.ts"
import type { Page, Store } from "../../services/Store.ts"
import {
  agentOf,
  type AgentRow,
  type AgentSpan,
  journalOf,
  type JournalRow,
  type MessageRow,
  runOf,
  spanColumns
} from "./rows.ts"

/** The number that a page ends before. */
export const before = (page: Page): number => page.before ?? Number.MAX_SAFE_INTEGER

const noSpan: AgentSpan = {
  first_message: 0,
  last_message: 0,
  first_journal: 0,
  last_journal: 0,
  first_run: 0,
  last_run: 0
}

/**
 * The newest rows with a number above `first` and below `end`, some thousand numbers at a time so that a long search
 * lets others in between.
 */
const backwards = Effect.fnUntraced(function* <A, E>(
  first: number,
  end: number,
  limit: number,
  query: (from: number, to: number, limit: number) => Effect.Effect<ReadonlyArray<A>, E>
) {
  const found: Array<A> = []
  for (let to = end; to > first + 1 && found.length < limit; to -= 20_000) {
    found.push(...(yield* query(Math.max(first, to - 20_001), to, limit - found.length)))
    yield* Effect.yieldNow
  }
  return found
})

/** All of the conditions that are there. */
export const where = (sql: SqlClient.SqlClient, parts: ReadonlyArray<ReturnType<typeof sql.literal> | null>) =>
  sql.and(parts.filter((part) => part !== null))

/** What happened to an agent, found by the numbers that its row keeps. */
export const history = (
  sql: SqlClient.SqlClient,
  withEvents: (rows: ReadonlyArray<MessageRow>) => Effect.Effect<ReadonlyArray<Message>, SqlError.SqlError>
) => {
  const spanOf = (agent: string) =>
    Effect.map(
      sql<AgentSpan>`SELECT ${sql.literal(spanColumns.join(", "))} FROM agents WHERE id = ${agent}`,
      ([row]) => row ?? noSpan
    )

  const inbox = Effect.fnUntraced(function* (agent: string, page: Page) {
    const span = yield* spanOf(agent)
    const rows = yield* backwards(
      span.first_message,
      Math.min(span.last_message + 1, before(page)),
      page.limit,
      (from, to, limit) =>
        sql<MessageRow>`SELECT * FROM messages WHERE id > ${from} AND id < ${to} AND agent = ${agent} ORDER BY id DESC LIMIT ${limit}`
    )
    return yield* withEvents(rows)
  })

  const runs = Effect.fnUntraced(function* (agent: string) {
    const span = yield* spanOf(agent)
    const rows = yield* backwards(
      span.first_run,
      span.last_run + 1,
      100,
      (from, to, limit) =>
        sql<{
          id: number
          body: string
        }>`SELECT id, body FROM runs WHERE id > ${from} AND id < ${to} AND agent = ${agent} ORDER BY id DESC LIMIT ${limit}`
    )
    const [row] = yield* sql<AgentRow>`SELECT * FROM agents WHERE id = ${agent} AND status = 'running'`
    return [...(row === undefined ? [] : [openRun(agentOf(row))]), ...rows.map(runOf)]
  })

  const journal = Effect.fnUntraced(function* (page: Parameters<Store["Service"]["journal"]>[0]) {
    const of = page.event === undefined ? null : sql`event = ${page.event}`
    if (page.agent === undefined) {
      const rows = yield* sql<JournalRow>`SELECT * FROM journal WHERE ${where(sql, [
        sql`id < ${before(page)}`,
        of
      ])} ORDER BY id DESC LIMIT ${page.limit}`
      return rows.map(journalOf)
    }
    const { agent } = page
    const span = yield* spanOf(agent)
    const hot = yield* backwards(
      span.first_journal,
      Math.min(span.last_journal + 1, before(page)),
      page.limit,
      (from, to, limit) =>
        sql<JournalRow>`SELECT * FROM journal WHERE ${where(sql, [
          sql`id > ${from} AND id < ${to} AND agent = ${agent}`,
          sql`kind IN ('event.routed', 'run.ended')`,
          of
        ])} ORDER BY id DESC LIMIT ${limit}`
    )
    const rare = yield* sql<JournalRow>`SELECT * FROM journal WHERE ${where(sql, [
      sql`agent = ${agent} AND kind NOT IN ('event.routed', 'run.ended') AND id < ${before(page)}`,
      of
    ])} ORDER BY id DESC LIMIT ${page.limit}`
    return [...hot, ...rare]
      .toSorted((a, b) => b.id - a.id)
      .slice(0, page.limit)
      .map(journalOf)
  })

  return { inbox, runs, journal }
}
