import * as acp from "@agentclientprotocol/sdk"
import { Deferred, Effect, Redacted } from "effect"
import { describe, type Outcome } from "../../../domain/Outcome.ts"
import type { Grant } from "../../../services/Capabilities.ts"
import { brief, isObject, type Json, objectOf, textOf } from "./json.ts"
import { nobody, type OpenAgent } from "./OpenAgent.ts"
import { signInHint } from "./outcomes.ts"
import { setMode } from "./sessionMode.ts"
import { makeUsageMeter, type UsageMeter } from "./usage.ts"
import type { RpcFailed } from "./Wire.ts"

/** How long each thing may take before the first prompt, and a cancelled turn to end; in milliseconds. */
export type Deadlines = {
  readonly initialize: number
  readonly session: number
  readonly tools: number
  readonly cancel: number
}

export const defaultDeadlines: Deadlines = { initialize: 30_000, session: 60_000, tools: 20_000, cancel: 10_000 }

/** A conversation with an agent that is ready for a prompt. */
export type AcpSession = {
  readonly id: string
  /** Whether the agent has the conversation so far, so that it needs to be told the news only. */
  readonly continued: boolean
  /** How it came to be, for people to read. */
  readonly origin: string
  readonly usage: UsageMeter
  /** How to sign in with the agent. */
  readonly signIn: string
}

/**
 * What agents have been seen to lack although they say that they have it: a method, by their command line, or a method
 * for one session.
 */
export type Lacking = Set<string>

const protocolError = (message: string): Outcome => ({ _tag: "ProtocolError", message })

const capable = (initialized: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((value, name) => objectOf(value)[name], objectOf(objectOf(initialized)["agentCapabilities"]))

/** Initializes the agent and gives it a session: the one of before where it can, else a new one. */
export const startSession = Effect.fnUntraced(function* (
  agent: OpenAgent,
  options: {
    readonly command: ReadonlyArray<string>
    readonly cwd: string
    /** The session to go on with, or null. */
    readonly session: string | null
    readonly mode: string | null
    readonly tools: { readonly url: string; readonly grant: Grant } | null
    readonly deadlines: Deadlines
    readonly lacking: Lacking
    /** What an error in answer to `method` means. */
    readonly errorOutcome: (error: RpcFailed, signIn: string) => Effect.Effect<Outcome>
    readonly version: string
  }
): Effect.fn.Return<AcpSession, Outcome> {
  const { deadlines, tools } = options
  const program = brief(options.command.join(" "), 200)
  const usage = makeUsageMeter()
  const metered = (update: Json): boolean => {
    const isUsage = update["sessionUpdate"] === "usage_update"
    if (isUsage) usage.update(update)
    return isUsage
  }
  agent.listener = { ...nobody, update: (_session, update) => void metered(update) }

  const ask = (method: string, params: unknown, within: number): Effect.Effect<unknown, RpcFailed | Outcome> =>
    Effect.suspend(() => agent.answer(agent.wire.ask(method, params))).pipe(
      Effect.timeoutOrElse({
        duration: within,
        orElse: () =>
          Effect.fail(
            protocolError(
              `the agent did not answer \`${method}\` within ${within} ms. Check that \`${program}\` speaks ACP on its standard input and output.${agent.stderr() === "" ? "" : ` It printed: ${agent.stderr()}`}`
            )
          )
      })
    )

  const initialized = yield* ask(
    acp.methods.agent.initialize,
    {
      protocolVersion: acp.PROTOCOL_VERSION,
      clientInfo: { name: "squadron", title: "Squadron", version: options.version },
      // it has its own tools for files and commands, and works where they reach
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false }
    },
    deadlines.initialize
  ).pipe(
    Effect.catchTag("RpcFailed", (error) => Effect.flatMap(options.errorOutcome(error, signInHint({})), Effect.fail))
  )
  const signIn = signInHint(initialized)
  const failed = (error: RpcFailed) => Effect.flatMap(options.errorOutcome(error, signIn), Effect.fail)
  const speaks = objectOf(initialized)["protocolVersion"]
  if (speaks !== acp.PROTOCOL_VERSION) {
    return yield* Effect.fail(
      protocolError(
        `the agent speaks version ${JSON.stringify(speaks) ?? "unknown"} of ACP, Squadron speaks ${acp.PROTOCOL_VERSION}. Use a version of \`${program}\` that speaks ACP ${acp.PROTOCOL_VERSION}.`
      )
    )
  }
  const noTools = (why: string): Outcome =>
    protocolError(
      `the agent did not list its tools: ${why}. Without them it can report nothing. Use an agent that takes MCP servers over HTTP, and check that it reaches ${tools?.url ?? "the daemon"}.`
    )
  if (tools !== null && capable(initialized, "mcpCapabilities", "http") !== true) {
    return yield* Effect.fail(noTools("it takes no MCP servers over HTTP"))
  }

  const place = {
    cwd: options.cwd,
    mcpServers:
      tools === null
        ? []
        : [
            {
              type: "http",
              name: "squadron",
              url: tools.url,
              headers: [{ name: "Authorization", value: `Bearer ${Redacted.value(tools.grant.token)}` }]
            }
          ]
  }

  /** Goes on with a session, or null where the agent cannot. */
  const revive = Effect.fnUntraced(function* (id: string, method: string) {
    const [everywhere, here] = [
      JSON.stringify([options.command, method]),
      JSON.stringify([options.command, method, id])
    ]
    if (options.lacking.has(everywhere) || options.lacking.has(here)) return null
    let replayed = 0
    agent.listener = {
      ...nobody,
      update: (session, update) => {
        if (session !== id || metered(update)) return
        if (/^(?:agent|user)_message_chunk$/.test(textOf(update["sessionUpdate"]))) replayed += 1
      }
    }
    const answer = yield* Effect.result(ask(method, { sessionId: id, ...place }, deadlines.session))
    if (answer._tag === "Success") return { answer: objectOf(answer.success), replayed }
    const failure = answer.failure
    const absent = failure._tag === "RpcFailed" && failure.code === -32_601
    if (options.lacking.size >= 1000) options.lacking.clear()
    options.lacking.add(absent ? everywhere : here)
    // next time it is not asked again for what ended it
    if (failure._tag !== "RpcFailed" && agent.isLost()) return yield* Effect.fail(failure)
    yield* Effect.logInfo(
      `The agent could not go on with its session: ${failure._tag === "RpcFailed" ? failure.message : describe(failure)}`
    )
    return null
  })

  const resumed =
    options.session !== null && isObject(capable(initialized, "sessionCapabilities", "resume"))
      ? yield* revive(options.session, acp.methods.agent.session.resume)
      : null
  const loaded =
    options.session !== null && resumed === null && capable(initialized, "loadSession") === true
      ? yield* revive(options.session, acp.methods.agent.session.load)
      : null
  const revived = resumed ?? loaded

  let id = options.session ?? ""
  let opened: Json
  if (revived === null) {
    opened = objectOf(
      yield* Effect.catchTag(ask(acp.methods.agent.session.new, place, deadlines.session), "RpcFailed", failed)
    )
    id = textOf(opened["sessionId"])
    if (id === "") {
      return yield* Effect.fail(protocolError(`the agent answered \`session/new\` without a session's id`))
    }
  } else opened = revived.answer

  if (options.mode !== null) {
    const problem = yield* setMode(
      (method, params) => Effect.catchTag(ask(method, params, deadlines.session), "RpcFailed", failed),
      id,
      opened,
      options.mode
    )
    if (problem !== null) return yield* Effect.fail(protocolError(problem))
  }

  if (tools !== null) {
    yield* Effect.raceFirst(
      Deferred.await(tools.grant.listed),
      Effect.flatMap(agent.lost, (outcome) => Effect.fail(outcome))
    ).pipe(
      Effect.timeoutOrElse({
        duration: deadlines.tools,
        orElse: () => Effect.fail(noTools(`nothing came within ${deadlines.tools} ms`))
      })
    )
  }

  return {
    id,
    // one that loads and says nothing of what was may have lost it
    continued: resumed !== null || (loaded !== null && loaded.replayed > 0),
    origin:
      resumed !== null
        ? `session ${brief(id, 100)} resumed`
        : loaded !== null
          ? `session ${brief(id, 100)} loaded, ${loaded.replayed} messages replayed`
          : `session ${brief(id, 100)} new${options.session === null ? "" : ", since the one before could not be continued"}`,
    usage,
    signIn
  }
})
