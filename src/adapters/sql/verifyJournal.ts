import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { BrokenSpan, JournalVerdict } from "../../domain/Journal.ts"
import { type FoundLine, journalLines } from "./journalLines.ts"
import { beginning, type Seal, sealing } from "./seals.ts"

/** Seals read at once. */
const page = 500

/** What is known of the lines that one seal closes. */
const spanAfter = (previous: Seal) => {
  const hash = sealing(previous)
  let count = 0
  let from = previous.last + 1
  let since: number | null = null
  let until: number | null = null
  return {
    add: (line: FoundLine): void => {
      hash.add(line.cells)
      count++
      from = Math.min(from, line.id)
      if (line.at === null) return
      since = Math.min(since ?? line.at, line.at)
      until = Math.max(until ?? line.at, line.at)
    },
    count: () => count,
    /** A seal closes one line at least: one without could be added by whoever can compute a hash. */
    isClosedBy: (seal: Seal): boolean => hash.end() === seal.hash && count > 0,
    broken: (to: number, problem: BrokenSpan["problem"]): BrokenSpan => ({
      from: Math.max(from, Number.MIN_SAFE_INTEGER),
      to: Math.min(to, Number.MAX_SAFE_INTEGER),
      since,
      until,
      problem
    })
  }
}

/** The journal's lines up to the number `last`, one after the other. */
const reader = (sql: SqlClient.SqlClient, last: unknown) => {
  let lines: ReadonlyArray<FoundLine> = []
  let at = 0
  let newest: FoundLine | null = null
  let ended = false
  return {
    /** The next line, which stays the next until it is taken; null after the last, undefined where more must be read. */
    next: (): FoundLine | null | undefined => lines[at] ?? (ended ? null : undefined),
    take: (): void => {
      at++
    },
    more: Effect.suspend(() =>
      Effect.map(journalLines(sql, newest, last), (read) => {
        lines = read
        at = 0
        newest = read.at(-1) ?? newest
        ended = read.length === 0
      })
    )
  }
}

/** Takes the next lines up to the number `to` into a span. */
const fill = Effect.fnUntraced(function* (
  lines: ReturnType<typeof reader>,
  span: ReturnType<typeof spanAfter>,
  to: number
) {
  while (true) {
    const line = lines.next()
    if (line === undefined) {
      yield* lines.more
      yield* Effect.yieldNow
    } else if (line === null || line.id > to) return
    else {
      span.add(line)
      lines.take()
    }
  }
})

/**
 * Looks through the whole journal as it is at this moment, some lines at a time, up to the first span that is broken.
 * `noted` is a head that somebody wrote down before, or null.
 */
export const verifyJournal = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, noted: string | null) {
  const [ends] = yield* sql<{ readonly line: unknown; readonly seal: unknown }>`
    SELECT (SELECT max(id) FROM journal) AS line, (SELECT max(last) FROM journal_seals) AS seal`.pipe(
    Effect.provideService(SqlClient.SafeIntegers, true)
  )
  // what is written from here on is another look's
  const lines = reader(sql, ends?.line ?? null)
  const lastSeal = ends?.seal ?? null
  let count = 0
  let found: number | null = null
  let previous = beginning
  let first = true
  const verdict = (broken: BrokenSpan | null): JournalVerdict => ({
    lines: count,
    head: first ? null : previous.hash,
    broken,
    noted: found
  })
  while (true) {
    const seals = yield* sql<Seal>`SELECT last, hash FROM journal_seals WHERE ${
      first ? sql`last <= ${lastSeal}` : sql`last > ${previous.last} AND last <= ${lastSeal}`
    } ORDER BY last LIMIT ${page}`.pipe(Effect.provideService(SqlClient.SafeIntegers, true))
    if (seals.length === 0) break
    for (const { hash, last } of seals) {
      const seal: Seal = { last: Number(last), hash }
      const span = spanAfter(previous)
      yield* fill(lines, span, seal.last)
      if (!span.isClosedBy(seal)) return verdict(span.broken(seal.last, "differs"))
      count += span.count()
      if (hash === noted) found = seal.last
      previous = seal
      first = false
    }
  }
  const rest = spanAfter(previous)
  yield* fill(lines, rest, Number.POSITIVE_INFINITY)
  return verdict(rest.count() === 0 ? null : rest.broken(Number(ends?.line), "unsealed"))
})
