// A small client for MCP tools over streamable HTTP: requests are posted, answers come as JSON or as a stream of events.

const versions = ["2025-06-18", "2025-11-25", "2025-03-26"]
const longestCall = 120_000

/** The server did not do what it was asked, and said why. */
export class ToolRefused extends Error {}

/** The server cannot be reached, or does not speak the protocol. */
export class ToolsUnreachable extends Error {}

/** The messages of a stream of events, as they come. */
async function* events(body) {
  let rest = ""
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).replaceAll("\r\n", "\n").split("\n\n")
    rest = parts.pop() ?? ""
    for (const part of parts) {
      const lines = part.split("\n").filter((line) => line.startsWith("data:"))
      if (lines.length > 0) yield JSON.parse(lines.map((line) => line.slice(5).trimStart()).join("\n"))
    }
  }
}

/** The answer to a request among the messages of a response; leaving the loop closes the stream. */
const answerTo = async (id, response) => {
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    for await (const message of events(response.body)) if (message.id === id) return message
    throw new ToolsUnreachable("the stream ended before the answer")
  }
  const body = await response.json()
  const message = Array.isArray(body) ? body.find((one) => one.id === id) : body
  if (message?.id !== id) throw new ToolsUnreachable("the answer is to another request")
  return message
}

const textOf = (result) =>
  (result.content ?? [])
    .filter(({ type }) => type === "text")
    .map(({ text }) => text)
    .join("\n")

/**
 * Shakes hands with a server (`{ url, headers: [{ name, value }] }`) and asks for its tools, as coding agents do before
 * their first prompt. Fails with ToolsUnreachable.
 */
export const connectTools = async (server, signal) => {
  const fixed = {
    ...Object.fromEntries((server.headers ?? []).map(({ name, value }) => [name, value])),
    accept: "application/json, text/event-stream",
    "content-type": "application/json"
  }
  let last = 0
  let negotiated = {}

  const post = async (message, signal) => {
    let response
    try {
      response = await fetch(server.url, {
        method: "POST",
        headers: { ...fixed, ...negotiated },
        body: JSON.stringify({ jsonrpc: "2.0", ...message }),
        signal
      })
    } catch (error) {
      signal.throwIfAborted()
      throw new ToolsUnreachable(`${server.url} does not answer: ${error.cause?.message ?? error.message}`)
    }
    if (!response.ok) {
      throw new ToolsUnreachable(
        `${server.url} answered ${response.status}: ${(await response.text()).slice(0, 300) || "nothing"}`
      )
    }
    return response
  }

  const request = async (method, params, signal) => {
    const id = ++last
    const response = await post({ id, method, params }, signal)
    const message = await answerTo(id, response)
    if (message.error) throw new ToolRefused(`${method}: ${message.error.message}`)
    return { response, result: message.result ?? {} }
  }

  const { response, result } = await request(
    "initialize",
    {
      protocolVersion: versions[0],
      capabilities: {},
      clientInfo: { name: "scripted-agent", title: "A script, no model", version: "1" }
    },
    signal
  )
  if (!versions.includes(result.protocolVersion)) {
    throw new ToolsUnreachable(
      `${server.url} speaks version ${result.protocolVersion}, which this script does not know`
    )
  }
  const session = response.headers.get("mcp-session-id")
  negotiated = {
    "mcp-protocol-version": result.protocolVersion,
    ...(session === null ? {} : { "mcp-session-id": session })
  }
  await (await post({ method: "notifications/initialized" }, signal)).body?.cancel()
  const tools = new Map()
  let cursor
  do {
    const page = (await request("tools/list", cursor === undefined ? {} : { cursor }, signal)).result
    for (const tool of page.tools ?? []) tools.set(tool.name, tool)
    cursor = page.nextCursor
  } while (cursor !== undefined)

  return {
    /** What the server offers, by name. */
    tools,
    /** Calls a tool; gives `{ text }`. Fails with ToolRefused. */
    call: async (name, input, signal) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(longestCall)])
      const { result } = await request("tools/call", { name, arguments: input }, limit)
      const text = textOf(result)
      if (result.isError) throw new ToolRefused(text || `${name} was refused without a word`)
      return { text }
    }
  }
}
