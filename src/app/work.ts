import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import type { Settings } from "../adapters/config/Settings.ts"
import { AcpHarness } from "../adapters/harness/acp/AcpHarness.ts"
import * as CommandGate from "../adapters/harness/CommandGate.ts"
import { CommandHarness } from "../adapters/harness/CommandHarness.ts"
import { hostEnvironment, randomToken } from "../adapters/process/host.ts"
import { sandboxLayer } from "../adapters/sandbox/chosen.ts"
import { GitWorkspaces } from "../adapters/workspace/GitWorkspaces.ts"
import { Capabilities } from "../services/Capabilities.ts"
import { ToolsAddress } from "./http.ts"
import * as RunHarness from "./runHarness.ts"
import { sandboxFolders } from "./sandboxFolders.ts"
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
    Effect.map(sandboxFolders(settings), (folders) => sandboxLayer({ mode: settings.sandbox, ...folders }))
  )
  const { depth, hookHosts, hooks, hookTimeout, keepSaved, minFree, retention, sparse } = settings.workspaces
  return RunHarness.layer.pipe(
    Layer.provideMerge(Layer.merge(harnesses, CommandGate.layer({ hostEnv: hostEnvironment }))),
    Layer.provideMerge(
      GitWorkspaces.layer({
        stateDir: settings.stateDir,
        hooks,
        hookTimeout,
        hookHosts,
        minFree,
        retention,
        keepSaved,
        sparse,
        depth,
        env: hostEnvironment
      })
    ),
    Layer.provideMerge(sandbox),
    Layer.provideMerge(Capabilities.layer(randomToken))
  )
}
