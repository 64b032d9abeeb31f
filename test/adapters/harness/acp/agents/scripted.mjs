// A well-behaved agent, written with the protocol's own library. It keeps its sessions in its HOME. Its first argument
// is JSON: { resume, load, replay, broken, modes, configModes, mute, usage, dieOn }.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Readable, Writable } from "node:stream"
import * as acp from "@agentclientprotocol/sdk"

const script = JSON.parse(process.argv[2] ?? "{}")
const folder = join(process.env.HOME, "sessions")
mkdirSync(folder, { recursive: true })
const fileOf = (id) => join(folder, `${id}.json`)
const note = (line) => appendFileSync(join(process.env.HOME, "log"), `${line}\n`)
const sessions = new Map()
const save = (session) => writeFileSync(fileOf(session.id), JSON.stringify(session))

/** Asks the MCP servers what tools they have, as every agent does at the start. */
const connect = async (servers) => {
  if (script.mute === true) return
  for (const { headers, url } of servers) {
    await fetch(url, {
      method: "POST",
      headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" })
    })
  }
}

const offer = () => ({
  ...(script.modes === undefined
    ? {}
    : { modes: { currentModeId: script.modes[0], availableModes: script.modes.map((id) => ({ id, name: id })) } }),
  ...(script.configModes === undefined
    ? {}
    : {
        configOptions: [
          {
            type: "select",
            id: "approval",
            category: "mode",
            name: "Approval",
            currentValue: script.configModes[0],
            options: [{ group: "g", name: "G", options: script.configModes.map((value) => ({ value, name: value })) }]
          }
        ]
      })
})

const revive = async ({ cwd, mcpServers, sessionId }) => {
  if (script.broken === true || !existsSync(fileOf(sessionId))) throw acp.RequestError.sessionNotFound(sessionId)
  const session = { ...JSON.parse(readFileSync(fileOf(sessionId), "utf8")), cwd }
  sessions.set(sessionId, session)
  await connect(mcpServers)
  return session
}

const agent = acp
  .agent({ name: "scripted" })
  .onRequest(acp.methods.agent.initialize, ({ params }) => {
    note(`initialize ${params.protocolVersion} ${params.clientInfo?.name} ${JSON.stringify(params.clientCapabilities)}`)
    return {
      protocolVersion: 1,
      agentCapabilities: {
        loadSession: script.load === true,
        mcpCapabilities: { http: true },
        ...(script.resume === undefined ? {} : { sessionCapabilities: { resume: {} } })
      }
    }
  })
  .onRequest(acp.methods.agent.session.new, async ({ params }) => {
    const session = { id: `session-${process.pid}`, cwd: params.cwd, prompts: [] }
    sessions.set(session.id, session)
    save(session)
    note(`new ${JSON.stringify(params.mcpServers)}`)
    await connect(params.mcpServers)
    return { sessionId: session.id, ...offer() }
  })
  .onRequest(acp.methods.agent.session.load, async ({ client, params }) => {
    note(`load ${params.sessionId}`)
    const session = await revive(params)
    for (const text of script.replay === false ? [] : session.prompts) {
      await client.notify(acp.methods.client.session.update, {
        sessionId: session.id,
        update: { sessionUpdate: "user_message_chunk", content: { type: "text", text } }
      })
    }
    return offer()
  })
  .onRequest(acp.methods.agent.session.setMode, ({ params }) => {
    note(`mode ${params.modeId}`)
    return {}
  })
  .onRequest(acp.methods.agent.session.setConfigOption, ({ params }) => {
    note(`option ${params.configId} ${params.value}`)
    return { configOptions: offer().configOptions }
  })
  .onNotification(acp.methods.agent.session.cancel, () => note("cancel"))
  .onRequest(acp.methods.agent.session.prompt, async ({ client, params }) => {
    const session = sessions.get(params.sessionId)
    const update = (content) =>
      client.notify(acp.methods.client.session.update, { sessionId: session.id, update: content })
    const text = params.prompt.map((block) => block.text).join("")
    session.prompts.push(text)
    save(session)
    note(`prompt ${text}`)
    if (script.dieOn?.includes(text) === true) process.exit(1)
    await update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "Let me " } })
    await update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "see." } })
    await update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: "I will " } })
    await update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: "write it." } })
    const entries = [
      { content: "Write", priority: "high", status: "in_progress" },
      { content: "Check", priority: "low", status: "pending" }
    ]
    await update({ sessionUpdate: "plan", entries })
    const file = join(session.cwd, "hello.txt")
    const call = { toolCallId: "call-1", title: "Write hello.txt", kind: "edit", locations: [{ path: file }] }
    await update({ sessionUpdate: "tool_call", status: "pending", ...call })
    const { outcome } = await client.request(acp.methods.client.session.requestPermission, {
      sessionId: session.id,
      toolCall: call,
      options: [
        { optionId: "no", name: "Allow", kind: "reject_once" },
        { optionId: "always", name: "Always", kind: "allow_always" },
        { optionId: "yes", name: "No", kind: "allow_once" }
      ]
    })
    if (outcome.outcome === "selected" && outcome.optionId === "yes") {
      appendFileSync(file, `${text}\n`)
      await update({ sessionUpdate: "tool_call_update", toolCallId: "call-1", status: "completed" })
    } else await update({ sessionUpdate: "tool_call_update", toolCallId: "call-1", status: "failed" })
    await update({
      sessionUpdate: "usage_update",
      used: 1000 * session.prompts.length,
      size: 100_000,
      cost: { amount: 0.25 * session.prompts.length, currency: "USD" }
    })
    return { stopReason: "end_turn", ...(script.usage === undefined ? {} : { usage: script.usage }) }
  })
agent.onRequest("*", ({ method }) => {
  note(`unknown ${method}`)
  throw acp.RequestError.methodNotFound(method)
})
if (script.resume === true) {
  agent.onRequest(acp.methods.agent.session.resume, async ({ params }) => {
    note(`resume ${params.sessionId}`)
    await revive(params)
    return offer()
  })
}
agent.connect(acp.ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)))
