#!/usr/bin/env node
// A scripted agent: it speaks the Agent Client Protocol like a coding agent, and no model is behind it.
//
//   node examples/scripted-agent/main.mjs <pm | developer | reviewer | security-reviewer>
import { agent, methods, ndJsonStream, PROTOCOL_VERSION, RequestError } from "@agentclientprotocol/sdk"
import { randomUUID } from "node:crypto"
import { Readable, Writable } from "node:stream"
import { connectTools, ToolRefused } from "./mcp.mjs"
import { developer } from "./parts/developer.mjs"
import { pm } from "./parts/pm.mjs"
import { reviewer } from "./parts/reviewer.mjs"
import { securityReviewer } from "./parts/security-reviewer.mjs"
import { freshSession, loadSession, record, saveSession } from "./sessions.mjs"
import { makeTurn } from "./turn.mjs"
import { honest } from "./words.mjs"

const parts = { developer, pm, reviewer, "security-reviewer": securityReviewer }
const part = process.argv[2] ?? ""
if (!Object.hasOwn(parts, part)) {
  console.error(`scripted-agent: name its part, one of ${Object.keys(parts).join(", ")}`)
  process.exit(2)
}

/** How long a server of tools may take to shake hands. */
const handshake = 10_000
const sessions = new Map()
const ending = new AbortController()

/** Tools of the first server that speaks HTTP; like other agents, the session goes on without them. */
const toolsOf = async (servers) => {
  const server = servers.find(({ type }) => type === "http")
  if (server === undefined) return null
  try {
    return await connectTools(server, AbortSignal.any([ending.signal, AbortSignal.timeout(handshake)]))
  } catch (error) {
    console.error(`scripted-agent: ${error.message}`)
    return null
  }
}

const opened = async (session, servers) => {
  saveSession(session)
  sessions.set(session.id, { session, tools: await toolsOf(servers), running: null })
}

const known = (id) => {
  const found = sessions.get(id)
  if (found === undefined) throw RequestError.invalidParams({ sessionId: id }, "there is no such session")
  return found
}

const restored = async ({ cwd, mcpServers, sessionId }) => {
  const session = loadSession(sessionId)
  if (session === null || session.part !== part || session.cwd !== cwd) {
    throw RequestError.resourceNotFound(`session ${sessionId} of ${part} in ${cwd}`)
  }
  await opened(session, mcpServers)
  return session
}

const work = async (turn) => {
  await turn.say(honest(part))
  try {
    await parts[part](turn)
  } catch (error) {
    if (!(error instanceof ToolRefused)) throw error
    await turn.say(`A tool refused: ${error.message}`)
    await turn.call("ask_person", {
      question: `This is a script (examples/scripted-agent), and one of its tools refused: ${error.message}\nWhat shall it do?`
    })
  }
}

const prompted = async ({ client, params }) => {
  const held = known(params.sessionId)
  if (held.running !== null) throw RequestError.invalidRequest(undefined, "a turn of this session is under way")
  const running = new AbortController()
  held.running = running
  const prompt = params.prompt.map((block) => (block.type === "text" ? block.text : "")).join("\n\n")
  try {
    record(held.session, "user", prompt)
    saveSession(held.session)
    const signal = AbortSignal.any([running.signal, ending.signal])
    await work(makeTurn({ client, prompt, session: held.session, signal, tools: held.tools }))
    return { stopReason: "end_turn" }
  } catch (error) {
    if (running.signal.aborted) return { stopReason: "cancelled" }
    throw RequestError.internalError(undefined, error.message)
  } finally {
    held.running = null
    saveSession(held.session)
  }
}

const connection = agent({ name: "scripted-agent" })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: PROTOCOL_VERSION,
    agentInfo: { name: "scripted-agent", title: `Scripted agent, no model (${part})`, version: "1" },
    agentCapabilities: {
      loadSession: true,
      mcpCapabilities: { http: true, sse: false },
      promptCapabilities: { image: false, audio: false, embeddedContext: false },
      sessionCapabilities: { resume: {} }
    },
    authMethods: []
  }))
  .onRequest(methods.agent.session.new, async ({ params }) => {
    const session = freshSession(randomUUID(), part, params.cwd)
    await opened(session, params.mcpServers)
    return { sessionId: session.id }
  })
  .onRequest(methods.agent.session.load, async ({ client, params }) => {
    const { history, id } = await restored(params)
    for (const { from, text } of history) {
      const update = { sessionUpdate: `${from}_message_chunk`, content: { type: "text", text: `${text}\n\n` } }
      await client.notify(methods.client.session.update, { sessionId: id, update })
    }
    return {}
  })
  .onRequest(methods.agent.session.resume, async ({ params }) => {
    await restored(params)
    return {}
  })
  .onRequest(methods.agent.session.prompt, prompted)
  .onNotification(methods.agent.session.cancel, ({ params }) => {
    sessions.get(params.sessionId)?.running?.abort(new Error("cancelled"))
  })
  .connect(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)))

// Whoever goes ends what it started.
const end = (code) => {
  ending.abort(new Error("the agent is ending"))
  process.exit(code)
}
process.on("SIGTERM", () => end(143))
process.on("SIGINT", () => end(130))
await connection.closed
end(0)
