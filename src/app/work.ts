import { Effect, Layer, Path } from "effect"
import { HttpServer } from "effect/http"
import type { Settings } from "../adapters/config/Settings.ts"
import { AcpHarness } from "../adapters/harness/acp/AcpHarness.ts"
import * as CommandGate from "../adapters/harness/CommandGate.ts"
import { CommandHarness } from "../adapters/harness/CommandHarness.ts"
import { hostEnvironment, nodeProgram, randomToken } from "../adapters/process/host.ts"
import { sandboxLayer } from "../adapters/sandbox/chosen.ts"
import { GitWorkspaces } from "../adapters/workspace/GitWorkspaces.ts"
import { Capabilities } from "../services/Capabilities.ts"
import { ToolsAddress } from "./http.ts"
import * as RunHarness from "./runHarness.ts"
import { version } from "./version.ts"

/** What runs need besides the engine: workspaces, a sandbox, tokens for their tools, and what drives their minds. */
export const workLayer = (settings: Settings) => {
  const harnesses = Layer.unwrap(
    Effect.gen(function* () {
      const server = yield* HttpServer.HttpServer
      const { port, url } = yield* ToolsAddress
      return Layer.merge(
        CommandHarness.layer({ url: HttpServer.formatAddress(server.address) }),
        AcpHarness.layer({ mcp: { url: `${url}/mcp`, port }, hostEnv: hostEnvironment, version })
      )
    })
  )
  const sandbox = Layer.unwrap(
    Effect.map(Path.Path, (path) =>
      sandboxLayer({
        mode: settings.sandbox,
        stateDir: settings.stateDir,
        hidden: [settings.root],
        // Squadron's own folder: its bridge runs inside
        readable: [path.resolve(import.meta.dirname, "../.."), nodeProgram, ...settings.sandboxReadable]
      })
    )
  )
  const { depth, hooks, hookTimeout, minFree, retention, sparse } = settings.workspaces
  return RunHarness.layer.pipe(
    Layer.provideMerge(Layer.merge(harnesses, CommandGate.layer({ hostEnv: hostEnvironment }))),
    Layer.provideMerge(sandbox),
    Layer.provideMerge(
      GitWorkspaces.layer({
        stateDir: settings.stateDir,
        hooks,
        hookTimeout,
        minFree,
        retention,
        sparse,
        depth,
        env: hostEnvironment
      })
    ),
    Layer.provideMerge(Capabilities.layer(randomToken))
  )
}
