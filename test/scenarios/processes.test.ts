import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, type Scope } from "effect"
import { CommandHarness } from "../../src/adapters/harness/CommandHarness.ts"
import { ProcessRecords } from "../../src/adapters/harness/ProcessRecords.ts"
import { processTable } from "../../src/adapters/harness/ProcessTable.ts"
import { defaultLimits, type Limits, makeRole } from "../../src/domain/Role.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Store } from "../../src/services/Store.ts"
import { customEvent } from "../support/TestSquadron.ts"
import { squadronWith, untilStatus } from "./Scenario.ts"

const id = "worker-1-e1"

/** A squadron whose one role runs this shell script; `$OUT` is a folder for what the script wants to tell the test. */
const running = Effect.fnUntraced(function* (script: string, limits: Partial<Limits> = {}) {
  const fs = yield* FileSystem.FileSystem
  const out = yield* fs.makeTempDirectoryScoped()
  const stateDir = yield* fs.makeTempDirectoryScoped()
  const harness = Layer.effect(
    Harness,
    Effect.map(CommandHarness, ({ open }) => Harness.of({ open }))
  ).pipe(
    Layer.provide(CommandHarness.layer({ killAfter: "300 millis", hostEnv: { ...process.env, OUT: out } })),
    Layer.provide(ProcessRecords.layer({ stateDir, killAfter: "300 millis" })),
    Layer.provide(NodeServices.layer),
    Layer.orDie
  )
  const role = makeRole({
    name: "worker",
    on: [{ event: "custom" }],
    harness: { _tag: "command", run: ["sh", "-c", script], env: ["OUT"], cwd: "/" },
    limits: { ...defaultLimits, ...limits }
  })
  // told by the script once all of its processes are there
  const told: Effect.Effect<ReadonlyArray<number>> = Effect.gen(function* () {
    while (!(yield* fs.exists(`${out}/ready`))) yield* Effect.sleep("20 millis")
    const text = yield* fs.readFileString(`${out}/pids`)
    return text.trim().split("\n").map(Number)
  }).pipe(Effect.orDie)
  return { layer: squadronWith({ roles: [role], harness }), told }
})

const alive = (pids: ReadonlyArray<number>) => pids.filter((pid) => processTable.find(pid)?.alive === true)

/** A child, a grandchild whose parent is gone, and one that left the session; all deaf to SIGTERM but the first. */
const family = `
sleep 1000 & echo $! >> $OUT/pids
sh -c 'trap "" TERM; (sleep 1000; sleep 1000) & echo $! >> '$OUT'/pids' 
setsid sh -c 'trap "" TERM; echo $$ >> '$OUT'/pids; touch '$OUT'/out; sleep 1000; sleep 1000' &
while ! [ -e $OUT/out ]; do sleep 0.02; done
echo $$ >> $OUT/pids
touch $OUT/ready`

const live = (name: string, body: Effect.Effect<unknown, unknown, FileSystem.FileSystem | Scope.Scope>) =>
  it.live(name, () => body.pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 30_000)

describe("processes", () => {
  for (const way of ["cancel", "pause", "drain"] as const) {
    live(
      `when ${way} returns, every process of the run is dead, those too that left their session`,
      Effect.gen(function* () {
        const { layer, told } = yield* running(`${family}; wait; sleep 1000`)
        yield* Effect.gen(function* () {
          const squadron = yield* Squadron
          yield* squadron.publish(customEvent())
          const pids = yield* told
          assert.strictEqual(pids.length, 4)
          assert.deepStrictEqual(alive(pids), pids)
          yield* way === "drain" ? squadron.drain : squadron[way](id, "")
          assert.deepStrictEqual(alive(pids), [])
          assert.deepStrictEqual(yield* Effect.flatMap(AgentPool, (pool) => pool.running), [])
        }).pipe(Effect.provide(layer))
      })
    )
  }

  live(
    "a squadron that is closed leaves no process",
    Effect.gen(function* () {
      const { layer, told } = yield* running(`${family}; wait; sleep 1000`)
      const pids = yield* Effect.gen(function* () {
        yield* Squadron.use((squadron) => squadron.publish(customEvent()))
        return yield* told
      }).pipe(Effect.provide(layer))
      assert.strictEqual(pids.length, 4)
      assert.deepStrictEqual(alive(pids), [])
    })
  )

  live(
    "a program that ends and leaves others behind takes them with it before its agent is done",
    Effect.gen(function* () {
      const { layer, told } = yield* running(`${family}; echo '{"type":"done","summary":"ok"}'`)
      yield* Effect.gen(function* () {
        yield* Squadron.use((squadron) => squadron.publish(customEvent()))
        yield* untilStatus(id, "done")
        assert.deepStrictEqual(alive(yield* told), [])
      }).pipe(Effect.provide(layer))
    })
  )

  for (const [name, script, limits, outcome] of [
    ["runs past its limit", `${family}; while :; do echo busy; sleep 0.1; done`, { wallClock: 1_000 }, "TimedOut"],
    ["falls silent", `${family}; sleep 1000`, { stall: 1_000 }, "Stalled"],
    ["prints more than it may", `${family}; yes rubbish`, { output: 100_000 }, "ProtocolError"],
    ["is killed", `${family}; echo "out of memory" >&2; kill -9 $$`, {}, "Crashed"]
  ] as const) {
    live(
      `a program that ${name} is ended with all its processes, is told of in its run, and is tried again later`,
      Effect.gen(function* () {
        const { layer, told } = yield* running(script, limits)
        yield* Effect.gen(function* () {
          const store = yield* Store
          yield* Squadron.use((squadron) => squadron.publish(customEvent()))
          yield* untilStatus(id, "waiting")
          yield* Effect.flatMap(AgentPool, (pool) => pool.drained)
          assert.deepStrictEqual(alive(yield* told), [])
          const [run] = yield* store.runs(id)
          assert.strictEqual(run?.outcome?._tag, outcome)
          if (name === "is killed") assert.match(run?.stderr ?? "", /out of memory/)
          assert.deepInclude((yield* store.agent(id)).counters, { retries: 1 })
        }).pipe(Effect.provide(layer))
      })
    )
  }

  live(
    "a program that says that it is done and then fails is not believed",
    Effect.gen(function* () {
      const { layer } = yield* running(`echo '{"type":"done","summary":"ok"}'; echo no >&2; exit 3`)
      yield* Effect.gen(function* () {
        yield* Squadron.use((squadron) => squadron.publish(customEvent()))
        yield* untilStatus(id, "waiting")
        assert.match((yield* Store.use((store) => store.agent(id))).note, /exit code 3: no/)
      }).pipe(Effect.provide(layer))
    })
  )

  live(
    "programs that cannot start leave no permit taken, and say what to do",
    Effect.gen(function* () {
      const { layer } = yield* running("true")
      yield* Effect.gen(function* () {
        const squads = yield* Squads
        const squad = yield* squads.current
        const harness = { _tag: "command" as const, run: ["no-such-program"] as const, env: [], cwd: "/" }
        yield* squads.replace({ ...squad, concurrency: 1, roles: squad.roles.map((role) => ({ ...role, harness })) })
        const squadron = yield* Squadron
        for (let number = 1; number <= 3; number++) yield* squadron.publish(customEvent({ issue: number }))
        for (let number = 1; number <= 3; number++) yield* untilStatus(`worker-${number}-e${number}`, "waiting")
        assert.match((yield* Store.use((store) => store.agent(id))).note, /no folder of PATH has it/)
      }).pipe(Effect.provide(layer))
    })
  )
})
