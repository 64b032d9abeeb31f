/** The daemon's database file, seen from outside. */
import { Clock, Effect } from "effect"
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

export const databaseOf = (folder: string): string => join(folder, ".squadron-state", "squadron.db")

const row = (db: DatabaseSync, sql: string): Record<string, number> =>
  Object.fromEntries(Object.entries(db.prepare(sql).get() ?? {}).map(([name, value]) => [name, Number(value)]))

/** One number out of a database file, opened apart from any daemon. */
export const query = (file: string, sql: string): number => {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return Object.values(row(db, sql))[0] ?? Number.NaN
  } finally {
    db.close()
  }
}

/** Runs statements on a database file that no daemon holds. */
export const change = (file: string, sql: string): void => {
  const db = new DatabaseSync(file)
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}

export const isWhole = (file: string): boolean =>
  query(file, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") === 1

/** Comments that either the forge or the outbox does not know yet; every action of the squad is a comment. */
const unnoted = "abs((SELECT count(*) FROM forge_comments) - (SELECT count(*) FROM actions WHERE status = 'done'))"
const unrouted = "(SELECT count(*) FROM events WHERE seq > (SELECT seq FROM cursors WHERE name = 'router'))"

/** What a killed daemon had not finished. */
export type Unfinished = {
  readonly running: number
  readonly ready: number
  readonly unrouted: number
  readonly queued: number
  readonly unnoted: number
}

/** Reads a copy, so that the next daemon finds the files exactly as the killed one left them. */
export const unfinished = (folder: string): Unfinished => {
  const file = databaseOf(folder)
  const apart = mkdtempSync(join(tmpdir(), "squadron-live-look-"))
  const copy = join(apart, "squadron.db")
  try {
    copyFileSync(file, copy)
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`)
    const db = new DatabaseSync(copy)
    try {
      const counts = row(
        db,
        `SELECT (SELECT count(*) FROM agents WHERE status = 'running') AS running,
          (SELECT count(*) FROM agents WHERE status = 'ready') AS ready, ${unrouted} AS unrouted,
          (SELECT count(*) FROM actions WHERE status = 'queued') AS queued, ${unnoted} AS unnoted`
      )
      const { queued = 0, ready = 0, running = 0, unnoted: toNote = 0, unrouted: toRoute = 0 } = counts
      return { queued, ready, running, unnoted: toNote, unrouted: toRoute }
    } finally {
      db.close()
    }
  } finally {
    rmSync(apart, { recursive: true, force: true })
  }
}

/** States of a few milliseconds between two commits that belong together. */
export const between = {
  /** A comment is in the forge and not yet noted as done, or the other way round. */
  noting: `SELECT 1 WHERE ${unnoted} > 0`,
  /** An event is stored, and not yet routed. */
  routing: `SELECT 1 WHERE ${unrouted} > 0`
} as const

/**
 * Looks at a running daemon's database as often as it can, and calls `then` in the tick that sees the state; after
 * `within` milliseconds without it as well.
 */
export const catchState = Effect.fnUntraced(function* (
  file: string,
  state: keyof typeof between,
  within: number,
  then: () => void
) {
  const until = (yield* Clock.currentTimeMillis) + within
  const clock = yield* Clock.Clock
  yield* Effect.callback<void>((resume) => {
    const db = new DatabaseSync(file, { readOnly: true, timeout: 1000 })
    const statement = db.prepare(between[state])
    let next: NodeJS.Immediate | undefined
    const look = () => {
      if (statement.get() === undefined && clock.currentTimeMillisUnsafe() < until) {
        next = setImmediate(look)
        return
      }
      then()
      db.close()
      next = undefined
      resume(Effect.void)
    }
    look()
    return Effect.sync(() => {
      if (next === undefined) return
      clearImmediate(next)
      db.close()
    })
  })
})
