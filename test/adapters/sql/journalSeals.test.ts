import { hash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { migration } from "../../../src/adapters/sql/sealsMigration.ts"
import * as SqliteBackup from "../../../src/adapters/sql/SqliteBackup.ts"
import { SqliteClient } from "../../../src/adapters/sql/SqliteClient.ts"
import type { SqlWriter } from "../../../src/adapters/sql/SqlWriter.ts"
import { sqliteStoreLayer } from "../../../src/app/layers.ts"
import type { JournalDraft, JournalVerdict } from "../../../src/domain/Journal.ts"
import * as Step from "../../../src/domain/Step.ts"
import { Backup } from "../../../src/services/Backup.ts"
import { Store } from "../../../src/services/Store.ts"

const directory = mkdtempSync(join(tmpdir(), "squadron-seals-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let count = 0
const fresh = () => join(directory, `${++count}.db`)
const open = (filename: string) => sqliteStoreLayer({ filename })

const line = (n: number): JournalDraft => ({
  kind: "event.routed",
  at: 1000 * n,
  event: n,
  agent: n % 2 === 0 ? "fixer-1-e1" : null,
  text: `line ${n}`,
  verdicts: [{ role: "fixer", rule: 1, matched: true, why: `reason ${n}` }]
})
/** One group with lines of these numbers, which are their ids as well. */
const write = (from: number, to: number) =>
  Effect.flatMap(Store, (store) =>
    store.commit(Step.make({ journal: Array.from({ length: to - from + 1 }, (_, index) => line(from + index)) }))
  )
const verified = Effect.flatMap(Store, (store) => store.verifyJournal(null))
const sql = (text: string) => Effect.flatMap(SqlClient.SqlClient, (client) => client.unsafe(text))

/** Three groups: lines 1 to 3, 4 to 6 and 7 to 9. */
const nine = Effect.andThen(write(1, 3), Effect.andThen(write(4, 6), write(7, 9)))

type Broken = Partial<NonNullable<JournalVerdict["broken"]>>
const middle = { from: 4, to: 6, since: 4000, until: 6000, problem: "differs" } as const

/** What somebody does behind its back, and what is said of it: how many lines are as they were, and what is broken. */
const tampering: ReadonlyArray<readonly [what: string, how: ReadonlyArray<string>, lines: number, broken: Broken]> = [
  ["a changed text", ["UPDATE journal SET text = 'line 55' WHERE id = 5"], 3, middle],
  ["a changed kind", ["UPDATE journal SET kind = 'run.ended' WHERE id = 4"], 3, middle],
  ["a changed agent", ["UPDATE journal SET agent = NULL WHERE id = 6"], 3, middle],
  ["another agent", ["UPDATE journal SET agent = '' WHERE id = 5"], 3, middle],
  ["a changed event", ["UPDATE journal SET event = NULL WHERE id = 5"], 3, middle],
  ["an event that is no number", ["UPDATE journal SET event = 9e999 WHERE id = 5"], 3, middle],
  ["changed verdicts", [`UPDATE journal SET verdicts = replace(verdicts, 'true', 'false') WHERE id = 6`], 3, middle],
  ["removed verdicts", ["UPDATE journal SET verdicts = '' WHERE id = 4"], 3, middle],
  [
    "a text of the same bytes that is no text",
    ["UPDATE journal SET text = CAST(text AS BLOB) WHERE id = 5"],
    3,
    middle
  ],
  ["a removed line", ["DELETE FROM journal WHERE id = 5"], 3, middle],
  ["the first line removed", ["DELETE FROM journal WHERE id = 1"], 0, { from: 1, to: 3, since: 2000, until: 3000 }],
  ["the last line removed", ["DELETE FROM journal WHERE id = 9"], 6, { from: 7, to: 9, since: 7000, until: 8000 }],
  [
    "all lines of the last group removed",
    ["DELETE FROM journal WHERE id > 6"],
    6,
    { from: 7, to: 9, since: null, until: null }
  ],
  ["all lines removed", ["DELETE FROM journal"], 0, { from: 1, to: 3, since: null, until: null }],
  [
    "an inserted line",
    [
      "DELETE FROM journal WHERE id = 5",
      "INSERT INTO journal SELECT 5, kind, at, event, agent, text, verdicts FROM journal WHERE id = 4"
    ],
    3,
    { from: 4, to: 6, since: 4000, until: 6000 }
  ],
  [
    "a line inserted before the first",
    ["INSERT INTO journal SELECT -7, kind, at, event, agent, text, verdicts FROM journal WHERE id = 4"],
    0,
    { from: -7, to: 3, since: 1000, until: 4000 }
  ],
  [
    "a line added after the last",
    ["INSERT INTO journal SELECT 10, kind, at, event, agent, text, verdicts FROM journal WHERE id = 4"],
    9,
    { from: 10, to: 10, since: 4000, until: 4000, problem: "unsealed" }
  ],
  [
    "a line with a time beyond all counting",
    ["UPDATE journal SET at = 9223372036854775807 WHERE id = 5"],
    3,
    { ...middle }
  ],
  ["swapped times", ["UPDATE journal SET at = CASE id WHEN 4 THEN 5000 ELSE 4000 END WHERE id IN (4, 5)"], 3, middle],
  [
    "swapped lines",
    [
      "UPDATE journal SET id = -1 WHERE id = 4",
      "UPDATE journal SET id = 4 WHERE id = 5",
      "UPDATE journal SET id = 5 WHERE id = -1"
    ],
    3,
    middle
  ],
  ["a removed seal", ["DELETE FROM journal_seals WHERE last = 6"], 3, { from: 4, to: 9, since: 4000, until: 9000 }],
  ["the first seal removed", ["DELETE FROM journal_seals WHERE last = 3"], 0, { from: 1, to: 6 }],
  ["the last seal removed", ["DELETE FROM journal_seals WHERE last = 9"], 6, { from: 7, to: 9, problem: "unsealed" }],
  ["all seals removed", ["DELETE FROM journal_seals"], 0, { from: 1, to: 9, problem: "unsealed" }],
  ["a changed seal", ["UPDATE journal_seals SET hash = replace(hash, 'a', 'b') || '' WHERE last = 6"], 3, middle],
  ["a seal that closes other lines", ["UPDATE journal_seals SET last = 5 WHERE last = 6"], 3, { from: 4, to: 5 }],
  [
    "a removed line with its group's seal",
    ["DELETE FROM journal WHERE id BETWEEN 4 AND 6", "DELETE FROM journal_seals WHERE last = 6"],
    3,
    { from: 4, to: 9, since: 7000, until: 9000 }
  ]
]

const test = <E>(name: string, body: Effect.Effect<void, E, Store | SqlWriter | SqlClient.SqlClient>) =>
  it.effect(name, () => Effect.suspend(() => Effect.provide(body, open(fresh()))))

describe("a journal that somebody changed behind its back", () => {
  for (const [what, how, lines, broken] of tampering) {
    test(
      `shows ${what}, and the squadron writes on`,
      Effect.gen(function* () {
        yield* nine
        const whole = yield* verified
        assert.deepInclude(whole, { lines: 9, broken: null })
        for (const text of how) yield* sql(text)
        const verdict = yield* verified
        assert.deepInclude(verdict, { lines, noted: null })
        assert.deepInclude(verdict.broken, broken)
        assert.notStrictEqual(verdict.broken, null)
        // the head of a whole journal, which somebody wrote down, says no more than the journal itself
        const store = yield* Store
        assert.strictEqual((yield* store.verifyJournal(whole.head)).noted, lines === 9 ? 9 : null)
        yield* write(20, 21)
        const later = yield* verified
        assert.strictEqual(later.lines, lines)
        assert.strictEqual(later.broken?.from, broken.from)
      })
    )
  }

  test(
    "shows a line with a number beyond all counting, wherever what comes later ends",
    Effect.gen(function* () {
      yield* nine
      yield* sql(
        "INSERT INTO journal SELECT 9007199254740993, kind, at, event, agent, text, verdicts FROM journal WHERE id = 4"
      )
      assert.deepInclude((yield* verified).broken, { from: 10, since: 4000, problem: "unsealed" })
      yield* write(10, 11)
      assert.deepInclude((yield* verified).broken, { from: 12, since: 4000, problem: "unsealed" })
    })
  )

  test(
    "shows a seal without lines, though its hash is right",
    Effect.gen(function* () {
      yield* nine
      const { head } = yield* verified
      yield* sql(`INSERT INTO journal_seals VALUES (12, '${hash("sha256", `${head}\n`, "hex")}')`)
      assert.deepInclude((yield* verified).broken, { from: 10, to: 12, since: null, until: null, problem: "differs" })
    })
  )

  test(
    "shows nothing where its end was cut off with its seals, but to who noted the head",
    Effect.gen(function* () {
      yield* nine
      const { head } = yield* verified
      yield* sql("DELETE FROM journal WHERE id > 6")
      yield* sql("DELETE FROM journal_seals WHERE last > 6")
      const store = yield* Store
      assert.deepInclude(yield* store.verifyJournal(head), { lines: 6, broken: null, noted: null })
    })
  )
})

describe("the chain of seals", () => {
  it.effect("has one seal for each group that writes lines, however many, and none for others", () =>
    Effect.gen(function* () {
      const store = yield* Store
      yield* nine
      yield* store.commit(Step.make({ cursor: 1 }))
      yield* Effect.all(
        Array.from({ length: 100 }, (_, n) => write(10 + n, 10 + n)),
        { concurrency: "unbounded" }
      )
      const [row] = yield* (yield* SqlClient.SqlClient)<{ n: number }>`SELECT count(*) AS n FROM journal_seals`
      assert.isAtMost(row?.n ?? 99, 8)
      assert.deepInclude(yield* verified, { lines: 109, broken: null })
    }).pipe(Effect.provide(open(fresh())))
  )

  it.effect("goes on where it was when the store opens again, and with its last lines gone", () => {
    const filename = fresh()
    return Effect.gen(function* () {
      const first = yield* Effect.provide(Effect.andThen(nine, verified), open(filename))
      const again = yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* verified, first)
        yield* write(10, 12)
        assert.strictEqual((yield* (yield* Store).verifyJournal(first.head)).noted, 9)
        return yield* verified
      }).pipe(Effect.provide(open(filename)))
      assert.deepInclude(again, { lines: 12, broken: null })
      yield* Effect.provide(sql("DELETE FROM journal WHERE id > 10"), open(filename))
      const cut = yield* Effect.gen(function* () {
        yield* write(13, 13)
        assert.strictEqual((yield* (yield* Store).journal({ limit: 1 }))[0]?.id, 13, "no sealed number is used again")
        return yield* verified
      }).pipe(Effect.provide(open(filename)))
      assert.deepInclude(cut, { lines: 9 })
      assert.deepInclude(cut.broken, { from: 10, to: 12 })
    })
  })

  it.effect("is right after a transaction that the database refused", () =>
    Effect.gen(function* () {
      const store = yield* Store
      const client = yield* SqlClient.SqlClient
      yield* nine
      yield* client`CREATE TRIGGER refused BEFORE INSERT ON journal_seals BEGIN SELECT RAISE(ABORT, 'not now'); END`
      assert.strictEqual((yield* Effect.flip(write(10, 11)))._tag, "StoreUnavailable")
      assert.strictEqual((yield* store.journal({ limit: 1 }))[0]?.id, 9, "no line without its seal")
      yield* client`DROP TRIGGER refused`
      yield* write(10, 11)
      assert.deepInclude(yield* verified, { lines: 11, broken: null })
    }).pipe(Effect.provide(open(fresh())))
  )

  it.effect("is followed while lines are written", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(
        Array.from({ length: 10 }, (_, n) => n),
        (n) => write(1 + n * 200, 200 + n * 200),
        { discard: true }
      )
      const verdicts = yield* Effect.all(
        [verified, ...Array.from({ length: 20 }, () => Effect.andThen(write(1, 5), verified))],
        { concurrency: "unbounded" }
      )
      for (const verdict of verdicts) assert.isNull(verdict.broken)
      assert.strictEqual((yield* verified).lines, 2100)
    }).pipe(Effect.provide(open(fresh())))
  )

  it.effect("begins with one seal over the lines that an older database has", () => {
    const filename = fresh()
    return Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* Effect.forEach(
          Array.from({ length: 6 }, (_, n) => n),
          (n) => write(1 + n * 200, 200 + n * 200),
          { discard: true }
        )
        yield* sql("DELETE FROM journal WHERE id = 700")
        yield* sql("DROP TABLE journal_seals")
      }).pipe(Effect.provide(open(filename)))
      yield* Effect.provide(migration, SqliteClient.layer({ filename }))
      const verdict = yield* Effect.gen(function* () {
        assert.deepStrictEqual(
          (yield* sql("SELECT last FROM journal_seals")).map((row) => ({ ...(row as object) })),
          [{ last: 1200 }]
        )
        assert.deepInclude(yield* verified, { lines: 1199, broken: null })
        yield* write(1, 1)
        assert.deepInclude(yield* verified, { lines: 1200, broken: null })
        yield* sql("UPDATE journal SET text = 'x' WHERE id = 1000")
        return yield* verified
      }).pipe(Effect.provide(open(filename)))
      assert.deepInclude(verdict, { lines: 0, head: null })
      assert.deepInclude(verdict.broken, { from: 1, to: 1200 })
    })
  })

  it.effect("has no seal in a database without lines", () => {
    const filename = fresh()
    return Effect.gen(function* () {
      yield* Effect.provide(sql("DROP TABLE journal_seals"), open(filename))
      yield* Effect.provide(migration, SqliteClient.layer({ filename }))
      yield* Effect.gen(function* () {
        assert.deepInclude(yield* verified, { lines: 0, head: null, broken: null })
        yield* nine
        assert.deepInclude(yield* verified, { lines: 9, broken: null })
      }).pipe(Effect.provide(open(filename)))
    })
  })

  it.effect("is part of a backup", () => {
    const copy = fresh()
    return Effect.gen(function* () {
      const [before, after] = yield* Effect.gen(function* () {
        yield* nine
        const before = yield* verified
        yield* (yield* Backup).to(copy)
        yield* write(10, 12)
        return [before, yield* verified] as const
      }).pipe(
        Effect.provide(SqliteBackup.layer.pipe(Layer.provideMerge(open(fresh())), Layer.provide(NodeServices.layer)))
      )
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* verified, before)
        const store = yield* Store
        assert.strictEqual((yield* store.verifyJournal(before.head)).noted, 9)
        assert.isNull((yield* store.verifyJournal(after.head)).noted)
        yield* write(10, 12)
        assert.deepInclude(yield* verified, { lines: 12, broken: null })
      }).pipe(Effect.provide(open(copy)))
    })
  })
})
