import { NodeHttpServer, NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Ref, Schema } from "effect"
import { McpProtocol, McpServer, Tool, Toolkit } from "effect/ai"
import { HttpRouter, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { preparedIssue, promptsOf } from "./Sample.ts"
import { newHome, newSession, prompted, startAgent } from "./ScriptedAgent.ts"

const toolkit = Toolkit.make(
  Tool.make("read_subject", { description: "Reads", parameters: Tool.EmptyParams, success: Schema.String }),
  Tool.make("add_labels", {
    description: "Labels",
    parameters: Schema.Struct({ labels: Schema.Array(Schema.String) }),
    success: Schema.String
  }),
  Tool.make("comment", {
    description: "Comments",
    parameters: Schema.Struct({ body: Schema.String }),
    success: Schema.String
  }),
  Tool.make("report_done", {
    description: "Reports",
    parameters: Schema.Struct({ summary: Schema.String }),
    success: Schema.String
  })
)

/** A server such as Squadron's own is, on a free port; gives its address and the names of the tools that were called. */
const effectServer = Effect.gen(function* () {
  const called = yield* Ref.make<ReadonlyArray<string>>([])
  const answer = (name: string) => () =>
    Effect.as(
      Ref.update(called, (names) => [...names, name]),
      "done"
    )
  const handlers = toolkit.toLayer({
    read_subject: answer("read_subject"),
    add_labels: answer("add_labels"),
    comment: answer("comment"),
    report_done: answer("report_done")
  })
  const routes = McpServer.layerHttp({
    name: "squadron",
    version: "1",
    path: "/mcp",
    protocols: [McpProtocol.v2025_11_25, McpProtocol.v2025_06_18, McpProtocol.v2025_03_26],
    registrations: Layer.provide(McpServer.toolkit(toolkit), handlers)
  })
  const context = yield* Layer.build(
    HttpRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    )
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  const port = "port" in address ? address.port : 0
  return { called, url: `http://127.0.0.1:${port}/mcp` }
})

describe("the scripted agent and Effect's own server of tools", { timeout: 120_000 }, () => {
  it.layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    it.effect("shake hands, and the tools are called with what they take", () =>
      Effect.gen(function* () {
        const { called, url } = yield* effectServer
        const home = yield* newHome
        const agent = yield* startAgent("pm", home)
        const session = yield* newSession(agent, home, { calls: [], methods: [], faults: [], token: "", url })
        assert.strictEqual(agent.stderr(), "")
        const issue = preparedIssue("2-currency")
        const detail = {
          _tag: "issue.opened" as const,
          issue: { ...issue, state: "open" as const, author: "ada", labels: [], assignees: [] }
        }
        const { whole } = promptsOf({ tools: ["comment", "add_labels"], ...issue, news: [{ detail }] })
        assert.strictEqual(yield* prompted(agent, session, whole), "end_turn")
        assert.deepStrictEqual(yield* Ref.get(called), ["read_subject", "add_labels", "comment", "report_done"])
      })
    )
  })
})
