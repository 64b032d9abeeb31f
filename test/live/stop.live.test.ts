import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { idle, post, read } from "./support/Client.ts"
import { databaseOf, query } from "./support/Database.ts"
import { agentProcesses, copySquad, eventually, type Proc, ready, start } from "./support/Daemon.ts"

type Agent = { readonly id: string; readonly role: string; readonly status: string }
type Run = { readonly outcome: { readonly _tag: string; readonly reason?: string } | null }
type Thread = { readonly comments: ReadonlyArray<{ readonly body: string }> }

/** A daemon on a new copy of the squad whose agent `long`, or another, is at work with a process beside it. */
const atWork = Effect.fnUntraced(function* (words: string, drainTimeout = "1s", role = "long") {
  const folder = yield* copySquad()
  writeFileSync(join(folder, ".squadron/config.yaml"), `repository: local/squad\ndrainTimeout: ${drainTimeout}\n`)
  const proc = yield* start(folder)
  const url = yield* ready(folder, proc)
  yield* post(url, "/issues", { title: "something to stop" })
  yield* idle(url)
  yield* post(url, "/issues/local/squad/1/comments", { body: `@squadron ${role}: ${words}` })
  // the shell, its sleep, and the grandchild in a session of its own
  yield* eventually(
    "three processes at work",
    Effect.sync(() => (agentProcesses(folder).length >= 3 ? true : undefined))
  )
  return { folder, proc }
})

const timed = Effect.fnUntraced(function* (proc: Proc) {
  const from = yield* Clock.currentTimeMillis
  const { code } = yield* proc.ended
  return { code, millis: (yield* Clock.currentTimeMillis) - from }
})

/** How the runs of `long` ended and what it said, as the next daemon tells it. */
const afterwards = Effect.fnUntraced(function* (folder: string) {
  const url = yield* ready(folder, yield* start(folder))
  yield* idle(url)
  const agent = (yield* read<ReadonlyArray<Agent>>(url, "/agents")).find(({ role }) => role === "long")
  const runs = yield* read<ReadonlyArray<Run>>(url, `/agents/${encodeURIComponent(agent?.id ?? "")}/runs`)
  const { comments } = yield* read<Thread>(url, "/issues/local/squad/1")
  return {
    status: agent?.status,
    ends: runs.map((run) => run.outcome?._tag).toSorted(),
    reasons: runs.flatMap((run) => run.outcome?.reason ?? []),
    said: comments.map(({ body }) => body).filter((body) => !/^(hello|@)/.test(body))
  }
})

const goesOn = {
  status: "done",
  ends: ["Completed", "Interrupted"],
  // the words of an orderly stop; after a crash the next start would write others
  reasons: ["Squadron was stopped while it ran"],
  said: ["went on after a cut"]
}

const workedToTheEnd = { status: "done", ends: ["Completed"], reasons: [], said: ["worked to the end"] }

describe("a daemon that is told to stop", () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    it.live(
      `gives running turns their time at ${signal}, then cuts them, writes it down, leaves nobody behind and goes on later`,
      () =>
        Effect.gen(function* () {
          const { folder, proc } = yield* atWork("300")
          yield* proc.signal(signal)
          const { code, millis } = yield* timed(proc)
          assert.strictEqual(code, 130, proc.out() + proc.err())
          assert.include(proc.err(), "Stopping")
          assert.isAtLeast(millis, 1000, "the turn got its time")
          assert.isBelow(millis, 8000)
          assert.deepStrictEqual(agentProcesses(folder), [])
          assert.isFalse(existsSync(join(folder, ".squadron-state/daemon.json")))
          assert.deepStrictEqual(yield* afterwards(folder), goesOn)
        }),
      60_000
    )
  }

  it.live(
    "lets a turn end that needs less than its time",
    () =>
      Effect.gen(function* () {
        const { folder, proc } = yield* atWork("2", "20s")
        yield* proc.signal("SIGTERM")
        const { code, millis } = yield* timed(proc)
        assert.strictEqual(code, 130)
        assert.isBelow(millis, 10_000)
        assert.include(proc.out(), "Worked.", "what happens meanwhile is told")
        assert.deepStrictEqual(agentProcesses(folder), [])
        assert.deepStrictEqual(yield* afterwards(folder), workedToTheEnd)
      }),
    60_000
  )

  it.live(
    "ends a program that ignores SIGTERM, within the time for that",
    () =>
      Effect.gen(function* () {
        const { folder, proc } = yield* atWork("", "0s", "deaf")
        yield* proc.signal("SIGTERM")
        const { code, millis } = yield* timed(proc)
        assert.strictEqual(code, 130, proc.out() + proc.err())
        assert.isAtLeast(millis, 5000, "the program got its time")
        assert.isBelow(millis, 12_000)
        assert.deepStrictEqual(agentProcesses(folder), [])
        assert.strictEqual(query(databaseOf(folder), "SELECT count(*) FROM agents WHERE status = 'running'"), 0)
      }),
    60_000
  )

  it.live(
    "takes a signal that comes twice at once, as launchers send it, for one",
    () =>
      Effect.gen(function* () {
        const { folder, proc } = yield* atWork("2", "20s")
        // the system keeps only one of two that are the same
        yield* Effect.all([proc.signal("SIGINT"), proc.signal("SIGTERM")])
        assert.strictEqual((yield* timed(proc)).code, 130)
        assert.deepStrictEqual(yield* afterwards(folder), workedToTheEnd)
      }),
    60_000
  )

  for (const [first, second] of [
    ["SIGTERM", "SIGTERM"],
    ["SIGINT", "SIGINT"],
    ["SIGHUP", "SIGTERM"]
  ] as const) {
    it.live(
      `skips the wait at a second signal (${first}, then ${second})`,
      () =>
        Effect.gen(function* () {
          const { folder, proc } = yield* atWork("300", "5m")
          yield* proc.signal(first)
          yield* eventually(
            "its word that it stops",
            Effect.sync(() => (proc.err().includes("Stopping") ? true : undefined))
          )
          // a signal right after the first would be taken for its echo
          yield* Effect.sleep(600)
          assert.isTrue(proc.isAlive())
          yield* proc.signal(second)
          const { code, millis } = yield* timed(proc)
          assert.strictEqual(code, 130, proc.out() + proc.err())
          assert.isBelow(millis, 8000)
          assert.deepStrictEqual(agentProcesses(folder), [])
          assert.deepStrictEqual(yield* afterwards(folder), goesOn)
        }),
      60_000
    )
  }
})
