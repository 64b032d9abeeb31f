import { Context, Deferred, Effect, Exit, Layer, Option, Schema } from "effect"
import { McpProtocol, McpSchema, McpServer } from "effect/ai"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { reserved } from "../../domain/toolCall.ts"
import type { Agent } from "../../domain/Agent.ts"
import { Capabilities, type Grant } from "../../services/Capabilities.ts"
import { Forge } from "../../services/Forge.ts"
import { Squads } from "../../services/Squads.ts"
import { Store } from "../../services/Store.ts"
import { Workspaces } from "../../services/Workspaces.ts"
import { bounded } from "../../domain/discussion.ts"
import { type AgentTool, isListed, runTool, type Services } from "./AgentTool.ts"
import { Caller, Consent, note } from "./Call.ts"
import { makeGuard } from "./guard.ts"
import { issueActs } from "./issueActs.ts"
import { reads } from "./reads.ts"
import { reports } from "./reports.ts"
import { reviewActs } from "./reviewActs.ts"
import { workActs } from "./workActs.ts"

export type McpOptions = {
  /** What clients are told. */
  readonly version: string
  /** Protected paths that a person let the agent change; those of its row unless told. */
  readonly approvedPaths?: (agent: string) => Effect.Effect<ReadonlyArray<string>>
  /** Until when somebody vouched for the texts on the agent's subject; as its row says unless told. */
  readonly vouched?: (agent: Agent) => number | null
}

const path = "/mcp"

/** Bytes of an answer. */
const answerLimit = 64 * 1024

const tools: ReadonlyArray<AgentTool> = [...reads, ...reports, ...issueActs, ...reviewActs, ...workActs]

/** What Squadron does by itself; never listed, and denied to whoever tries. */
const reservedTool = (name: string): McpSchema.Tool =>
  new McpSchema.Tool({ name, description: "Squadron's own.", inputSchema: { type: "object" } })

const toolOf = ({ description, input, name, reads }: AgentTool): McpSchema.Tool =>
  new McpSchema.Tool({
    name,
    description,
    inputSchema: input,
    annotations: { readOnlyHint: reads, destructiveHint: false, idempotentHint: reads, openWorldHint: !reads }
  })

const resultOf = (text: string, isError: boolean) =>
  new McpSchema.CallToolResult({ content: [{ type: "text", text: bounded(text, answerLimit) }], isError })

const noCaller = new McpSchema.InternalError({ message: "There is no run that calls." })

/** Calls by name are judged where they are run, so that each leaves its line; only lists are filtered here. */
const listed = McpServer.visibility(({ method, target }) =>
  Effect.map(Effect.serviceOption(Caller), (caller) => {
    if (method !== "tools/list") return true
    if (Option.isNone(caller)) return false
    Deferred.doneUnsafe(caller.value.listed, Exit.void)
    return isListed(caller.value, target)
  })
)

const registrations = Layer.effectDiscard(
  Effect.gen(function* () {
    const server = yield* McpServer.McpServer
    const context = yield* Effect.context<Services>()
    const services = Context.pick(Store, Forge, Workspaces, Squads, Capabilities, Consent)(context)
    const add = (tool: McpSchema.Tool, own: AgentTool | null) =>
      server.addTool({
        tool,
        annotations: Context.empty(),
        services: context,
        handle: (given: unknown) =>
          Effect.gen(function* () {
            const caller = yield* Effect.serviceOption(Caller)
            if (Option.isNone(caller)) return yield* noCaller
            return yield* runTool(tool.name, own, caller.value, given).pipe(
              Effect.provideContext(services),
              Effect.match({
                onFailure: (error) => resultOf(error.reason, true),
                onSuccess: ({ isError = false, text }) => resultOf(text, isError)
              })
            )
          })
      })
    for (const tool of tools) yield* add(toolOf(tool), tool)
    for (const name of reserved) yield* add(reservedTool(name), null)
  })
).pipe(Layer.provide(listed.layer))

const known: ReadonlySet<string> = new Set([...tools.map(({ name }) => name), ...reserved])

const ToolCall = Schema.fromJsonString(
  Schema.Struct({ method: Schema.Literal("tools/call"), params: Schema.Struct({ name: Schema.String }) })
)
const readToolCall = Schema.decodeUnknownOption(ToolCall)

/** The name of a tool that a request calls and that nobody has; the protocol answers it, and the journal knows of it. */
const unknownTool = (text: string): string | null => {
  const call = text.includes("tools/call") ? readToolCall(text) : Option.none()
  return Option.isSome(call) && !known.has(call.value.params.name) ? call.value.params.name.slice(0, 100) : null
}

const noMethod = HttpServerResponse.empty({ status: 405, headers: { allow: "POST, DELETE" } })

const consent = ({ approvedPaths, vouched }: McpOptions): Layer.Layer<Consent, never, Store> =>
  Layer.effect(
    Consent,
    Effect.map(Store, (store) =>
      Consent.of({
        approvedPaths:
          approvedPaths ??
          ((agent) =>
            Effect.orElseSucceed(
              Effect.map(store.agent(agent), ({ approved }) => approved),
              () => []
            )),
        vouched: vouched ?? (({ vouchedAt }) => vouchedAt)
      })
    )
  )

/**
 * The agents' tools over MCP at `/mcp`, for requests with the token of a run. What a run may do is its role's tools on
 * its own subject and branch; all that it does goes through the outbox, and each call leaves a line in the journal.
 */
export const layer = (
  options: McpOptions
): Layer.Layer<never, never, HttpRouter.HttpRouter | Capabilities | Store | Forge | Workspaces | Squads> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const router = yield* HttpRouter.HttpRouter
      const capabilities = yield* Capabilities
      const store = yield* Store
      // a router of its own, so that no request reaches the server but through the guard
      const inner = yield* HttpRouter.make
      const server = McpServer.layerHttp({
        name: "squadron",
        version: options.version,
        path,
        protocols: [
          McpProtocol.v2025_11_25,
          McpProtocol.v2025_06_18,
          McpProtocol.v2025_03_26,
          McpProtocol.v2024_11_05,
          McpProtocol.v2026_07_28
        ],
        allowSessionTermination: true,
        allowSubscriptions: false,
        registrations
      })
      yield* Layer.build(
        server.pipe(Layer.provide(Layer.succeed(HttpRouter.HttpRouter, inner)), Layer.provide(consent(options)))
      )
      const guard = makeGuard(capabilities)
      const handler = Effect.catch(inner.asHttpEffect(), () => Effect.succeed(noMethod))
      const noteUnknown = (grant: Grant, text: string) => {
        const name = unknownTool(text)
        return name === null
          ? Effect.void
          : Effect.ignore(
              note("tool.refused", grant, `${JSON.stringify(name)}: there is no such tool`).pipe(
                Effect.provideService(Store, store)
              ),
              { log: "Warn" }
            )
      }
      yield* router.add(
        "*",
        path,
        guard(handler, (grant, text, next) =>
          Effect.andThen(noteUnknown(grant, text), Effect.provideService(next, Caller, grant))
        )
      )
    })
  ).pipe(Layer.orDie)
