#!/usr/bin/env node
// An agent without a mind: it speaks the Agent Client Protocol and does the steps that its prompt shows it; see mind.mjs.
import { agent, methods, ndJsonStream, PROTOCOL_VERSION, RequestError } from "@agentclientprotocol/sdk"
import { randomUUID } from "node:crypto"
import { Readable, Writable } from "node:stream"
import { connectTools } from "../../../../examples/scripted-agent/mcp.mjs"
import { freshSession, loadSession, saveSession } from "../../../../examples/scripted-agent/sessions.mjs"
import { note } from "./notes.mjs"
import { chooseEntry } from "./mind.mjs"
import { doSteps } from "./steps.mjs"

const sessions = new Map()

const opened = async (session, [server]) => {
  const tools = server === undefined ? null : await connectTools(server, AbortSignal.timeout(30_000))
  note({
    environment: process.env,
    tools: tools === null ? [] : [...tools.tools.keys()],
    headers: server?.headers ?? []
  })
  sessions.set(session.id, { session, tools, running: null })
  saveSession(session)
}

const prompted = async ({ client, params }) => {
  const held = sessions.get(params.sessionId)
  if (held === undefined) throw RequestError.invalidParams({}, "there is no such session")
  const { session, tools } = held
  const prompt = params.prompt.map((block) => (block.type === "text" ? block.text : "")).join("\n\n")
  note({ prompt })
  const { entry, place } = chooseEntry(session.memory, prompt)
  saveSession(session)
  const running = new AbortController()
  held.running = running
  const say = (text) =>
    client.notify(methods.client.session.update, {
      sessionId: session.id,
      update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: `${text}\n` } }
    })
  await say("Puppet")
  const cut = new Promise((resolve) =>
    running.signal.addEventListener("abort", () => resolve({ stopReason: "cancelled" }), { once: true })
  )
  const done = doSteps(entry.do, { place, say, tools, cwd: session.cwd, signal: running.signal }).then(() => {
    entry.done = true
    saveSession(session)
    return { stopReason: "end_turn" }
  })
  return await Promise.race([cut, done])
}

const restored = async ({ cwd, mcpServers, sessionId }) => {
  const session = loadSession(sessionId)
  if (session === null || session.cwd !== cwd) throw RequestError.resourceNotFound(sessionId)
  await opened(session, mcpServers)
  return {}
}

const connection = agent({ name: "puppet" })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: PROTOCOL_VERSION,
    agentInfo: { name: "puppet", title: "Puppet, no model", version: "1" },
    agentCapabilities: {
      mcpCapabilities: { http: true, sse: false },
      promptCapabilities: { image: false, audio: false, embeddedContext: false },
      sessionCapabilities: { resume: {} }
    },
    authMethods: []
  }))
  .onRequest(methods.agent.session.new, async ({ params }) => {
    const session = freshSession(randomUUID(), "puppet", params.cwd)
    await opened(session, params.mcpServers)
    return { sessionId: session.id }
  })
  .onRequest(methods.agent.session.resume, ({ params }) => restored(params))
  .onRequest(methods.agent.session.prompt, prompted)
  .onNotification(methods.agent.session.cancel, ({ params }) => sessions.get(params.sessionId)?.running?.abort())
  .connect(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)))

process.on("SIGTERM", () => process.exit(143))
await connection.closed
process.exit(0)
