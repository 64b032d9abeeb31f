import { Effect } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

export type ToolCall = { readonly name: string; readonly input: Readonly<Record<string, unknown>> }
/** A tool's text; an Error is a refusal, a promise may let the caller wait. */
export type Tool = (input: ToolCall["input"]) => string | Error | Promise<string>

export type ToolServer = {
  readonly url: string
  readonly token: string
  /** All calls so far, in order. */
  readonly calls: Array<ToolCall>
  /** Methods of all messages so far, in order. */
  readonly methods: Array<string>
  /** What was wrong with messages: a missing token, session or version. */
  readonly faults: Array<string>
}

type Rpc = { readonly id?: number; readonly method: string; readonly params?: Record<string, unknown> }

const session = "test-session"
const version = "2025-06-18"

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString("utf8")
}

/** Sends an answer as JSON, or as a stream in which something else comes first and the answer comes in pieces. */
const send = (response: ServerResponse, answer: "json" | "stream", message: object): void => {
  response.setHeader("mcp-session-id", session)
  if (answer === "json") {
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(message))
    return
  }
  response.setHeader("content-type", "text/event-stream")
  const note = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "é" } }
  const text = `: hello\n\nevent: message\ndata: ${JSON.stringify(note)}\n\ndata: ${JSON.stringify(message)}\n\n`
  const bytes = Buffer.from(text)
  const half = bytes.indexOf("é") + 1
  response.write(bytes.subarray(0, half))
  // The stream stays open, as a server may leave it: the client has to go when it has its answer.
  setImmediate(() => response.write(bytes.subarray(half)))
}

/** A server of MCP tools over HTTP that writes down what it is asked. It wants its token, and a handshake first. */
export const toolServer = (tools: Readonly<Record<string, Tool>>, answer: "json" | "stream" = "json") =>
  Effect.acquireRelease(
    Effect.callback<{ readonly served: ToolServer; readonly close: () => void }>((resume) => {
      const token = "test-token"
      const recorded: Pick<ToolServer, "calls" | "methods" | "faults"> = { calls: [], methods: [], faults: [] }

      const result = async ({ method, params }: Rpc): Promise<object> => {
        if (method === "initialize") {
          return { protocolVersion: version, capabilities: { tools: {} }, serverInfo: { name: "test", version: "1" } }
        }
        if (method === "tools/list") {
          // Two pages, so that the cursor is used.
          const listed = Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" } }))
          return params?.["cursor"] === undefined
            ? { tools: listed.slice(0, 2), nextCursor: "more" }
            : { tools: listed.slice(2) }
        }
        const name = String(params?.["name"])
        const input = (params?.["arguments"] ?? {}) as ToolCall["input"]
        recorded.calls.push({ name, input })
        const tool = tools[name]
        const said = tool === undefined ? new Error(`There is no tool ${name}.`) : await tool(input)
        return said instanceof Error
          ? { isError: true, content: [{ type: "text", text: said.message }] }
          : { content: [{ type: "text", text: said }] }
      }

      const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        const message: Rpc = JSON.parse(await bodyOf(request))
        recorded.methods.push(message.method)
        if (request.headers.authorization !== `Bearer ${token}`) recorded.faults.push(`${message.method}: no token`)
        if (message.method !== "initialize") {
          if (request.headers["mcp-session-id"] !== session) recorded.faults.push(`${message.method}: no session`)
          if (request.headers["mcp-protocol-version"] !== version) recorded.faults.push(`${message.method}: no version`)
        }
        if (message.id === undefined) {
          response.statusCode = 202
          response.end()
          return
        }
        send(response, answer, { jsonrpc: "2.0", id: message.id, result: await result(message) })
      }

      const server = createServer((request, response) => void handle(request, response))
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({
            served: { ...recorded, token, url: `http://127.0.0.1:${port}/mcp` },
            close: () => {
              server.closeAllConnections()
              server.close()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  ).pipe(Effect.map(({ served }) => served))

/** The calls of one tool. */
export const callsOf = (server: ToolServer, name: string): ReadonlyArray<ToolCall["input"]> =>
  server.calls.filter((call) => call.name === name).map(({ input }) => input)
