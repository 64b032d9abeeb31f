// JSON-RPC on standard input and output by hand, for agents that must be able to do it wrong.
import { createInterface } from "node:readline"
import { writeSync } from "node:fs"

/** Writes all of it at once, whatever else the program does. */
export const print = (text) => {
  const bytes = typeof text === "string" ? Buffer.from(text) : text
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += writeSync(1, bytes, sent)
    } catch (error) {
      if (error.code !== "EAGAIN") throw error
    }
  }
}

export const send = (message) => print(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
export const answer = (id, result) => send({ id, result })
export const refuse = (id, code, message, data) => send({ id, error: { code, message, data } })
export const update = (sessionId, update) => send({ method: "session/update", params: { sessionId, update } })
export const say = (sessionId, text) =>
  update(sessionId, { sessionUpdate: "agent_message_chunk", content: { type: "text", text } })

const answers = new Map()
let asked = 0

/** Asks the client; resolves to its whole answer. */
export const ask = (method, params) =>
  new Promise((resolve) => {
    const id = `from-agent-${++asked}`
    answers.set(id, resolve)
    send({ id, method, params })
  })

export const capabilities = { loadSession: false, mcpCapabilities: { http: true } }

/** Serves a well-behaved agent but for what `handlers` do otherwise: method → ({ id, params }) => void. */
export const serve = (handlers) => {
  const all = {
    initialize: ({ id }) => answer(id, { protocolVersion: 1, agentCapabilities: capabilities }),
    "session/new": ({ id }) => answer(id, { sessionId: "s1" }),
    "session/prompt": ({ id, params }) => {
      say(params.sessionId, "Hello.")
      answer(id, { stopReason: "end_turn" })
    },
    "session/cancel": () => {},
    ...handlers
  }
  const reader = createInterface({ input: process.stdin })
  reader.on("line", (line) => {
    const message = JSON.parse(line)
    if (message.method === undefined) {
      answers.get(message.id)?.(message)
      answers.delete(message.id)
      return
    }
    const handler = all[message.method]
    if (handler !== undefined) handler(message)
    else if (message.id !== undefined) refuse(message.id, -32601, `Method not found: ${message.method}`)
  })
}
