// A tool call of an agent beside a bare server of tools. Each call of Squadron's is a durable line in its journal (SQLite,
// synchronous=FULL); "in memory" is the same without the disk. The client and the servers are one process.
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer, ManagedRuntime, Redacted, Schema, Scope } from "effect"
import { McpProtocol, McpServer, Tool, Toolkit } from "effect/ai"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { sqliteStoreLayer } from "../../src/app/layers.ts"
import * as Mcp from "../../src/app/mcp/mcp.ts"
import { born } from "../../src/domain/changeAgent.ts"
import { makeRole, makeSquad } from "../../src/domain/Role.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { Capabilities } from "../../src/services/Capabilities.ts"
import { Forge } from "../../src/services/Forge.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { discard, folder } from "./child.ts"
import { row, type Row } from "./report.ts"
import type { Plan } from "./workloads.ts"

const version = "2025-11-25"
/** Calls at once, where it is counted how many there are in a second. */
const lanes = 20
const warmUp = 50

const listening = { host: "127.0.0.1", port: 0 }

const served = <A, E, R>(routes: Layer.Layer<A, E, R>) =>
  HttpRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, listening))
  )

const nothing = Toolkit.make(
  Tool.make("report_done", { parameters: Schema.Struct({ summary: Schema.String }), success: Schema.String })
)

const bareLayer = served(
  McpServer.layerHttp({
    name: "bare",
    version: "0",
    path: "/mcp",
    protocols: [McpProtocol.v2025_11_25],
    registrations: McpServer.toolkit(nothing).pipe(
      Layer.provide(nothing.toLayer({ report_done: () => Effect.succeed("Noted. End your turn now.") }))
    )
  })
)

const role = makeRole({ name: "worker", harness: { _tag: "function", name: "work" } })

const squadronLayer = (filename: string) =>
  served(Mcp.layer({ version: "0" })).pipe(
    Layer.provideMerge(Capabilities.layer(Effect.succeed("bench-token"))),
    Layer.provide(
      Layer.mergeAll(Squads.layer(makeSquad({ roles: [role] })), Forge.layerNone, Layer.mock(Workspaces, {}))
    ),
    Layer.provide(sqliteStoreLayer({ filename }))
  )

/** A run that lasts as long as the process. */
const grant = Effect.gen(function* () {
  const subject = Subject.issue("bench/bench", 1)
  const agent = born(role, {
    seq: 1,
    key: "bench",
    source: "library",
    at: 0,
    actor: { login: "bench", kind: "person" },
    subject,
    causedBy: null,
    depth: 0,
    detail: { _tag: "custom", name: "bench", payload: null }
  })
  const run = (yield* Capabilities).grant({ agent, role, run: `${agent.id}/1`, workspace: null })
  return Redacted.value((yield* Scope.provide(run, yield* Scope.make())).token)
})

const urlOf = Effect.map(HttpServer.HttpServer, (server) => `${HttpServer.formatAddress(server.address)}/mcp`)

type Target = { readonly call: () => Promise<void>; readonly close: () => Promise<void> }

/** A client after its handshake. */
const connect = async (url: string, token: string, close: () => Promise<void>): Promise<Target> => {
  const basic = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    authorization: `Bearer ${token}`
  }
  const send = (message: object, headers: Readonly<Record<string, string>>) =>
    fetch(url, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...message }) })
  const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: "bench", version: "0" } }
  const hello = await send({ id: 0, method: "initialize", params }, basic)
  await hello.text()
  const session = { "mcp-session-id": hello.headers.get("mcp-session-id") ?? "", "mcp-protocol-version": version }
  const headers = { ...basic, ...session }
  await (await send({ method: "notifications/initialized" }, headers)).text()
  let id = 0
  return {
    close,
    call: async () => {
      const call = { name: "report_done", arguments: { summary: "done" } }
      const text = await (await send({ id: ++id, method: "tools/call", params: call }, headers)).text()
      if (!text.includes("Noted.")) throw new Error(`report_done was not taken: ${text.slice(0, 500)}`)
    }
  }
}

const openBare = async (): Promise<Target> => {
  const runtime = ManagedRuntime.make(bareLayer)
  return connect(await runtime.runPromise(urlOf), "none", () => runtime.dispose())
}

const openSquadron = async (filename: string): Promise<Target> => {
  const runtime = ManagedRuntime.make(squadronLayer(filename))
  const [url, token] = await runtime.runPromise(Effect.all([urlOf, grant]))
  return connect(url, token, () => runtime.dispose())
}

type Measured = { readonly p50: number; readonly p99: number; readonly perSecond: number }

const measure = async ({ call }: Target, calls: number): Promise<Measured> => {
  for (let i = 0; i < warmUp; i++) await call()
  const times: Array<number> = []
  for (let i = 0; i < calls; i++) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const at = (p: number) => times[Math.min(times.length - 1, Math.floor(times.length * p))] ?? Number.NaN
  let left = calls
  const start = performance.now()
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (left-- > 0) await call()
    })
  )
  return { p50: at(0.5), p99: at(0.99), perSecond: (calls / (performance.now() - start)) * 1000 }
}

/** Takes turns, so that what else the machine does meets all of them alike. */
const compare = async (rounds: number, calls: number): Promise<ReadonlyArray<Row>> => {
  const dir = folder()
  const targets = {
    bare: await openBare(),
    squadron: await openSquadron(`${dir}/squadron.db`),
    memory: await openSquadron(":memory:")
  }
  const measured: { readonly [Name in keyof typeof targets]: Array<Measured> } = { bare: [], squadron: [], memory: [] }
  for (let round = 0; round < rounds; round++) {
    for (const name of ["bare", "squadron", "memory"] as const) measured[name].push(await measure(targets[name], calls))
  }
  for (const { close } of Object.values(targets)) await close()
  discard(dir)
  const figures = [
    ["p50", "ms", "p50"],
    ["p99", "ms", "p99"],
    [`${lanes} at once`, "calls/s", "perSecond"]
  ] as const
  return figures.flatMap(([figure, unit, name]) =>
    (["squadron", "memory"] as const).map((subject) =>
      row("TOOLS", subject === "memory" ? `${figure}, in memory` : figure, unit, {
        raw: measured.bare.map((one) => one[name]),
        squadron: measured[subject].map((one) => one[name])
      })
    )
  )
}

/** TOOLS: a round trip of a tool that reports, beside a bare MCP server of Effect's with one tool that does nothing. */
export const tools = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  plan.progress(`TOOLS, ${plan.rounds} rounds of ${plan.quick ? 100 : 400} calls each way`)
  return compare(plan.rounds, plan.quick ? 100 : 400)
}
