import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Layer, type Scope } from "effect"
import * as CommandGate from "../../../src/adapters/harness/CommandGate.ts"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import * as NoSandbox from "../../../src/adapters/sandbox/NoSandbox.ts"
import { defaultLimits, makeRole } from "../../../src/domain/Role.ts"
import { Gate } from "../../../src/services/Gate.ts"
import { makeWorkspace, survivors, untilThere } from "./acp/Agents.ts"

const commit = "c".repeat(40)
const run = "coder-12-e1/1"

const layer = Layer.unwrap(
  Effect.map(
    FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped()),
    (stateDir) =>
      CommandGate.layer({
        hostEnv: { PATH: process.env["PATH"], SQUADRON_TOKEN: "the-api-token", OPENAI_API_KEY: "the-model-key" }
      }).pipe(
        Layer.provideMerge(ProcessRecords.layer({ stateDir, killAfter: "300 millis" })),
        Layer.provide(NoSandbox.layer)
      )
  )
).pipe(Layer.provideMerge(NodeServices.layer))

const test = (name: string, body: Effect.Effect<unknown, unknown, Layer.Success<typeof layer> | Scope.Scope>) =>
  it.live(name, () => body.pipe(Effect.scoped, Effect.provide(layer)), 30_000)

const roleOf = (script: string, wallClock = 60_000) =>
  makeRole({
    name: "coder",
    harness: { _tag: "function", name: "none" },
    gate: ["sh", "-c", script],
    limits: { ...defaultLimits, wallClock }
  })

/** Two processes that nobody ends by a signal to the gate's group: one ignores SIGTERM, one has a session of its own. */
const company = (ready: string) =>
  `(trap '' TERM; sleep 4172; sleep 4172) & setsid sh -c 'touch ${ready}; exec sleep 4172' > /dev/null 2>&1 &
until test -e ${ready}; do sleep 0.02; done`

const noneLeft = Effect.map(survivors, (pids) => assert.deepStrictEqual(pids, []))

describe("a gate", () => {
  test(
    "runs in the workspace with the fixed few of the daemon's variables, and none of its secrets",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const gate = yield* Gate
      const { output, passed } = yield* gate.run(roleOf("pwd; env"), workspace, run, commit)
      assert.isTrue(passed)
      const [folder, ...lines] = output.trim().split("\n")
      assert.strictEqual(folder, workspace.path)
      const names = lines
        .map((line) => line.slice(0, line.indexOf("=")))
        .filter((name) => name !== "_" && name !== "PWD")
      assert.deepStrictEqual(names.toSorted(), ["CI", "HOME", "PATH", "SQUADRON_HOME_ID", "SQUADRON_RUN"])
      assert.include(lines, `HOME=${workspace.home}`)
    })
  )

  for (const [what, last, passed] of [
    ["passes", "exit 0", true],
    ["fails", "exit 3", false]
  ] as const) {
    test(
      `that ${what} takes all that it started with it`,
      Effect.gen(function* () {
        const workspace = yield* makeWorkspace
        const gate = yield* Gate
        const result = yield* gate.run(roleOf(`${company(`${workspace.home}/ready`)}\n${last}`), workspace, run, commit)
        assert.deepInclude(result, { commit, passed })
        if (!passed) assert.include(result.output, "exit code 3")
        yield* noneLeft
      })
    )
  }

  test(
    "that takes longer than its role's limit fails, and nothing of it is left",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const gate = yield* Gate
      const script = `echo begun; ${company(`${workspace.home}/ready`)}\nsleep 4172`
      const { output, passed } = yield* gate.run(roleOf(script, 1_500), workspace, run, commit)
      assert.isFalse(passed)
      assert.strictEqual(output, "begun\n\nstill running after 1500 ms")
      yield* noneLeft
    })
  )

  test(
    "that is interrupted leaves nothing",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const gate = yield* Gate
      const ready = `${workspace.home}/ready`
      const fiber = yield* Effect.forkChild(gate.run(roleOf(`${company(ready)}\nsleep 4172`), workspace, run, commit))
      yield* untilThere(ready)
      assert.isAbove((yield* survivors).length, 2)
      yield* Fiber.interrupt(fiber)
      yield* noneLeft
    })
  )

  test(
    "whose program is not there fails with its name",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const gate = yield* Gate
      const role = { ...roleOf(""), gate: ["./no-such-gate"] as const }
      const { output, passed } = yield* gate.run(role, workspace, run, commit)
      assert.isFalse(passed)
      assert.include(output, "no-such-gate")
    })
  )
})
