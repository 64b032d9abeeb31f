import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import type { Event, EventDraft } from "../../domain/Event.ts"
import { forValues, insertRows } from "./insertRows.ts"
import type { Numbering } from "./numbering.ts"
import { eventCells, eventColumns } from "./rows.ts"

/** What came of some drafts. */
type Appended = {
  /** Those whose keys were new, in order. */
  readonly events: ReadonlyArray<Event>
  /** The number for every key, old or new. */
  readonly seqs: ReadonlyMap<string, number>
  /** The keys that were new. */
  readonly fresh: ReadonlySet<string>
}

/** Appends events whose keys are new, in the writer's transaction. */
export const appendEvents = Effect.fnUntraced(function* (drafts: ReadonlyArray<EventDraft>, last: Numbering) {
  const sql = yield* SqlClient.SqlClient
  const seqs = new Map<string, number>()
  for (const row of yield* forValues<{ seq: number; key: string }>(
    sql,
    "SELECT seq, key FROM events WHERE key IN (??)",
    drafts.map((draft) => draft.key)
  )) {
    seqs.set(row.key, row.seq)
  }
  const fresh = new Set<string>()
  const events: Array<Event> = []
  const rows: Array<ReturnType<typeof eventCells>> = []
  for (const draft of drafts) {
    if (seqs.has(draft.key)) continue
    const seq = ++last.events
    seqs.set(draft.key, seq)
    fresh.add(draft.key)
    events.push({ seq, ...draft })
    rows.push(eventCells(seq, draft))
  }
  yield* insertRows(sql, "events", eventColumns, rows)
  const appended: Appended = { events, seqs, fresh }
  return appended
})
