import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer, Logger, Redacted, type Scope } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import type { SqlClient } from "effect/sql"
import { createServer } from "node:http"
import { faultLog, originCheck } from "../../../src/app/api/guards.ts"
import { sqliteStoreLayer } from "../../../src/app/layers.ts"
import * as Mcp from "../../../src/app/mcp/mcp.ts"
import { ServerSettings } from "../../../src/app/serverAddress.ts"
import type { Agent } from "../../../src/domain/Agent.ts"
import { makeRole, makeSquad, type Role } from "../../../src/domain/Role.ts"
import * as Step from "../../../src/domain/Step.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import { Capabilities, type Grant } from "../../../src/services/Capabilities.ts"
import { Outbox } from "../../../src/services/Outbox.ts"
import { Squads } from "../../../src/services/Squads.ts"
import { Store } from "../../../src/services/Store.ts"
import { type Workspace, Workspaces } from "../../../src/services/Workspaces.ts"
import { someAgent } from "../../support/someAgent.ts"
import { layerTest, makeTold, repository, type Told } from "./TestForge.ts"

const harness = { _tag: "function", name: "none" } as const

/** Reads, sorts and speaks. */
export const pm = makeRole({ name: "pm", harness })
/** Reads everything, and may do nothing but report. */
export const reader = makeRole({ name: "reader", harness, tools: [] })
export const reviewer = makeRole({ name: "reviewer", harness, tools: ["review", "reply_review"] })
/** Writes code. */
export const developer = makeRole({
  name: "dev",
  harness,
  tools: ["comment", "push", "open_pull_request", "update_pull_request", "reply_review"],
  workspace: { base: null }
})

const squad = makeSquad({ roles: [pm, reader, reviewer, developer] })

let tokens = 0

/** A real store that takes nothing when the test says so. */
const faulty = (told: Told) =>
  Layer.effect(
    Store,
    Effect.map(Store, (store) =>
      Store.of({
        ...store,
        commit: (step) =>
          Effect.andThen(
            Effect.suspend(() => told.storing),
            store.commit(step)
          )
      })
    )
  ).pipe(Layer.provideMerge(sqliteStoreLayer({ filename: ":memory:" })))

/** A server of tools over HTTP with a real store and outbox, and a forge in memory. */
export const rig = <E = never, R = never>(
  told: Told,
  options: Partial<Mcp.McpOptions> = {},
  workspaces: Layer.Layer<Workspaces, E, R> = Layer.mock(Workspaces, {})
) => {
  const settings = Layer.succeed(ServerSettings, { host: "127.0.0.1", port: 0, token: null, repository })
  const routes = Layer.mergeAll(Mcp.layer({ version: "0", ...options }), originCheck, faultLog)
  return HttpRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
    Layer.provide(settings),
    Layer.provideMerge(Outbox.layer),
    Layer.provideMerge(
      Layer.mergeAll(
        Capabilities.layer(Effect.sync(() => `run-token-${++tokens}-${"x".repeat(20)}`)),
        Squads.layer(squad),
        workspaces
      )
    ),
    Layer.provideMerge(layerTest(told)),
    Layer.provideMerge(faulty(told)),
    Layer.provideMerge(Logger.layer([]))
  )
}

export type Rig = HttpServer.HttpServer | Capabilities | Store | SqlClient.SqlClient

/** Starts with an empty forge, lets the test fill it, and runs it. */
export const withRig =
  <A, E>(body: (told: Told) => Effect.Effect<A, E, Rig | Scope.Scope>, options: Partial<Mcp.McpOptions> = {}) =>
  (): Effect.Effect<A, unknown, Scope.Scope> =>
    Effect.suspend(() => {
      const told = makeTold()
      return Effect.provide(body(told), rig(told, options))
    })

export const urlOf = Effect.map(HttpServer.HttpServer, ({ address }) => {
  const port = "port" in address ? address.port : 0
  return `http://127.0.0.1:${port}/mcp`
})

export type Message = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: {
    readonly _tag?: string
    readonly message?: string
    readonly result?: {
      readonly protocolVersion?: string
      readonly isError?: boolean
      readonly content?: ReadonlyArray<{ readonly text: string }>
      readonly tools?: ReadonlyArray<{ readonly name: string; readonly inputSchema: { readonly type: string } }>
    }
    readonly error?: { readonly code: number; readonly message: string }
  }
}

const bodyOf = (text: string): Message["body"] => {
  const data = text.startsWith("data: ") ? (text.split("\n")[0]?.slice(6) ?? "") : text
  return data === "" ? {} : JSON.parse(data)
}

/** One request as a client sends it. */
export const send = Effect.fnUntraced(function* (
  message: unknown,
  headers: Readonly<Record<string, string>> = {},
  method = "POST"
) {
  const url = yield* urlOf
  return yield* Effect.promise(async (signal): Promise<Message> => {
    const response = await fetch(url, {
      method,
      signal,
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...headers
      },
      ...(method === "POST" ? { body: typeof message === "string" ? message : JSON.stringify(message) } : {})
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: bodyOf(text) }
  })
})

export const initialize = (protocolVersion: string) => ({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion, capabilities: {}, clientInfo: { name: "test", version: "0" } }
})

export const bearer = (grant: Grant | string) => ({
  authorization: `Bearer ${typeof grant === "string" ? grant : Redacted.value(grant.token)}`
})

/** A client of one run, after the handshake. */
export const connect = Effect.fnUntraced(function* (grant: Grant | string, version = "2025-06-18") {
  const hello = yield* send(initialize(version), bearer(grant))
  const headers = {
    ...bearer(grant),
    "mcp-session-id": hello.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": version
  }
  yield* send({ jsonrpc: "2.0", method: "notifications/initialized" }, headers)
  let id = 1
  const request = (method: string, params: unknown) => send({ jsonrpc: "2.0", id: ++id, method, params }, headers)
  return {
    hello,
    headers,
    request,
    /** The text of a tool's answer, with whether it is an error. */
    call: Effect.fnUntraced(function* (name: string, args: Readonly<Record<string, unknown>> = {}) {
      const { body } = yield* request("tools/call", { name, arguments: args })
      return {
        text: body.result?.content?.map(({ text }) => text).join("") ?? "",
        isError: body.result?.isError ?? false,
        error: body.error ?? null
      }
    }),
    names: Effect.map(request("tools/list", {}), ({ body }) => (body.result?.tools ?? []).map(({ name }) => name))
  }
})

/** An agent on issue 7 of the repository, with its row in the store. */
export const startAgent = Effect.fnUntraced(function* (role: Role, options: Partial<Agent> = {}) {
  const store = yield* Store
  const agent = someAgent({
    id: `${role.name}-7-e1`,
    role: role.name,
    subject: Subject.issue(repository, 7),
    status: "running",
    version: 1,
    counters: { runs: 1, retries: 0, turnsEnded: 0, turnCaps: 0, unproven: 0, denials: 0, standstill: 0 },
    depth: 2,
    ...options
  })
  yield* store.commit(Step.make({ agents: [{ agent, expected: null }] }))
  return agent
})

/** A run of such an agent, for as long as the scope is open. */
export const startRun = Effect.fnUntraced(function* (
  role: Role,
  options: Partial<Agent> = {},
  workspace: Workspace | null = null
) {
  const agent = yield* startAgent(role, options)
  const capabilities = yield* Capabilities
  return yield* capabilities.grant({ agent, role, run: `${agent.id}/1`, workspace })
})

/** What the journal says of tools, oldest first. */
export const linesOf = Effect.fnUntraced(function* (agent: string) {
  const lines = yield* (yield* Store).journal({ limit: 100, agent })
  return lines
    .filter(({ kind }) => kind === "tool.called" || kind === "tool.refused")
    .toReversed()
    .map(({ kind, text }) => `${kind === "tool.called" ? "called" : "refused"} ${text}`)
})
