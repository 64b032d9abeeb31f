/** A model that says what a test wrote for it, behind a tap that keeps what the agent asked. */
import { createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { pathToFileURL } from "node:url"
import { Effect } from "effect"
import { eventually } from "./waiting.ts"

/** A call of one of the agent's tools, as its model makes it. */
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
  /** Of the answer; 0 as long as there is none. */
  status: number
  /** Letters of the answer so far. */
  answered: number
  /** `cut`: the agent hung up before the answer was whole. */
  end: "open" | "whole" | "cut"
}

/** A request in whichever protocol, as aimock reads it. */
type ChatRequest = {
  readonly messages: ReadonlyArray<{
    readonly role: string
    readonly content: string | ReadonlyArray<{ readonly text?: string }> | null
  }>
  readonly tools?: ReadonlyArray<unknown>
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

const textOf = (content: ChatRequest["messages"][number]["content"]): string =>
  typeof content === "string" ? content : (content ?? []).map(({ text = "" }) => text).join("")

/** The mark that stands last in a text: an agent may put a new prompt behind one that it got no answer to. */
const lastOf = (marks: Iterable<string>, text: string): string | undefined =>
  [...marks].filter((mark) => text.includes(mark)).toSorted((a, b) => text.lastIndexOf(b) - text.lastIndexOf(a))[0]

/** How many tool results there are in the turn whose prompt holds the mark; null in any other. */
const resultsAt = ({ messages, tools = [] }: ChatRequest, mark: string, marks: Iterable<string>): number | null => {
  const last = messages.findLastIndex(({ role }) => role === "user")
  const prompt = messages[last]
  if (tools.length === 0 || prompt === undefined || lastOf(marks, textOf(prompt.content)) !== mark) return null
  return messages.slice(last + 1).filter(({ role }) => role === "tool").length
}

const responseOf = (answer: Answer): unknown => {
  if ("say" in answer) return { content: answer.say }
  if ("call" in answer) {
    return { toolCalls: [{ name: answer.call.name, arguments: JSON.stringify(answer.call.arguments) }] }
  }
  return { status: answer.status, error: { message: answer.message, type: "invalid_request_error" } }
}

/** Two pieces of five letters a second. */
const slowly = { latency: 500, chunkSize: 5 }

/** What takes more than a minute and a half to say slowly. */
export const longStory = "There was once a shop. ".repeat(50)

const bodyOf = (request: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => resolve(Buffer.concat(chunks)))
    request.on("error", reject)
  })

const isForThisHopOnly = (name: string): boolean =>
  ["connection", "content-length", "host", "keep-alive", "proxy-connection", "transfer-encoding"].includes(name)

const passedOn = (headers: IncomingMessage["headers"]): IncomingMessage["headers"] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !isForThisHopOnly(name)))

/** Passes an answer on line by line, so that no name is cut in two where it is written anew. */
const answer = (
  incoming: IncomingMessage,
  response: ServerResponse,
  asked: Asked,
  rewrite: (line: string) => string
) => {
  asked.status = incoming.statusCode ?? 502
  response.writeHead(asked.status, passedOn(incoming.headers))
  let rest = ""
  const write = (text: string): void => {
    asked.answered += text.length
    response.write(text)
  }
  incoming.setEncoding("utf8")
  incoming.on("data", (text: string) => {
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

/** The server that agents take for the model's. */
const startTap = (port: number, rewrite: (line: string) => string, all: Array<Asked>) => {
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request)
    const path = request.url ?? "/"
    const asked: Asked = { path, body: body.toString("utf8"), status: 0, answered: 0, end: "open" }
    all.push(asked)
    const headers = { ...passedOn(request.headers), "content-length": body.length }
    const outgoing = send({ host: "127.0.0.1", port, agent: false, method: request.method, path, headers })
    outgoing.on("response", (incoming) => answer(incoming, response, asked, rewrite))
    outgoing.on("error", () => response.destroy())
    response.on("close", () => {
      if (asked.end === "open") asked.end = "cut"
      outgoing.destroy()
    })
    outgoing.end(body)
  }
  return Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        pass(request, response).catch(() => response.destroy())
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
}

/**
 * Starts aimock, which is at this path, and the tap before it, on loopback. `rewrite` is applied to each line that the
 * model answers: for what an agent's protocol has and aimock cannot say.
 */
export const startModel = Effect.fnUntraced(function* (aimock: string, rewrite: (line: string) => string) {
  const { LLMock } = yield* Effect.promise(
    () => import(/* @vite-ignore */ pathToFileURL(aimock).href) as Promise<AimockModule>
  )
  const model = yield* Effect.acquireRelease(
    Effect.promise(() => LLMock.create({ host: "127.0.0.1", port: 0 })),
    (model) => Effect.promise(() => model.stop())
  )
  // what an agent asks besides, such as for a title, has no tools
  model.on({ predicate: ({ tools = [] }) => tools.length === 0 }, { content: "A title" })
  const all: Array<Asked> = []
  const tap = yield* startTap(model.port, rewrite, all)
  const { port } = tap.address() as AddressInfo
  const given = new Map<string, number>()
  const about = (mark: string): ReadonlyArray<Asked> => all.filter(({ body }) => body.includes(mark))

  return {
    port,
    // not 127.0.0.1: in a sandbox a listed host is reached by a proxy, and some agents talk to themselves at 127.0.0.1
    url: `http://localhost:${port}`,
    /** Requests that hold the mark, whether in their prompt or in the history that they carry. */
    about,
    /** Writes what the model says in the turn whose prompt holds the mark: after no tool result, after one, and so on. */
    write: (mark: string, answers: ReadonlyArray<Answer>): void => {
      given.set(mark, 0)
      for (const [results, one] of answers.entries()) {
        const pace = "say" in one && one.slowly === true ? slowly : undefined
        const isAsked = (request: ChatRequest): boolean => {
          const isNow = resultsAt(request, mark, given.keys()) === results
          if (isNow) given.set(mark, results + 1)
          return isNow
        }
        model.on({ predicate: isAsked }, responseOf(one), pace)
      }
    },
    /** How many of the answers that were written for the mark the agent has come to. */
    given: (mark: string): number => given.get(mark) ?? 0,
    /** Completes when the agent is being told something slowly. */
    speaking: (mark: string) =>
      eventually(
        `a slow answer about ${mark}`,
        () => about(mark).some(({ answered, end }) => end === "open" && answered > 0),
        () => `Asked so far: ${all.map(({ end, path, status }) => `${path} ${status} ${end}`).join(", ")}`
      )
  }
})
