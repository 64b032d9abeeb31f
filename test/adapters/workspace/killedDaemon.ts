// A daemon that does one thing after another with one workspace until it is killed: node killedDaemon.ts <state> <origin>
import { renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Logger } from "effect"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import * as NoSandbox from "../../../src/adapters/sandbox/NoSandbox.ts"
import { GitWorkspaces } from "../../../src/adapters/workspace/GitWorkspaces.ts"
import { Forge } from "../../../src/services/Forge.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"

const [stateDir = "", origin = ""] = process.argv.slice(2)
const agent = "feat-dev-1-e5"

const layer = GitWorkspaces.layer({ stateDir, minFree: 0 }).pipe(
  Layer.provide(ProcessRecords.layer({ stateDir })),
  Layer.provide(NoSandbox.layer),
  Layer.provide(Layer.mock(Forge, { remote: () => Effect.succeed({ url: origin, header: null }) })),
  Layer.provide(NodeServices.layer),
  Layer.provideMerge(Logger.layer([]))
)

const tell = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

const round = Effect.fnUntraced(function* (n: number) {
  const workspaces = yield* Workspaces
  yield* Effect.scoped(
    Effect.gen(function* () {
      const workspace = yield* workspaces.open({
        agent,
        repository: "acme/shop",
        base: "main",
        branch: `squadron/${agent}`
      })
      yield* tell("opened")
      yield* Effect.sync(() => {
        // All of it or nothing, as a kill is to spoil nothing of the agent's own.
        writeFileSync(join(workspace.path, "work.new"), `round ${n} of ${process.pid}\n`)
        renameSync(join(workspace.path, "work.new"), join(workspace.path, "work.txt"))
      })
      yield* tell("written")
      yield* workspaces.inspect(workspace)
      yield* tell("inspected")
      yield* workspaces.save(agent)
      yield* tell("saved")
    })
  )
  yield* tell("closed")
  if (n % 2 === 1) yield* workspaces.remove(agent)
  yield* tell("removed")
})

const program = Effect.gen(function* () {
  yield* Workspaces
  yield* tell("ready")
  for (let n = 0; ; n++) yield* round(n)
})

await Effect.runPromise(Effect.provide(program, layer))
