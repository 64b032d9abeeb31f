import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { FetchHttpClient } from "effect/http"
import * as Http from "../../src/app/http.ts"
import { ServerSettings } from "../../src/app/serverAddress.ts"

const settings = ServerSettings.of({ host: "127.0.0.1", port: 0, token: null, repository: "acme/app" })
const routes = HttpRouter.use((router) =>
  Effect.andThen(
    router.add("POST", "/mcp", HttpServerResponse.text("tools")),
    router.add("POST", "/api/v1/agents/x/approve", HttpServerResponse.text("approved"))
  )
)
const layer = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provideMerge(Http.server),
  Layer.provide(Layer.succeed(ServerSettings, settings)),
  Layer.provideMerge(FetchHttpClient.layer)
)

it.live("agents reach their tools at a port of their own, and nothing else of the daemon", () =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const whole = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
    const { url } = yield* Http.ToolsAddress
    const post = Effect.fnUntraced(function* (address: string) {
      const { status, text } = yield* client.post(address)
      return [status, yield* text] as const
    })
    assert.deepStrictEqual(yield* post(`${url}/mcp`), [200, "tools"])
    assert.deepStrictEqual(yield* post(`${whole}/api/v1/agents/x/approve`), [200, "approved"])
    for (const path of ["/api/v1/agents/x/approve", "/mcp/../api/v1/agents/x/approve", "//mcp", "/MCP", "/metrics"]) {
      const [status, text] = yield* post(`${url}${path}`)
      assert.strictEqual(status, 404, path)
      assert.notInclude(text, "approved")
    }
  }).pipe(Effect.provide(layer))
)
