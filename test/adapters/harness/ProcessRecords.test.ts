import { spawn } from "node:child_process"
import { once } from "node:events"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, type Scope } from "effect"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import { makePsTable, processTable } from "../../../src/adapters/harness/ProcessTable.ts"
import { isAlive } from "../../../src/adapters/harness/ProcessTree.ts"

/** A process that a daemon might have started; ended with the test, whatever happens. */
const start = (script: string, env: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn("sh", ["-c", `${script}`], {
        detached: true,
        env: { PATH: process.env["PATH"], ...env },
        stdio: ["ignore", "pipe", "ignore"]
      })
      const ended = once(child, "exit")
      // It speaks when it is ready, so that its environment and its children are those that it is asked about.
      const [ready] = await once(child.stdout, "data")
      const entry = processTable.find(child.pid ?? 0)
      if (entry === undefined) throw new Error(`${script} is not there`)
      return { ...entry, ended, said: String(ready).trim() }
    }),
    ({ pid }) =>
      Effect.sync(() => {
        try {
          process.kill(-pid, "SIGKILL")
        } catch {
          // It has ended, as it should.
        }
      })
  )

const daemon = (stateDir: string) => ProcessRecords.layer({ stateDir, killAfter: "300 millis" })

const stateDir = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

/** What a later daemon finds and ends. */
const reap = (folder: string) =>
  Effect.flatMap(ProcessRecords, (records) => records.reap).pipe(Effect.provide(daemon(folder)))

const record = (folder: string, process: { readonly pid: number; readonly startTime: string }, run: string) =>
  Effect.flatMap(ProcessRecords, (records) =>
    records.record({ pid: process.pid, startTime: process.startTime, run })
  ).pipe(Effect.provide(daemon(folder)))

const test = (name: string, body: Effect.Effect<unknown, unknown, NodeServices.NodeServices | Scope.Scope>) =>
  it.live(name, () => Effect.provide(body, NodeServices.layer), 20_000)

describe("ProcessRecords.reap", () => {
  test(
    "ends the recorded process and its group, also when they ignore SIGTERM",
    Effect.gen(function* () {
      const folder = yield* stateDir
      const left = yield* start(`trap '' TERM; sleep 60 & echo $!; while :; do sleep 0.05; done`)
      yield* record(folder, left, "triage-12-e1/1")
      const ended = yield* reap(folder)
      assert.deepInclude(ended, { pid: left.pid, run: "triage-12-e1/1" })
      assert.deepInclude(ended, { pid: Number(left.said), run: "triage-12-e1/1" })
      assert.isFalse(isAlive(left))
      assert.notStrictEqual(processTable.find(Number(left.said))?.alive, true)
      assert.deepStrictEqual(yield* reap(folder), [])
    })
  )

  test(
    "leaves a process alone that has a recorded pid by chance",
    Effect.gen(function* () {
      const folder = yield* stateDir
      const other = yield* start(`echo ready; exec sleep 60`)
      yield* record(folder, { pid: other.pid, startTime: `1${other.startTime}` }, "triage-12-e1/1")
      assert.deepStrictEqual(yield* reap(folder), [])
      assert.isTrue(isAlive(other))
      const fs = yield* FileSystem.FileSystem
      assert.deepStrictEqual(yield* fs.readDirectory(`${folder}/processes`), [])
    })
  )

  test(
    "leaves a group alone whose leader is gone, unless it carries the mark",
    Effect.gen(function* () {
      const folder = yield* stateDir
      const { home } = yield* Effect.provide(ProcessRecords, daemon(folder))
      const orphaned = (env: Record<string, string>) =>
        Effect.gen(function* () {
          const leader = yield* start("sleep 60 > /dev/null & echo $!", env)
          yield* Effect.promise(() => leader.ended)
          yield* record(folder, leader, "triage-12-e1/1")
          return Number(leader.said)
        })
      const unmarked = yield* orphaned({})
      const marked = yield* orphaned({ SQUADRON_HOME_ID: home, SQUADRON_RUN: "triage-12-e1/1" })
      assert.deepStrictEqual(yield* reap(folder), [{ pid: marked, run: "triage-12-e1/1" }])
      assert.strictEqual(processTable.find(unmarked)?.alive, true)
    })
  )

  test(
    "finds a process without a record by its mark",
    Effect.gen(function* () {
      const folder = yield* stateDir
      const { home } = yield* Effect.provide(ProcessRecords, daemon(folder))
      const left = yield* start(`echo ready; exec sleep 60`, { SQUADRON_HOME_ID: home, SQUADRON_RUN: "review-3-e9/2" })
      assert.deepStrictEqual(yield* reap(folder), [{ pid: left.pid, run: "review-3-e9/2" }])
      assert.isFalse(isAlive(left))
    })
  )

  test(
    "leaves the processes of another state folder alone, also of a copy",
    Effect.gen(function* () {
      const [one, two] = [yield* stateDir, yield* stateDir]
      const { home } = yield* Effect.provide(ProcessRecords, daemon(one))
      const other = yield* start(`echo ready; exec sleep 60`, { SQUADRON_HOME_ID: home, SQUADRON_RUN: "review-3-e9/2" })
      assert.deepStrictEqual(yield* reap(two), [])
      assert.isTrue(isAlive(other))
    })
  )

  test(
    "survives a record that a crash cut off",
    Effect.gen(function* () {
      const folder = yield* stateDir
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${folder}/processes`)
      yield* fs.writeFileString(`${folder}/processes/12.json`, `{"pid":1`)
      assert.deepStrictEqual(yield* reap(folder), [])
      assert.deepStrictEqual(yield* fs.readDirectory(`${folder}/processes`), [])
    })
  )

  test(
    "a forgotten process is no longer anyone's",
    Effect.gen(function* () {
      const folder = yield* stateDir
      const other = yield* start(`echo ready; exec sleep 60`)
      yield* record(folder, other, "triage-12-e1/1")
      yield* Effect.flatMap(ProcessRecords, (records) => records.forget(other.pid)).pipe(Effect.provide(daemon(folder)))
      assert.deepStrictEqual(yield* reap(folder), [])
      assert.isTrue(isAlive(other))
    })
  )
})

describe("the process table by way of ps", () => {
  test(
    "tells the same of a process as /proc",
    Effect.gen(function* () {
      const one = yield* start(`echo ready; exec sleep 60`)
      const seen = makePsTable().find(one.pid)
      assert.deepStrictEqual([seen?.parent, seen?.group, seen?.alive], [process.pid, one.pid, true])
      assert.match(seen?.startTime ?? "", /\d\d:\d\d:\d\d \d{4}$/)
      assert.isFalse(Number.isNaN(seen?.order))
      assert.strictEqual(makePsTable().find(one.pid)?.startTime, seen?.startTime)
      assert.isTrue(
        makePsTable()
          .list()
          .some(({ pid }) => pid === one.pid)
      )
      assert.isUndefined(makePsTable().find(2 ** 30))
    })
  )
})
