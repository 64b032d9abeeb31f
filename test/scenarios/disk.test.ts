import { type ChildProcess, spawn } from "node:child_process"
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Scope } from "effect"
import { TestClock } from "effect/testing"
import { SqliteClient } from "../../src/adapters/sql/SqliteClient.ts"
import type { EventDraft } from "../../src/domain/Event.ts"
import { Outcome } from "../../src/domain/Outcome.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { newFile, test } from "./Restart.ts"
import { heldAgent, rolesOf, squadronWith, untilStatus } from "./Scenario.ts"

const id = "worker-1-e1"
/** An end that needs new pages, wherever it is written. */
const finished = Outcome.cases.Completed.make({ evidence: { summary: "x".repeat(50_000) } })

const large = (key: string): EventDraft => ({
  ...customEvent({ key, issue: 2, name: "filler" }),
  detail: { _tag: "custom", name: "filler", payload: "x".repeat(20_000) }
})

/** What a database that takes no writes for a while must come to, from `stop` to `go`. */
const survives = (
  filename: string,
  reason: RegExp,
  stop: Effect.Effect<unknown, unknown, SqliteClient>,
  go: typeof stop
) =>
  Effect.gen(function* () {
    const worker = yield* heldAgent
    yield* Effect.gen(function* () {
      const squadron = yield* Squadron
      const store = yield* Store
      yield* squadron.publish(customEvent({ name: "work" }))
      const turn = yield* worker.turn
      yield* stop
      const accepted: Array<string> = []
      while (accepted.length < 100) {
        const key = `filler:${accepted.length}`
        const published = yield* Effect.result(squadron.publish(large(key)))
        if (published._tag === "Success") accepted.push(key)
        else {
          assert.strictEqual(published.failure._tag, "StoreUnavailable")
          assert.match(published.failure.message, reason)
          break
        }
      }
      assert.isBelow(accepted.length, 100)
      yield* turn.answer(finished)
      for (let n = 0; n < 5; n++) yield* TestClock.adjust("1 second")
      // it reads, and it waits
      assert.strictEqual((yield* store.agent(id)).status, "running")
      assert.strictEqual((yield* squadron.status).events, 1 + accepted.length)
      yield* go
      for (let n = 0; n < 5; n++) yield* TestClock.adjust("1 second")
      yield* untilStatus(id, "done")
      assert.strictEqual(yield* worker.opened, 1)
      const again = yield* squadron.publish(large(`filler:${accepted.length}`))
      assert.strictEqual(again._tag, "Accepted")
      yield* Effect.raceFirst(squadron.idle, Effect.forever(TestClock.adjust("1 second")))
      assert.deepInclude(yield* squadron.status, { events: 2 + accepted.length, routed: 2 + accepted.length })
      assert.deepStrictEqual(
        (yield* store.events({ limit: 1000, type: "custom" })).map(({ key }) => key).slice(0, -1),
        [...accepted, `filler:${accepted.length}`].toReversed()
      )
    }).pipe(
      Effect.provide(
        squadronWith({
          roles: rolesOf([{ name: "worker", on: [{ event: "custom", name: "work" }] }]),
          harness: Harness.layerFunctions({ worker: worker.agent }),
          filename,
          busyTimeout: "20 millis"
        })
      )
    )
  })

/** Sets how many pages the database may have. */
const pages = (limit: (used: number) => number) =>
  Effect.flatMap(SqliteClient, (sqlite) =>
    sqlite.withDatabase((db) => {
      const used = Number(db.prepare("PRAGMA page_count").get()?.["page_count"])
      db.exec(`PRAGMA max_page_count = ${limit(used)}`)
    })
  )

/** Another process that has begun to write, and does not go on. */
const holding = (filename: string) =>
  Effect.acquireRelease(
    Effect.callback<ChildProcess>((resume) => {
      const script = `const { DatabaseSync } = require("node:sqlite")
      const db = new DatabaseSync(process.argv[1])
      db.exec("BEGIN IMMEDIATE")
      console.log("held")
      setInterval(() => db.isOpen, 1000)`
      const child = spawn(process.execPath, ["-e", script, filename], { stdio: ["ignore", "pipe", "inherit"] })
      child.stdout.once("data", () => resume(Effect.succeed(child)))
      child.once("exit", (code) => resume(Effect.die(new Error(`it ended with ${code}`))))
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const ended = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

describe("a disk that takes no more", () => {
  test(
    "a squadron whose disk is full refuses what is new, and ends what it began once there is room",
    Effect.flatMap(newFile, (filename) =>
      survives(
        filename,
        /database or disk is full/,
        pages((used) => used + 20),
        pages(() => 1_000_000)
      )
    )
  )

  test(
    "a squadron whose database another process holds refuses what is new, and ends what it began once it is free",
    Effect.gen(function* () {
      const filename = yield* newFile
      const scope = yield* Effect.scope
      const other = yield* Deferred.make<ChildProcess>()
      yield* survives(
        filename,
        /database is locked/,
        Effect.flatMap(Scope.provide(holding(filename), scope), (child) => Deferred.succeed(other, child)),
        Effect.flatMap(Deferred.await(other), ended)
      )
    })
  )
})
