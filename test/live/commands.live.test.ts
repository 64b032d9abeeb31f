import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { copyFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { idle, post, read } from "./support/Client.ts"
import { agentProcesses, cli, copySquad, ready, start } from "./support/Daemon.ts"
import { databaseOf, isWhole, query } from "./support/Database.ts"
import { portOf, someServer } from "./support/Server.ts"

const within = 60_000

describe("the command line with a daemon", () => {
  it.live(
    "ends by itself with --once when all is done",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const file = databaseOf(folder)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const daemon = yield* start(folder)
            const url = yield* ready(folder, daemon)
            for (const title of ["one", "two", "three"]) yield* post(url, "/issues", { title })
            yield* daemon.signal("SIGKILL")
            yield* daemon.ended
          })
        )
        const { code, err, out } = yield* cli(["start", folder, "--port", "0", "--once"])
        assert.strictEqual(code, 0, out + err)
        assert.include(out, "Nothing is left to do.")
        assert.strictEqual(query(file, "SELECT count(*) FROM agents WHERE status = 'done'"), 6)
        assert.strictEqual(query(file, "SELECT count(*) FROM agents WHERE status <> 'done'"), 0)
        assert.strictEqual(query(file, "SELECT coalesce(sum(unread), 0) FROM agents"), 0)
        assert.strictEqual(query(file, "SELECT count(*) FROM forge_comments"), 3)
        assert.deepStrictEqual(agentProcesses(folder), [])
      }),
    within
  )

  it.live(
    "makes a backup that opens, and that a squadron starts from",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const copy = join(folder, "copy.db")
        const url = yield* ready(folder, yield* start(folder))
        for (const title of ["one", "two"]) yield* post(url, "/issues", { title })
        yield* idle(url)
        const { code, err, out } = yield* cli(["backup", "copy.db"], { cwd: folder })
        assert.strictEqual(code, 0, err)
        assert.include(out, copy)
        assert.strictEqual(query(copy, "SELECT count(*) FROM forge_issues"), 2)
        assert.isTrue(isWhole(copy))

        const other = yield* copySquad()
        mkdirSync(join(other, ".squadron-state"))
        copyFileSync(copy, databaseOf(other))
        const restored = yield* ready(other, yield* start(other))
        assert.strictEqual((yield* read<ReadonlyArray<unknown>>(restored, "/issues")).length, 2)
        assert.strictEqual((yield* idle(restored)).agents["done"], 4)
      }),
    within
  )
})

describe("the command line without a daemon", () => {
  for (const args of [["status"], ["issue", "list"], ["backup", "copy.db"], ["watch"]]) {
    it.live(
      `says so and ends with 3: squadron ${args.join(" ")}`,
      () =>
        Effect.gen(function* () {
          const folder = yield* copySquad()
          // a port that was free a moment ago
          const url = yield* Effect.scoped(Effect.map(someServer, (server) => `http://127.0.0.1:${portOf(server)}`))
          const { code, err, out } = yield* cli(args, { cwd: folder, env: { SQUADRON_URL: url } })
          assert.strictEqual(code, 3, err)
          assert.strictEqual(err.trim(), `No squadron runs at ${url}. Start one with: squadron start`)
          assert.strictEqual(out, "")
        }),
      within
    )
  }

  it.live(
    "says so and ends with 3 where a killed daemon left its address",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const daemon = yield* start(folder)
        const url = yield* ready(folder, daemon)
        yield* daemon.signal("SIGKILL")
        yield* daemon.ended
        const { code, err } = yield* cli(["status"], { cwd: folder })
        assert.strictEqual(code, 3)
        assert.include(err, `No squadron runs at ${url}.`)
      }),
    within
  )
})
