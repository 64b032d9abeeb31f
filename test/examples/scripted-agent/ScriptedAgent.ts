import * as acp from "@agentclientprotocol/sdk"
import { Effect, FileSystem, type PlatformError, type Scope } from "effect"
import { spawn } from "node:child_process"
import { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import type { ToolServer } from "./ToolServer.ts"

const program = fileURLToPath(new URL("../../../examples/scripted-agent/main.mjs", import.meta.url))

export type AgentProcess = {
  readonly pid: number
  readonly agent: acp.ClientContext
  readonly initialized: acp.InitializeResponse
  /** All updates so far, in order. */
  readonly updates: Array<acp.SessionUpdate>
  /** Resolves once an update fits. */
  readonly saw: (fits: (update: acp.SessionUpdate) => boolean) => Effect.Effect<void>
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Effect.Effect<number | null>
  readonly kill: (signal: NodeJS.Signals) => void
  /** Ends its standard input, as a client does that goes. */
  readonly close: () => void
  readonly stderr: () => string
}

/** A home for agents, gone with the scope. */
export const newHome: Effect.Effect<string, PlatformError.PlatformError, FileSystem.FileSystem | Scope.Scope> =
  FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())

/** Starts the agent as a process of its own, in its own home, and says hello. It is dead when the scope closes. */
export const startAgent = Effect.fnUntraced(function* (
  part: string,
  home: string,
  env: Readonly<Record<string, string>> = {}
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [program, part], {
        env: { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home, ...env },
        stdio: ["pipe", "pipe", "pipe"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let stderr = ""
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve))
  const updates: Array<acp.SessionUpdate> = []
  const waiting = new Set<(update: acp.SessionUpdate) => void>()
  const connection = acp
    .client({ name: "test" })
    .onNotification(acp.methods.client.session.update, ({ params }) => {
      updates.push(params.update)
      for (const wake of waiting) wake(params.update)
    })
    .connect(acp.ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>))
  const initialized = yield* Effect.promise(() =>
    connection.agent.request(acp.methods.agent.initialize, {
      protocolVersion: acp.PROTOCOL_VERSION,
      clientInfo: { name: "test", version: "1" },
      clientCapabilities: {}
    })
  )
  const started: AgentProcess = {
    pid: child.pid ?? 0,
    agent: connection.agent,
    initialized,
    updates,
    saw: (fits) =>
      Effect.callback<void>((resume) => {
        if (updates.some(fits)) return resume(Effect.void)
        const wake = (update: acp.SessionUpdate) => {
          if (fits(update)) resume(Effect.void)
        }
        waiting.add(wake)
        return Effect.sync(() => waiting.delete(wake))
      }),
    exited: Effect.promise(() => ended),
    kill: (signal) => child.kill(signal),
    close: () => child.stdin.end(),
    stderr: () => stderr
  }
  return started
})

export const serversOf = (server: ToolServer): Array<acp.McpServer> => [
  {
    type: "http",
    name: "squadron",
    url: server.url,
    headers: [{ name: "Authorization", value: `Bearer ${server.token}` }]
  }
]

export const newSession = ({ agent }: AgentProcess, cwd: string, server: ToolServer): Effect.Effect<string> =>
  Effect.promise(() => agent.request(acp.methods.agent.session.new, { cwd, mcpServers: serversOf(server) })).pipe(
    Effect.map(({ sessionId }) => sessionId)
  )

export const loadSession = ({ agent }: AgentProcess, sessionId: string, cwd: string, server: ToolServer) =>
  Effect.promise(() => agent.request(acp.methods.agent.session.load, { sessionId, cwd, mcpServers: serversOf(server) }))

/** Sends a prompt and waits for the end of the turn; gives its reason to stop. */
export const prompted = ({ agent }: AgentProcess, sessionId: string, text: string): Effect.Effect<acp.StopReason> =>
  Effect.promise(() =>
    agent.request(acp.methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] })
  ).pipe(Effect.map(({ stopReason }) => stopReason))

/** All that the agent said. */
export const said = ({ updates }: AgentProcess): string =>
  updates
    .map((update) =>
      update.sessionUpdate === "agent_message_chunk" && update.content.type === "text" ? update.content.text : ""
    )
    .join("")
