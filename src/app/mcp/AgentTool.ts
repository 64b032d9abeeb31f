import { Effect, Schema, SchemaIssue } from "effect"
import type { McpSchema } from "effect/ai"
import { judgeCall, toolsOf, type Caller as CallerOf, type ToolName } from "../../domain/toolCall.ts"
import type { Capabilities, Grant } from "../../services/Capabilities.ts"
import type { Forge } from "../../services/Forge.ts"
import type { Squads } from "../../services/Squads.ts"
import type { Store } from "../../services/Store.ts"
import type { Workspaces } from "../../services/Workspaces.ts"
import { type Answer, Call, type Consent, mindSecrets, note, refuse, textsOf, ToolRefused, unwritten } from "./Call.ts"

/** What tools work with, besides their call. */
export type Services = Store | Forge | Workspaces | Squads | Capabilities | Consent

/** A tool as it is served. */
export type AgentTool = {
  readonly name: ToolName
  readonly description: string
  /** Whether it changes nothing. */
  readonly reads: boolean
  readonly input: McpSchema.ToolJson
  /** Reads the arguments and does what they ask for. */
  readonly call: (given: unknown) => Effect.Effect<Answer, ToolRefused, Services | Call>
}

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** What is wrong with which field; never what was given. */
const problemsOf = (error: Schema.SchemaError): ReadonlyArray<{ readonly field: string; readonly problem: string }> =>
  issuesOf(error.issue).issues.map(({ message, path }) => ({
    field: (path ?? []).map(String).join(".").slice(0, 100) || "arguments",
    problem: message
  }))

const takes = ({ properties = {}, required = [] }: McpSchema.ToolJson): string => {
  const names = Object.keys(properties).map((name) => (required.includes(name) ? name : `${name} (may be left out)`))
  return names.length === 0 ? "It takes no arguments." : `It takes ${names.join(", ")}.`
}

/** The parameters for a model to read: an object with these fields and no others. */
const inputOf = (parameters: Schema.Top): McpSchema.ToolJson => {
  const { schema } = Schema.toJsonSchemaDocument(parameters, { onExcessProperty: "error" })
  return { additionalProperties: false, properties: {}, ...("properties" in schema ? schema : {}), type: "object" }
}

/** A tool from its parameters and what it does with them; with a secret in any text among them, it does nothing. */
export const agentTool = <Fields extends Schema.Struct.Fields>(options: {
  readonly name: ToolName
  readonly description: string
  readonly reads?: boolean
  readonly parameters: Schema.Struct<Fields> & Schema.Codec<Schema.Struct<Fields>["Type"], unknown>
  readonly run: (input: Schema.Struct<Fields>["Type"]) => Effect.Effect<Answer, ToolRefused, Services | Call>
}): AgentTool => {
  const { description, name, parameters, reads = false, run } = options
  const input = inputOf(parameters)
  const decode = Schema.decodeUnknownEffect(parameters, { errors: "all", onExcessProperty: "error" })
  const read = (given: unknown) =>
    Effect.mapError(decode(given ?? {}), (error) => {
      const problems = problemsOf(error)
      return new ToolRefused({
        reason: `${name} cannot take this: ${problems.map(({ field, problem }) => `${field}: ${problem}`).join("; ")}. ${takes(input)}`,
        noted: `wrong arguments: ${problems.map(({ field }) => field).join(", ")}`
      })
    })
  const call = Effect.fnUntraced(function* (given: unknown) {
    const asked = yield* read(given)
    yield* mindSecrets(textsOf(asked))
    return yield* run(asked)
  })
  return { name, description, reads, input, call }
}

const callerOf = ({ agent, role, workspace }: Grant): CallerOf => ({
  role,
  kind: agent.subject.kind,
  workspace: workspace !== null
})

/** Whether the run's tools have this one among them. */
export const isListed = (grant: Grant, name: string): boolean =>
  toolsOf(callerOf(grant)).some((listed) => listed === name)

/** Names of denied tools that are kept of one turn. */
const denialsKept = 50

const deny = (grant: Grant, name: string): void => {
  if (!grant.denied.includes(name) && grant.denied.length < denialsKept) grant.denied = [...grant.denied, name]
}

/** Runs a tool for a run: only what it may use, and never without a line in the journal. */
export const runTool = Effect.fn("Mcp.call")(function* (
  name: string,
  tool: AgentTool | null,
  grant: Grant,
  given: unknown
) {
  const call = { grant, tool: name, noted: false }
  const work = Effect.gen(function* () {
    const judgement = judgeCall(name, callerOf(grant))
    if (judgement._tag === "Denied") deny(grant, name)
    if (judgement._tag !== "Allowed") return yield* refuse(judgement.why)
    if (tool === null) return yield* refuse(`There is no tool ${name}.`)
    const before = grant.reported
    const answer = yield* tool.call(given)
    if (call.noted) return answer
    yield* note("tool.called", grant, answer.line).pipe(
      // a report that is not written down was none
      Effect.tapError(() => Effect.sync(() => void (grant.reported = before))),
      Effect.mapError(unwritten)
    )
    return answer
  })
  // where even this cannot be written, the agent still has to hear of its refusal
  const notDone = (why: string) => Effect.ignore(note("tool.refused", grant, `${name}: ${why}`), { log: "Warn" })
  return yield* work.pipe(
    Effect.provideService(Call, call),
    Effect.tapError((error) => notDone(error.noted ?? error.reason)),
    Effect.tapDefect(() => notDone("an internal fault")),
    Effect.onInterrupt(() => (call.noted ? Effect.void : notDone("broken off by its caller"))),
    Effect.annotateLogs({ agent: grant.agent.id, tool: name })
  )
})
