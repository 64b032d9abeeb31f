import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import { processTable } from "../../../src/adapters/harness/ProcessTable.ts"
import { makeGit } from "../../../src/adapters/workspace/git.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { serveGit } from "./GitHttp.ts"
import { agent, commitAll, daemon, git, Place, request, test, write } from "./Rig.ts"

/** Programs of this state folder that run now. */
const running = Effect.map(ProcessRecords, ({ home }) =>
  processTable
    .list()
    .filter(({ alive, pid }) => alive && processTable.environment(pid)?.get("SQUADRON_HOME_ID") === home)
)

const assertNoneRuns = Effect.map(running, (processes) =>
  assert.deepStrictEqual(
    processes.map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, "utf8")),
    []
  )
)

const openAndClose = Effect.scoped(Workspaces.use((workspaces) => workspaces.open(request)))

describe("an interruption", () => {
  test(
    "ends a git that waits for the forge, with all that it started",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const reached = yield* Deferred.make<void>()
      const url = yield* serveGit(join(origin, ".."), () => {
        Deferred.doneUnsafe(reached, Effect.void)
        return new Promise<boolean>(() => {})
      })
      yield* Effect.gen(function* () {
        const opening = yield* Effect.forkScoped(openAndClose)
        yield* Deferred.await(reached)
        assert.isAbove((yield* running).length, 1)
        yield* Fiber.interrupt(opening)
        yield* assertNoneRuns
      }).pipe(Effect.scoped, Effect.provide(daemon({ remote: { url: `${url}/origin/.git`, header: null } })))
      const workspace = yield* openAndClose
      assert.isTrue(workspace.fresh)
    })
  )

  test(
    "ends a git that does not heed SIGTERM",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const { home } = yield* ProcessRecords
      // A git that runs a program of ours: that one is deaf, and has a child.
      const script = `trap '' TERM; sleep 600 & touch ${stateDir}/started; wait; sleep 600`
      const run = makeGit({ PATH: process.env["PATH"] }, home)
      const deaf = yield* Effect.forkScoped(run({ args: ["deaf"], config: [["alias.deaf", `!sh -c "${script}"`]] }))
      while (!existsSync(join(stateDir, "started"))) yield* Effect.sleep(5)
      yield* Fiber.interrupt(deaf)
      yield* assertNoneRuns
      const late = yield* Effect.flip(run({ args: ["late"], config: [["alias.late", "!sleep 600"]], timeout: 200 }))
      assert.include(late.message, "was not done after")
      yield* assertNoneRuns
    })
  )

  test(
    "at any moment of an opening leaves nothing that the next one takes for whole",
    Effect.gen(function* () {
      const { origin, stateDir } = yield* Place
      for (let i = 0; i < 400; i++) write(origin, { [`many/f${i}.txt`]: `${i}\n`.repeat(200) })
      const head = commitAll(origin, "many")
      let interrupted = 0
      const start = performance.now()
      yield* openAndClose
      const whole = performance.now() - start
      for (let n = 0; n < 15; n++) {
        const asked = { ...request, agent: `dev-${n}-e1` }
        const one = Effect.scoped(Workspaces.use((workspaces) => workspaces.open(asked)))
        const fiber = yield* Effect.forkScoped(one)
        yield* Effect.sleep((whole * n) / 15)
        yield* Fiber.interrupt(fiber)
        yield* assertNoneRuns
        const folder = join(stateDir, "workspaces", asked.agent)
        const there = existsSync(folder)
        if (!there) interrupted++
        assert.isFalse(existsSync(join(stateDir, "workspaces", `.making-${asked.agent}`)))
        const { fresh, path } = yield* one
        assert.strictEqual(fresh, !there)
        assert.strictEqual(git(path, "rev-parse", "HEAD"), head)
        assert.strictEqual(git(path, "status", "--porcelain"), "")
        assert.isTrue(yield* Workspaces.use((workspaces) => workspaces.remove(asked.agent)))
      }
      assert.isAbove(interrupted, 0)
    }),
    {},
    60_000
  )
})

describe("a daemon that was killed", () => {
  test(
    "leaves gits behind, which the next one ends before it removes their locks",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const { home } = yield* ProcessRecords
      yield* openAndClose
      // What an earlier daemon started and nobody ended: a git that holds a lock.
      const orphan = spawn("sleep", ["600"], {
        detached: true,
        stdio: "ignore",
        env: { PATH: process.env["PATH"], SQUADRON_HOME_ID: home, SQUADRON_RUN: "git" }
      })
      const gone = new Promise((resolve) => orphan.once("exit", resolve))
      const agents = spawn("sleep", ["600"], {
        detached: true,
        stdio: "ignore",
        env: { PATH: process.env["PATH"], SQUADRON_HOME_ID: home, SQUADRON_RUN: "dev-1-e1/1" }
      })
      const lock = join(stateDir, "mirrors/acme/shop.git/packed-refs.lock")
      write(stateDir, { "mirrors/acme/shop.git/packed-refs.lock": "" })
      yield* Effect.provide(openAndClose, daemon())
      yield* Effect.promise(() => gone)
      assert.isFalse(existsSync(lock))
      assert.isTrue(processTable.find(agents.pid ?? 0)?.alive, "an agent's process is not ours to end")
      agents.kill("SIGKILL")
    })
  )

  test(
    "in the middle of anything leaves a state that the next one goes on from",
    Effect.gen(function* () {
      const { origin, stateDir } = yield* Place
      for (let i = 0; i < 300; i++) write(origin, { [`many/f${i}.txt`]: `${i}\n`.repeat(100) })
      commitAll(origin, "many")
      const program = join(import.meta.dirname, "killedDaemon.ts")
      const file = join(stateDir, "workspaces", agent, "clone/work.txt")
      let saved = false
      // After so many words of the daemon, and then some: two rounds have 12.
      for (let words = 1; words <= 13; words += 2) {
        const child = spawn(process.execPath, [program, stateDir, origin], { stdio: ["ignore", "pipe", "inherit"] })
        const exited = new Promise((resolve) => child.once("exit", resolve))
        let said = ""
        yield* Effect.callback<void>((resume) => {
          child.stdout.on("data", (bytes: Buffer) => {
            said += bytes.toString()
            if (said.split("\n").length > words) resume(Effect.void)
          })
        })
        yield* Effect.sleep((words * 37) % 60)
        child.kill("SIGKILL")
        yield* Effect.promise(() => exited)
        saved ||= said.includes("saved")
        const written = existsSync(file) ? readFileSync(file, "utf8") : null
        yield* Effect.gen(function* () {
          const workspace = yield* openAndClose
          assert.strictEqual(git(workspace.path, "status", "--porcelain", "--", "many", "src"), "", said)
          if (written !== null) assert.strictEqual(readFileSync(file, "utf8"), written, said)
          if (saved) assert.match(readFileSync(file, "utf8"), /^round \d+ of \d+\n$/, said)
          git(workspace.mirror, "fsck", "--no-dangling")
        }).pipe(Effect.provide(daemon()))
        assert.deepStrictEqual(
          readdirSync(join(stateDir, "workspaces")).filter((name) => /^\.(?:making|leaving|view)/.test(name)),
          []
        )
      }
    }),
    {},
    60_000
  )
})
