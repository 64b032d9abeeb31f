import { execFileSync } from "node:child_process"
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, Layer, Result, Scope } from "effect"
import { SqlClient } from "effect/sql"
import * as DaemonLock from "../../../src/adapters/sql/DaemonLock.ts"
import * as Database from "../../../src/adapters/sql/Database.ts"
import { SqliteClient } from "../../../src/adapters/sql/SqliteClient.ts"
import { SqlWriter } from "../../../src/adapters/sql/SqlWriter.ts"
import { sqliteStoreLayer } from "../../../src/app/layers.ts"
import type { EventDraft } from "../../../src/domain/Event.ts"
import * as Step from "../../../src/domain/Step.ts"
import { Store } from "../../../src/services/Store.ts"
import { agentOf, birth, message, onto } from "../../contract/StoreContract.ts"
import { customEvent } from "../../support/TestSquadron.ts"

const directory = mkdtempSync(join(tmpdir(), "squadron-faults-"))
const small = join(directory, "small")
/** A file system of 2 MiB, where this process may make one. */
const mounted = (() => {
  try {
    mkdirSync(small)
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", small], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})()
afterAll(() => {
  if (mounted) execFileSync("umount", [small])
  rmSync(directory, { recursive: true, force: true })
})

let count = 0
const fresh = () => join(directory, `${++count}.db`)
const open = (filename: string) => sqliteStoreLayer({ filename, busyTimeout: "30 millis" })

const large = (key: string): EventDraft => ({
  ...customEvent({ key }),
  detail: { _tag: "custom", name: "ping", payload: "x".repeat(20_000) }
})

const storedKeys = (filename: string): ReadonlyArray<unknown> => {
  const db = new DatabaseSync(filename)
  try {
    assert.strictEqual(db.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok")
    return db
      .prepare("SELECT key FROM events ORDER BY seq")
      .all()
      .map((row) => row["key"])
  } finally {
    db.close()
  }
}

/** Publishes, several at a time, until one is refused; the keys that were accepted, and why it was refused. */
const fill = Effect.gen(function* () {
  const store = yield* Store
  const accepted: Array<string> = []
  for (let round = 0; round < 200; round++) {
    const drafts = [0, 1, 2].map((n) => large(`fill/${round}/${n}`))
    const results = yield* Effect.all(
      drafts.map((draft) => Effect.result(store.publish(draft))),
      { concurrency: "unbounded" }
    )
    for (const [index, result] of results.entries()) {
      if (Result.isSuccess(result)) accepted.push(drafts[index]?.key ?? "")
    }
    const refused = results.find(Result.isFailure)
    if (refused !== undefined) return { accepted, error: refused.failure }
  }
  return yield* Effect.die(new Error("the disk did not fill up"))
})

/** What a full disk must come to, whichever way it is full; `makeRoom` ends it. */
const survivesFullDisk = (
  filename: string,
  makeRoom: Effect.Effect<void, unknown, SqliteClient>,
  takeRoom: Effect.Effect<void, unknown, SqliteClient> = Effect.void
) =>
  Effect.gen(function* () {
    const accepted = yield* Effect.gen(function* () {
      const store = yield* Store
      yield* takeRoom
      const full = yield* fill
      assert.strictEqual(full.error._tag, "StoreUnavailable")
      assert.match(full.error.message, /^The store cannot be used: .*full/)
      assert.isNotEmpty(full.accepted)
      // reads go on
      assert.strictEqual((yield* store.eventsAfter(0, 1000)).length, full.accepted.length)
      yield* makeRoom
      const after = yield* store.publish(large("after"))
      assert.strictEqual(after._tag, "Accepted")
      yield* store.commit(birth(agentOf(1)))
      return [...full.accepted, "after"]
    }).pipe(Effect.provide(open(filename)))
    assert.deepStrictEqual(storedKeys(filename), accepted)
  })

const pages = (sqlite: SqliteClient["Service"], limit: (used: number) => number) =>
  sqlite.withDatabase((db) => {
    const used = Number(db.prepare("PRAGMA page_count").get()?.["page_count"])
    db.exec(`PRAGMA max_page_count = ${limit(used)}`)
  })

describe("a full disk", () => {
  it.effect.skipIf(!mounted)(
    "refuses what it cannot hold, loses nothing that it took, and works again once there is room",
    () => {
      const ballast = join(small, "ballast")
      return Effect.suspend(() => {
        writeFileSync(ballast, Buffer.alloc(1024 * 1024))
        return survivesFullDisk(
          join(small, "full.db"),
          Effect.sync(() => rmSync(ballast))
        )
      })
    }
  )

  it.effect("refuses, keeps and recovers in the same way where the database may not grow", () => {
    const filename = fresh()
    const limit = (to: (used: number) => number) => Effect.flatMap(SqliteClient, (sqlite) => pages(sqlite, to))
    return survivesFullDisk(
      filename,
      limit(() => 1_000_000),
      limit((used) => used + 100)
    )
  })

  it.effect("answers each caller of one group by what became of its own write", () => {
    const filename = fresh()
    return Effect.gen(function* () {
      const answers = yield* Effect.gen(function* () {
        const sqlite = yield* SqliteClient
        const sql = yield* SqlClient.SqlClient
        const writer = yield* SqlWriter
        const store = yield* Store
        yield* sql`CREATE TABLE notes (key TEXT PRIMARY KEY, text TEXT)`
        yield* pages(sqlite, (used) => used + 8)
        const note = (key: string, size: number) =>
          Effect.map(
            Effect.exit(
              writer.write(
                Effect.as(sql`INSERT INTO notes (key, text) VALUES (${key}, ${"x".repeat(size)})`, {
                  value: key,
                  events: [customEvent({ key })]
                })
              )
            ),
            (exit) => ({ key, done: Exit.isSuccess(exit) })
          )
        const event = (key: string) =>
          Effect.map(Effect.exit(store.publish(customEvent({ key }))), (exit) => ({ key, done: Exit.isSuccess(exit) }))
        return yield* Effect.all(
          [
            event("e1"),
            note("w1", 10),
            note("w2", 200_000),
            note("w3", 10),
            event("e2"),
            note("w4", 200_000),
            note("w5", 10)
          ],
          { concurrency: "unbounded" }
        )
      }).pipe(Effect.provide(open(filename)))
      const done = answers.filter((answer) => answer.done).map(({ key }) => key)
      assert.deepStrictEqual(storedKeys(filename).toSorted(), done.toSorted())
      assert.notInclude(done, "w2")
      const db = new DatabaseSync(filename)
      const notes = db
        .prepare("SELECT key FROM notes")
        .all()
        .map((row) => row["key"])
      db.close()
      assert.deepStrictEqual(notes.toSorted(), done.filter((key) => key.startsWith("w")).toSorted())
    })
  })
})

describe("a database that another process holds", () => {
  it.effect("refuses with a reason, stores nothing of it, and works once it is released", () => {
    const filename = fresh()
    return Effect.gen(function* () {
      const store = yield* Store
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const db = new DatabaseSync(filename)
          db.exec("BEGIN IMMEDIATE")
          return db
        }),
        (db) => Effect.sync(() => db.close())
      )
      const error = yield* Effect.flip(store.publish(customEvent({ key: "held" })))
      assert.strictEqual(error._tag, "StoreUnavailable")
      assert.match(error.message, /locked/)
      const step = yield* Effect.flip(store.commit(birth(agentOf(1))))
      assert.strictEqual(step._tag, "StoreUnavailable")
      other.exec("ROLLBACK")
      assert.deepStrictEqual(yield* store.eventsAfter(0, 9), [])
      assert.strictEqual((yield* store.publish(customEvent({ key: "held" })))._tag, "Accepted")
      yield* store.commit(birth(agentOf(1)))
    }).pipe(Effect.provide(open(filename)))
  })

  it.effect("is not opened, and the message says what to look for", () => {
    const filename = fresh()
    return Effect.gen(function* () {
      yield* Effect.provide(Effect.void, open(filename))
      const db = new DatabaseSync(filename)
      db.exec(
        "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; INSERT INTO cursors (name, seq) VALUES ('x', 1); COMMIT"
      )
      yield* Effect.addFinalizer(() => Effect.sync(() => db.close()))
      const error = yield* unusable(filename)
      assert.match(error.message, /locked.*See that no other program holds it/)
    })
  })
})

const unusable = (filename: string) =>
  Effect.flip(Effect.scoped(Layer.build(Database.layer({ filename, busyTimeout: "30 millis" }))))

/** Some hundred events, so that there is something to damage. */
const populated = Effect.fnUntraced(function* (filename: string) {
  yield* Effect.gen(function* () {
    const store = yield* Store
    yield* Effect.forEach(
      Array.from({ length: 40 }, (_, n) => large(`k${n}`)),
      store.publish,
      { concurrency: "unbounded", discard: true }
    )
    yield* (yield* SqliteClient).checkpoint
  }).pipe(Effect.provide(open(filename)))
  return filename
})

describe("a database that cannot be used", () => {
  it.effect("made by a newer version is refused, untouched", () =>
    Effect.gen(function* () {
      const filename = yield* populated(fresh())
      const db = new DatabaseSync(filename)
      db.exec("INSERT INTO squadron_migrations (migration_id, name) VALUES (99, 'from_the_future')")
      db.close()
      const error = yield* unusable(filename)
      assert.strictEqual(error._tag, "DatabaseUnusable")
      assert.strictEqual(error.file, filename)
      assert.match(
        error.message,
        /a newer version of Squadron made this database \(its schema is 99, this version knows \d+\)\. Install that version again/
      )
      assert.strictEqual(storedKeys(filename).length, 40)
    })
  )

  it.effect("that is damaged is refused, and the message says what helps", () =>
    Effect.gen(function* () {
      const filename = yield* populated(fresh())
      const middle = Math.floor(statSync(filename).size / 2)
      const file = openSync(filename, "r+")
      writeSync(file, Buffer.alloc(64 * 1024, 0xab), 0, 64 * 1024, middle)
      closeSync(file)
      const error = yield* unusable(filename)
      assert.strictEqual(error._tag, "DatabaseUnusable")
      assert.match(error.message, /damaged|malformed/)
      assert.match(error.message, /Restore a backup/)
    })
  )

  it.effect("that is cut short, or no database at all, is refused with its name", () =>
    Effect.gen(function* () {
      const whole = yield* populated(fresh())
      const short = fresh()
      copyFileSync(whole, short)
      execFileSync("truncate", ["-s", "20000", short])
      const text = fresh()
      writeFileSync(text, "this is not a database ".repeat(500))
      for (const filename of [short, text, join(directory, "missing", "a.db")]) {
        const error = yield* unusable(filename)
        assert.strictEqual(error._tag, "DatabaseUnusable")
        assert.isTrue(error.message.startsWith(`${filename}: `), error.message)
      }
    })
  )

  it.effect("is migrated once: opening it again, or from two at the same time, changes nothing", () =>
    Effect.gen(function* () {
      const filename = fresh()
      yield* Effect.all(
        [1, 2].map(() => Effect.scoped(Layer.build(Database.layer({ filename })))),
        { concurrency: "unbounded" }
      )
      const schema = () => {
        const db = new DatabaseSync(filename)
        const rows = [
          db.prepare("SELECT sql FROM sqlite_schema ORDER BY name").all(),
          db.prepare("SELECT * FROM squadron_migrations").all()
        ]
        db.close()
        return rows
      }
      const before = schema()
      yield* Effect.scoped(Layer.build(Database.layer({ filename })))
      yield* Effect.provide(Database.migrate, SqliteClient.layer({ filename }))
      assert.deepStrictEqual(schema(), before)
      assert.isNotEmpty(before[1])
    })
  )
})

describe("a second daemon on the same folder", () => {
  it.effect("is refused while the first lives, and may start after it", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(directory, "state-"))
      const first = yield* Scope.make()
      yield* Scope.provide(Layer.build(DaemonLock.layer(folder)), first)
      const error = yield* Effect.flip(Effect.scoped(Layer.build(DaemonLock.layer(folder))))
      assert.strictEqual(error._tag, "DaemonRunning")
      assert.strictEqual(
        error.message,
        `Another squadron works on ${folder}. Stop it first, or give this one another \`stateDir\`.`
      )
      yield* Effect.scoped(Layer.build(DaemonLock.layer(mkdtempSync(join(directory, "state-")))))
      yield* Scope.close(first, Exit.void)
      yield* Effect.scoped(Layer.build(DaemonLock.layer(folder)))
    })
  )

  it.effect("is not blamed for a folder that is not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(DaemonLock.layer(join(directory, "missing")))))
      assert.strictEqual(error._tag, "DatabaseUnusable")
      assert.match(error.message, /missing\/daemon\.lock: .*See that the folder exists/)
    })
  )
})

describe("a store that closes and opens again", () => {
  it.live(
    "answers everybody who waits, keeps what it acknowledged, and stores nothing that it refused",
    () =>
      Effect.gen(function* () {
        for (const turns of [0, 1, 2, 3, 5, 8]) {
          const filename = fresh()
          const scope = yield* Scope.make()
          const store = Context.get(yield* Scope.provide(Layer.build(open(filename)), scope), Store)
          // more than its queue holds
          const keys = Array.from({ length: 2500 }, (_, n) => `k${n}`)
          const callers = yield* Effect.forEach(keys, (key) => Effect.forkChild(store.publish(customEvent({ key }))))
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Scope.close(scope, Exit.void)
          const exits = yield* Effect.forEach(callers, Fiber.await).pipe(Effect.timeout("5 seconds"))
          const accepted = keys.filter((_, index) => {
            const exit = exits[index]
            if (exit === undefined || Exit.isSuccess(exit)) return exit !== undefined
            assert.deepInclude(Cause.squash(exit.cause), { _tag: "StoreUnavailable" })
            return false
          })
          assert.deepStrictEqual(storedKeys(filename).toSorted(), accepted.toSorted())
          assert.deepInclude(yield* Effect.flip(store.publish(customEvent())), { _tag: "StoreUnavailable" })
        }
      }),
    60_000
  )

  it.effect("counts and continues as before", () => {
    const filename = fresh()
    const counts = Effect.flatMap(Store, (store) => store.counts)
    return Effect.gen(function* () {
      const before = yield* Effect.gen(function* () {
        const store = yield* Store
        yield* store.publish(customEvent())
        yield* store.commit(
          birth(agentOf(1, { unread: 2 }), { messages: [message("fixer-1-e1"), message("fixer-1-e1")], cursor: 1 })
        )
        yield* store.commit(birth(agentOf(2, { status: "sleeping" })))
        yield* store.commit(onto(agentOf(2, { status: "sleeping" }), { status: "done" }))
        yield* store.commit(birth(agentOf(3)))
        yield* store.commit(onto(agentOf(1), { unread: 1, setAside: 1 }, { setAside: [{ id: 1, reason: "x" }] }))
        yield* store.commit(
          Step.make({
            actions: [
              { key: "a", subject: agentOf(1).subject, agent: null, depth: 0, action: { _tag: "reopen_issue" } }
            ]
          })
        )
        return yield* store.counts
      }).pipe(Effect.provide(open(filename)))
      assert.deepInclude(before, { unread: 1, setAside: 1, actionsQueued: 1 })
      assert.deepInclude(before.agents, { ready: 2, sleeping: 0, done: 1 })
      assert.deepStrictEqual(yield* Effect.provide(counts, open(filename)), before)
      yield* Effect.gen(function* () {
        const store = yield* Store
        assert.strictEqual(yield* store.cursor, 1)
        assert.strictEqual((yield* store.unread(["fixer-1-e1"], 9)).length, 1)
        assert.deepStrictEqual(yield* store.eventsAfter(1, 9), [])
        assert.strictEqual((yield* store.publish(customEvent()))._tag, "Accepted")
        assert.strictEqual((yield* store.eventsAfter(1, 9)).length, 1)
      }).pipe(Effect.provide(open(filename)))
    })
  })
})
