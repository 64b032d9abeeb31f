/** A model that says what a test wrote for it, behind a tap that keeps what the agent asked. */
import { createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { pathToFileURL } from "node:url"
import { Effect } from "effect"
import { eventually } from "./eventually.ts"

/** A call of one of the agent's own tools, as its model makes it. */
export type ModelCall = { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }

/** What the model answers one request with. */
export type Answer =
  | { readonly say: string; readonly slowly?: boolean }
  | { readonly call: ModelCall }
  | { readonly status: number; readonly message: string }

/** One request of the agent, as it came over the wire. */
export type Asked = {
  readonly path: string
  readonly body: string
  /** Status of the answer; 0 as long as there is none. */
  status: number
  /** Bytes of the answer so far. */
  answered: number
  /** How it ended; `cut`: the agent hung up before the answer was whole. */
  end: "open" | "whole" | "cut"
}

/** The part of aimock that is used here; it is installed apart from this package. */
type Aimock = {
  readonly port: number
  on(
    match: { readonly predicate: (request: ChatRequest) => boolean },
    response: unknown,
    options?: { readonly latency: number; readonly chunkSize: number }
  ): unknown
  stop(): Promise<void>
}
type AimockModule = {
  readonly LLMock: { create(options: { readonly host: string; readonly port: number }): Promise<Aimock> }
}

/** A request of whichever protocol, as aimock reads it. */
type ChatRequest = {
  readonly messages: ReadonlyArray<{
    readonly role: string
    readonly content: string | ReadonlyArray<{ readonly text?: string }> | null
  }>
  readonly tools?: ReadonlyArray<unknown>
}

const textOf = (content: ChatRequest["messages"][number]["content"]): string =>
  typeof content === "string" ? content : (content ?? []).map(({ text = "" }) => text).join("")

/** Whether it is the request after `results` tool results in the turn whose prompt holds the mark. */
const isAt = (request: ChatRequest, mark: string, results: number): boolean => {
  if ((request.tools ?? []).length === 0) return false
  const last = request.messages.findLastIndex(({ role }) => role === "user")
  const prompt = request.messages[last]
  if (prompt === undefined || !textOf(prompt.content).includes(mark)) return false
  return request.messages.slice(last + 1).filter(({ role }) => role === "tool").length === results
}

const responseOf = (answer: Answer): unknown => {
  if ("say" in answer) return { content: answer.say }
  if ("call" in answer) {
    return { toolCalls: [{ name: answer.call.name, arguments: JSON.stringify(answer.call.arguments) }] }
  }
  return { status: answer.status, error: { message: answer.message, type: "invalid_request_error" } }
}

/** Two pieces a second: an answer of 1000 letters takes more than a minute and a half. */
const slowly = { latency: 500, chunkSize: 5 }

const bodyOf = (request: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => resolve(Buffer.concat(chunks)))
    request.on("error", reject)
  })

/** Passes an answer on line by line, so that no name is cut in two where it is written anew. */
const passOn = (incoming: IncomingMessage, response: ServerResponse, asked: Asked, rewrite: (line: string) => string) => {
  const { "content-length": _, ...headers } = incoming.headers
  asked.status = incoming.statusCode ?? 0
  response.writeHead(asked.status, headers)
  let rest = ""
  const write = (text: string) => {
    asked.answered += text.length
    response.write(text)
  }
  incoming.setEncoding("utf8")
  incoming.on("data", (text: string) => {
    if (asked.status >= 400) console.log("ERR", asked.status, text, JSON.stringify(headers))
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    if (lines.length > 0) write(`${lines.map(rewrite).join("\n")}\n`)
  })
  incoming.on("end", () => {
    write(rewrite(rest))
    asked.end = "whole"
    response.end()
  })
  incoming.on("error", () => response.destroy())
}

/**
 * Starts aimock and the tap before it, on loopback. `rewrite` is applied to each line that the model answers, for
 * what an agent's protocol has and aimock cannot say.
 */
export const startModel = Effect.fnUntraced(function* (aimock: string, rewrite: (line: string) => string) {
  const { LLMock } = yield* Effect.promise(
    () => import(/* @vite-ignore */ pathToFileURL(aimock).href) as Promise<AimockModule>
  )
  const model = yield* Effect.acquireRelease(
    Effect.promise(() => LLMock.create({ host: "127.0.0.1", port: 0 })),
    (model) => Effect.promise(() => model.stop())
  )
  // a title, a summary: what an agent asks besides has no tools
  model.on({ predicate: ({ tools = [] }) => tools.length === 0 }, { content: "A title" })

  const all: Array<Asked> = []
  const tap = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(async (request, response) => {
        const body = await bodyOf(request)
        const path = request.url ?? "/"
        const asked: Asked = { path, body: body.toString("utf8"), status: 0, answered: 0, end: "open" }
        all.push(asked)
        const { "transfer-encoding": _, host: _host, ...headers } = request.headers
        const outgoing = send({
          host: "127.0.0.1",
          port: model.port,
          method: request.method,
          path,
          headers: { ...headers, "content-length": body.length }
        })
        outgoing.on("response", (incoming) => passOn(incoming, response, asked, rewrite))
        outgoing.on("error", () => response.destroy())
        response.on("close", () => {
          if (asked.end === "open") asked.end = "cut"
          outgoing.destroy()
        })
        outgoing.end(body)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const { port } = tap.address() as AddressInfo

  return {
    port,
    url: `http://127.0.0.1:${port}/v1`,
    all,
    /** The requests of turns whose prompt holds the mark, with all the history that they carry. */
    about: (mark: string) => all.filter(({ body }) => body.includes(mark)),
    /** Writes what the model says in the turn whose prompt holds the mark: one answer after another. */
    write: (mark: string, answers: ReadonlyArray<Answer>): void => {
      answers.forEach((answer, results) => {
        model.on(
          { predicate: (request) => isAt(request, mark, results) },
          responseOf(answer),
          "slowly" in answer && answer.slowly === true ? slowly : undefined
        )
      })
    },
    /** Completes when the agent is being told something slowly. */
    speaking: (mark: string) =>
      eventually(
        `an answer about ${mark}`,
        () => all.some(({ answered, body, end }) => body.includes(mark) && end === "open" && answered > 0),
        () => JSON.stringify(all.map(({ body, ...rest }) => ({ ...rest, body: body.slice(0, 200) })))
      )
  }
})

export type Model = Effect.Success<ReturnType<typeof startModel>>
