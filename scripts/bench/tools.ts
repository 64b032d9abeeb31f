// Measures a tool call of an agent beside the bare server of tools, in one run: `node scripts/bench/tools.ts --help`.
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer, ManagedRuntime, Redacted, Schema } from "effect"
import { McpProtocol, McpServer, Tool, Toolkit } from "effect/ai"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { parseArgs } from "node:util"
import { sqliteStoreLayer } from "../../src/app/layers.ts"
import * as Mcp from "../../src/app/mcp/mcp.ts"
import { newAgent } from "../../src/domain/changeAgent.ts"
import { makeRole, makeSquad } from "../../src/domain/Role.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Capabilities } from "../../src/services/Capabilities.ts"
import { Forge } from "../../src/services/Forge.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { cleanUp, discard, folder } from "./child.ts"
import { json, report, row } from "./report.ts"

const help = `node scripts/bench/tools.ts [options]

Calls report_done over HTTP and looks at how long the answer takes, beside Effect's own server with one tool that does
nothing; client and servers are one process. Each call of Squadron's is a durable line in its journal (SQLite,
synchronous=FULL); "in memory" is the same without the disk. Ratios are medians of the rounds' ratios.

  --rounds N   rounds, 5 unless told
  --calls N    calls of each round, 400 unless told
  --json       one JSON object a line
  --help       this text
`

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    calls: { type: "string", default: "400" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}
const [rounds, calls] = [Number(values.rounds), Number(values.calls)]
if (![rounds, calls].every((count) => Number.isInteger(count) && count > 0)) {
  process.stderr.write("--rounds and --calls take whole numbers from 1\n")
  process.exit(2)
}

const version = "2025-11-25"
/** Calls at once, for the throughput. */
const lanes = 20

const served = <E, R>(routes: Layer.Layer<never, E, R>) =>
  HttpRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
  )

const nothing = Toolkit.make(
  Tool.make("report_done", { parameters: Schema.Struct({ summary: Schema.String }), success: Schema.String })
)

const bare = Layer.effect(
  Target,
  Effect.map(HttpServer.HttpServer, (server) => ({ url: urlOf(server), token: "none" }))
).pipe(
  Layer.provideMerge(
    served(
      McpServer.layerHttp({
        name: "bare",
        version: "0",
        path: "/mcp",
        protocols: [McpProtocol.v2025_11_25],
        registrations: McpServer.toolkit(nothing).pipe(
          Layer.provide(nothing.toLayer({ report_done: () => Effect.succeed("done") }))
        )
      })
    )
  )
)
