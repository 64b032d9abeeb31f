import { dirname } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Path } from "effect"
import { TestClock } from "effect/testing"
import { realSleep } from "../../../../src/adapters/harness/ProcessTree.ts"
import * as BwrapSandbox from "../../../../src/adapters/sandbox/BwrapSandbox.ts"
import { detect } from "../../../../src/adapters/sandbox/detect.ts"
import { SandboxUnavailable } from "../../../../src/domain/Errors.ts"
import { type Enclosed, Sandbox } from "../../../../src/services/Sandbox.ts"
import {
  agentFile,
  assertTag,
  faulty,
  layer,
  makeGrant,
  makeWorkspace,
  oneOutcome,
  oneTurn,
  openRun,
  scripted,
  survivors,
  test,
  toolServer
} from "./Agents.ts"

const said = (transcript: string): { readonly cwd: string; readonly env: Record<string, string> } =>
  JSON.parse(transcript.split("\n")[1] ?? "")

describe("what an agent gets of its surroundings", () => {
  test(
    "its workspace, a HOME of its own, and no variable that nobody named",
    Effect.gen(function* () {
      const workspace = yield* makeWorkspace
      const result = yield* oneTurn(faulty("environment"), {
        workspace,
        env: ["TOKEN"],
        optionalEnv: ["MODEL", "NOT_THERE"],
        settings: { MODE: "quiet" }
      })
      const { cwd, env } = said(result.transcript)
      assert.strictEqual(cwd, workspace.path)
      assert.match(env["SQUADRON_HOME_ID"] ?? "", /^[0-9a-f]{16}$/)
      delete env["SQUADRON_HOME_ID"]
      assert.deepStrictEqual(env, {
        PATH: "/usr/bin:/bin",
        LANG: "C.UTF-8",
        TERM: "dumb",
        HOME: workspace.home,
        TOKEN: "t0ken",
        MODEL: "small",
        MODE: "quiet",
        SQUADRON_RUN: "coder-12-e1/1"
      })
    }),
    {
      hostEnv: {
        PATH: "/usr/bin:/bin",
        LANG: "C.UTF-8",
        HOME: "/root",
        SSH_AUTH_SOCK: "/tmp/ssh",
        GITHUB_TOKEN: "never",
        TOKEN: "t0ken",
        MODEL: "small",
        MODE: "loud"
      }
    }
  )

  test(
    "without a workspace: its role's folder, and a private HOME that is gone after the run",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const cwd = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
      const result = yield* oneTurn(faulty("environment"), { workspace: null, cwd })
      const seen = said(result.transcript)
      assert.strictEqual(seen.cwd, cwd)
      assert.notStrictEqual(seen.env["HOME"], process.env["HOME"])
      assert.isFalse(yield* fs.exists(seen.env["HOME"] ?? "/"))
    })
  )

  test(
    "a secret that the daemon does not have holds the role",
    Effect.gen(function* () {
      const { reason } = assertTag(yield* oneOutcome(faulty("environment"), { env: ["KEY", "PATH"] }), "NotAuthorized")
      assert.match(reason, /needs KEY, which/)
    }),
    { hostEnv: { PATH: "/bin" } }
  )

  test(
    "a folder or a program that is not there is named",
    Effect.gen(function* () {
      const folder = assertTag(
        yield* oneOutcome(faulty("environment"), { workspace: null, cwd: "/nowhere/at/all" }),
        "WorkspaceError"
      )
      assert.include(folder.message, "/nowhere/at/all")
      const program = assertTag(yield* oneOutcome(["no-such-agent"]), "Crashed")
      assert.match(program.stderr, /Cannot start `no-such-agent`.*write its full path in the role's `agent`/)
    })
  )

  it.live(
    "its process is on record as long as it runs",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const stateDir = yield* fs.makeTempDirectoryScoped()
        const records = fs.readDirectory(`${stateDir}/processes`)
        yield* Effect.gen(function* () {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const opened = yield* openRun(scripted())
              // nothing is started before there is something to do
              assert.deepStrictEqual(yield* records, [])
              yield* opened.turn()
              const pids = yield* survivors
              assert.strictEqual(pids.length, 1)
              assert.deepStrictEqual(yield* records, [`${pids[0]}.json`])
            })
          )
          assert.deepStrictEqual(yield* survivors, [])
          assert.deepStrictEqual(yield* records, [])
        }).pipe(Effect.provide(layer({}, undefined, stateDir)))
      }).pipe(Effect.provide(NodeServices.layer)),
    60_000
  )
})

/** A sandbox that only remembers what it was asked for. */
const remembering = (asked: Array<Enclosed>) =>
  Layer.succeed(
    Sandbox,
    Sandbox.of({
      kind: "remembering",
      enclose: (program) => {
        asked.push(program)
        return Effect.succeed({ run: program.run, cwd: program.cwd, env: program.env })
      }
    })
  )

describe("what an agent is shut in with", () => {
  it.live(
    "its workspace and HOME to write to, the mirror and its program to read, the tools' port and its model's hosts",
    () => {
      const asked: Array<Enclosed> = []
      return Effect.gen(function* () {
        const workspace = yield* makeWorkspace
        const grant = yield* makeGrant
        Deferred.doneUnsafe(grant.listed, Effect.void)
        assertTag(
          yield* oneOutcome(scripted({ mute: true }), { workspace, grant, hosts: ["api.example.com"] }),
          "TurnEnded"
        )
        const [program] = asked
        assert.deepStrictEqual(program?.writable, [workspace.path, workspace.home])
        assert.deepStrictEqual(program?.readable, [workspace.mirror, dirname(process.execPath)])
        assert.strictEqual(program?.home, workspace.home)
        assert.strictEqual(program?.cwd, workspace.path)
        assert.deepStrictEqual(program?.ports, [4711])
        assert.deepStrictEqual(program?.hosts, ["api.example.com"])
        // a run without tools has no business there
        assertTag(yield* oneOutcome(scripted(), { workspace }), "TurnEnded")
        assert.deepStrictEqual(asked[1]?.ports, [])
      }).pipe(Effect.provide(layer({ mcp: { url: "http://127.0.0.1:4711/mcp", port: 4711 } }, remembering(asked))))
    },
    60_000
  )

  it.live(
    "a role without a workspace may write to its HOME only",
    () => {
      const asked: Array<Enclosed> = []
      return Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const cwd = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
        yield* oneOutcome(faulty("environment"), { workspace: null, cwd })
        assert.deepStrictEqual(asked[0]?.writable, [asked[0]?.home ?? ""])
        assert.deepStrictEqual(asked[0]?.readable, [cwd, dirname(process.execPath)])
      }).pipe(Effect.provide(layer({}, remembering(asked))))
    },
    60_000
  )

  it.live("a sandbox that cannot be had holds the role", () => {
    const none = Layer.succeed(
      Sandbox,
      Sandbox.of({
        kind: "none",
        enclose: () => Effect.fail(new SandboxUnavailable({ reason: "no bwrap", remedy: "Install it." }))
      })
    )
    return Effect.gen(function* () {
      const { reason } = assertTag(yield* oneOutcome(scripted()), "NotAuthorized")
      assert.strictEqual(reason, "No sandbox: no bwrap. Install it.")
    }).pipe(Effect.provide(layer({}, none)))
  })
})

const found = await Effect.runPromise(detect)

describe.skipIf(found.kind === "none")("an agent in a real sandbox", () => {
  it.live(
    "works in its workspace, reaches its tools and nothing else, and leaves nobody behind",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const stateDir = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
        yield* fs.writeFileString(`${stateDir}/secret`, "secret")
        const workspace = yield* makeWorkspace
        // from a place that it can see, wherever the project is
        for (const name of ["lines", "faulty"]) {
          yield* fs.copyFile(agentFile(name), `${workspace.path}/${name}.mjs`)
        }
        const grant = yield* makeGrant
        const server = yield* toolServer(grant)
        const mcp = { url: `http://127.0.0.1:${server.port}/mcp`, port: server.port }
        const other = yield* toolServer(yield* makeGrant)
        const sandbox = Layer.orDie(Layer.provide(BwrapSandbox.layer({ stateDir }), NodeServices.layer))
        yield* Effect.gen(function* () {
          const script = `${workspace.path}/faulty.mjs`
          const elsewhere = `http://127.0.0.1:${other.port}/`
          const command = [process.execPath, script, "shut-in", workspace.mirror, stateDir, elsewhere]
          const result = yield* oneTurn(command, { workspace, grant })
          assert.deepStrictEqual(result.outcome, { _tag: "TurnEnded" }, result.stderr)
          assert.deepStrictEqual(result.transcript.split("\n").slice(1), [
            "workspace written",
            "home written",
            "mirror EROFS",
            "state ENOENT",
            "network unreachable"
          ])
          assert.strictEqual(yield* fs.readFileString(`${workspace.path}/it`), "was here")
          assert.deepStrictEqual(server.seen, ["Bearer secret-token"])
          assert.deepStrictEqual(other.seen, [])
          assert.deepStrictEqual(yield* survivors, [])
        }).pipe(Effect.provide(layer({ mcp }, sandbox, stateDir)))
      }).pipe(Effect.provide(NodeServices.layer)),
    60_000
  )
})

describe("a turn's limits", () => {
  it.effect(
    "are those of the program's clock",
    () =>
      Effect.gen(function* () {
        const path = yield* Path.Path
        const fs = yield* FileSystem.FileSystem
        yield* TestClock.adjust(0)
        const opened = yield* openRun(faulty("deaf-to-cancel"), { limits: { stall: 300_000, wallClock: 1_800_000 } })
        const fiber = yield* Effect.forkChild(opened.turn())
        const { home } = opened.place.workspace ?? assert.fail()
        while (!(yield* fs.exists(path.join(home, "prompted")))) yield* realSleep("10 millis")
        yield* TestClock.adjust(299_999)
        yield* realSleep("50 millis")
        assert.isFalse(yield* fs.exists(path.join(home, "cancelled")))
        yield* TestClock.adjust(1)
        while (!(yield* fs.exists(path.join(home, "cancelled")))) yield* realSleep("10 millis")
        // it has as long as it was given to say that it has stopped
        yield* TestClock.adjust(20_000)
        const result = yield* Fiber.join(fiber)
        assert.deepStrictEqual(result.outcome, { _tag: "Stalled", silentFor: 300_000 })
        assert.deepStrictEqual(yield* survivors, [])
      }).pipe(Effect.provide(layer())),
    60_000
  )
})
