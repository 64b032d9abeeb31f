import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { actions } from "./api/actions.ts"
import { agents } from "./api/agents.ts"
import { backup } from "./api/backup.ts"
import { events } from "./api/events.ts"
import { authorization, explained, faultLog, originCheck } from "./api/guards.ts"
import { health } from "./api/health.ts"
import { issues } from "./api/issues.ts"
import { journal } from "./api/journal.ts"
import { pulls } from "./api/pulls.ts"
import { status } from "./api/status.ts"
import { Api } from "./Api.ts"
import { ServerSettings } from "./serverAddress.ts"

/** The typed API with its handlers, and its description at `/openapi.json`. */
const api = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([status, events, agents, issues, pulls, actions, journal, backup]),
  Layer.provide([authorization, explained])
)

const unknown = HttpRouter.add("*", "/api/*", ({ method, url }) =>
  Effect.succeed(
    HttpServerResponse.jsonUnsafe(
      { _tag: "NotFound", message: `There is no ${method} ${url}; /openapi.json describes all there is.` },
      { status: 404 }
    )
  )
)

/** Every route of this module, for a router that has others beside. */
const routes = Layer.mergeAll(api, unknown, health, faultLog, originCheck)

/** A server whose requests wait until there is somebody to answer them: it listens before all of a start is done. */
const patientServer = () => {
  // a push over a slow line may take its time; what is too large or never ends is each route's own matter
  const node = createServer({ requestTimeout: 0, headersTimeout: 60_000 })
  const early: Array<readonly [IncomingMessage, ServerResponse]> = []
  const hold = (request: IncomingMessage, response: ServerResponse) => early.push([request, response])
  node.on("request", hold)
  node.on("newListener", (event, answer) => {
    if (event !== "request") return
    node.off("request", hold)
    for (const [request, response] of early.splice(0)) if (!response.closed) answer(request, response)
  })
  return node
}

/**
 * Where agents find their tools, and nothing else of the daemon: what a sandbox lets them reach. The API takes no token
 * on a loopback address, so an agent that reached it could approve its own work.
 */
export class ToolsAddress extends Context.Service<ToolsAddress, { readonly url: string; readonly port: number }>()(
  "squadron/app/ToolsAddress"
) {}

const nothingElse = JSON.stringify({ _tag: "NotFound", message: "Agents find /mcp here, and nothing else." })

/** Answers requests for tools as the whole server does, at a port of its own. */
const toolsServer = (whole: Server) =>
  Layer.effect(
    ToolsAddress,
    Effect.gen(function* () {
      const node = createServer((request, response) => {
        if (/^\/mcp(?:\?|$)/.test(request.url ?? "")) whole.emit("request", request, response)
        else response.writeHead(404, { "content-type": "application/json" }).end(nothingElse)
      })
      yield* Effect.addFinalizer(() =>
        Effect.callback<void>((resume) => {
          node.close(() => resume(Effect.void))
          node.closeAllConnections()
        })
      )
      const port = yield* Effect.callback<number>((resume) => {
        node.once("error", (error) => resume(Effect.die(error)))
        node.listen(0, "127.0.0.1", () => {
          const address = node.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      })
      return { url: `http://127.0.0.1:${port}`, port }
    })
  )

/** The server alone, at the address of `ServerSettings`; who is connected gets 2 s to end when it closes. */
export const server = Layer.unwrap(
  Effect.map(ServerSettings, ({ host, port }) => {
    const node = patientServer()
    // runs before the server waits for its last connection
    return Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections()))).pipe(
      Layer.provideMerge(toolsServer(node)),
      Layer.provideMerge(NodeHttpServer.layer(() => node, { host, port, gracefulShutdownTimeout: "2 seconds" }))
    )
  })
)

/** Serves the routes and these others, such as a webhook; `HttpServer` tells the address that it got. */
export const layerWith = <E, R>(others: Layer.Layer<never, E, R>) =>
  HttpRouter.serve(Layer.merge(routes, others), { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(server)
  )

/** Serves the routes; `HttpServer` tells the address that it got. */
export const layer = layerWith(Layer.empty)
