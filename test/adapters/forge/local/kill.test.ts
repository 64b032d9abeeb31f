import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import * as Database from "../../../../src/adapters/sql/Database.ts"
import { SqlWriter } from "../../../../src/adapters/sql/SqlWriter.ts"
import { script } from "./killed.ts"
import { bare, Folders, git, repository, stage, work } from "./OnGit.ts"

/** Runs the process until it has said so many lines and a little longer, then kills it; null where it ended itself. */
const runAndKill = (args: ReadonlyArray<string>, lines: number, longer: number) =>
  Effect.callback<{ readonly code: number | null; readonly said: string; readonly errors: string }>((resume) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] })
    let said = ""
    let errors = ""
    let isEnding = false
    child.stderr.on("data", (text: Buffer) => (errors += text.toString()))
    child.stdout.on("data", (text: Buffer) => {
      said += text.toString()
      if (isEnding || said.split("\n").length <= lines) return
      isEnding = true
      void delay(longer).then(() => child.kill("SIGKILL"))
    })
    child.once("close", (code) => resume(Effect.succeed({ code, said, errors })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** Whether a git of the killed process is still at work; a daemon ends those before it goes on. */
const isBusy = (folder: string): boolean =>
  readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(folder)
    } catch {
      return false
    }
  })

const onFile = Layer.unwrap(
  Effect.map(Folders, ({ repositories, root }) =>
    LocalForge.layer({ repositories }).pipe(
      Layer.provideMerge(SqlWriter.layer),
      Layer.provideMerge(Database.layer({ filename: join(root, "forge.db") }))
    )
  )
)

describe("a local forge that is killed", { timeout: 180_000 }, () => {
  it.live("has pushed, opened and merged everything once in the end", () =>
    Effect.gen(function* () {
      const { root } = yield* Folders
      const commits = yield* Effect.gen(function* () {
        yield* stage({ a: "a\n" })
        return yield* Effect.forEach(Array.from({ length: 6 }), (_, i) => work({ [`f${i}`]: `${i}\n` }))
      }).pipe(Effect.provide(onFile, { local: true }))

      let killed = 0
      let lines = 0
      while (true) {
        lines += yield* Random.nextIntBetween(1, 4)
        const ran = yield* runAndKill([root, ...commits], lines, yield* Random.nextIntBetween(0, 60))
        if (ran.code === 0) break
        const busy = Effect.sync(() => isBusy(root))
        yield* Effect.repeat(busy, { while: (is) => is, schedule: Schedule.spaced("20 millis") })
        assert.isNull(ran.code, ran.errors)
        killed++
        assert.isBelow(killed, 40)
      }
      assert.isAbove(killed, 0)

      yield* Effect.gen(function* () {
        const forge = yield* LocalForge
        const sql = yield* SqlClient.SqlClient
        const rows = yield* sql<{ body: string }>`SELECT body FROM events ORDER BY seq`
        const all = rows.map(
          ({ body }) => JSON.parse(body) as { detail: Record<string, unknown>; actor: { login: string } }
        )
        const counts = new Map<string, number>()
        for (const { actor, detail } of all) {
          const what = `${String(detail["_tag"])} ${String(detail["ref"] ?? "")} by ${actor.login}`
          counts.set(what, (counts.get(what) ?? 0) + 1)
        }
        assert.deepStrictEqual(
          [...counts].toSorted(),
          [
            ...commits.map((_, i): [string, number] => [`push refs/heads/squadron/${i} by coder-1-e1`, 1]),
            ["push refs/heads/main by coder-1-e1", 6] as [string, number],
            ["pull_request.opened  by coder-1-e1", 6] as [string, number],
            ["pull_request.closed  by coder-1-e1", 6] as [string, number]
          ].toSorted()
        )
        const folder = yield* bare
        const files = git(folder, "ls-tree", "--name-only", "main").split("\n")
        assert.deepStrictEqual(files, ["a", ...commits.map((_, i) => `f${i}`)])
        // The first one, two squashed, two merged with their commits, two put on top.
        assert.strictEqual(git(folder, "rev-list", "--count", "main"), String(1 + 2 + 4 + 2))
        for (const pull of yield* forge.pullRequests({ repository, limit: 10 })) {
          assert.isTrue(pull.merged && pull.state === "closed", `#${pull.number}`)
        }
      }).pipe(Effect.provide(onFile, { local: true }))
    }).pipe(Effect.provide(Folders.layer))
  )
})
