import { Result, Schema, SchemaIssue } from "effect"
import { Action, type RequestedAction } from "../../domain/Action.ts"
import { ReportedOutcome } from "../../domain/Outcome.ts"
import { ForgeNumber } from "../../domain/Subject.ts"

/** What one line of a program's output means. */
export type Line =
  | { readonly _tag: "Text" }
  | { readonly _tag: "Actions"; readonly actions: ReadonlyArray<RequestedAction> }
  | { readonly _tag: "Progress"; readonly text: string }
  | { readonly _tag: "Outcome"; readonly outcome: ReportedOutcome }
  /** `problem` names the field and what was expected. */
  | { readonly _tag: "Violation"; readonly problem: string }

const text: Line = { _tag: "Text" }
const violation = (problem: string): Line => ({ _tag: "Violation", problem })
const actions = (first: Action, issue: number | undefined, ...more: ReadonlyArray<Action>): Line => ({
  _tag: "Actions",
  actions: [first, ...more].map((action) => (issue === undefined ? { action } : { action, issue }))
})
const outcome = (outcome: ReportedOutcome): Line => ({ _tag: "Outcome", outcome })

const issue = Schema.optionalKey(ForgeNumber)
const Names = Schema.NonEmptyArray(Schema.NonEmptyString)
const Blocker = Schema.Union([Schema.Int, Schema.String])

const formatter = SchemaIssue.makeFormatterStandardSchemaV1()

/** What was not declared is refused: a misspelt `issue` must not put a comment on another one. */
const decode = <A>(schema: Schema.Codec<A, unknown>, value: unknown, at = ""): Result.Result<A, string> =>
  Result.mapError(Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })(value), (error) => {
    const [first] = formatter(error.issue).issues
    const field = [at, ...(first?.path ?? [])]
      .filter((part) => part !== "")
      .map(String)
      .join(".")
    const problem =
      first?.message === "Missing key"
        ? "is missing"
        : first?.message === "Expected no excess property"
          ? "is not a field that is known here"
          : (first?.message ?? "").replace(/^Expected/, "expected")
    return field === "" ? problem : `field \`${field}\`: ${problem}`
  })

type Read = (value: object, repository: string) => Result.Result<Line, string>

const reads =
  <A>(schema: Schema.Codec<A, unknown>, meaning: (value: A, repository: string) => Line): Read =>
  (value, repository) =>
    Result.map(decode(schema, value), (decoded) => meaning(decoded, repository))

/** `12` and `#12` are issues of the agent's own repository. */
const subjectKey = (on: string | number, repository: string): string | undefined => {
  const short = /^#?([1-9]\d*)$/.exec(String(on))
  if (short !== null) return `${repository}#${short[1]}`
  return /^[\w.-]+\/[\w.-]+#[1-9]\d*$/.test(String(on)) ? String(on) : undefined
}

const blocked = (on: ReadonlyArray<string | number>, reason: string, repository: string): Line => {
  if (on.length === 0) return violation("field `on`: expected at least one issue")
  const keys: Array<string> = []
  for (const one of on) {
    const key = subjectKey(one, repository)
    if (key === undefined)
      return violation(`field \`on\`: expected an issue's number or "owner/name#12", got ${JSON.stringify(one)}`)
    keys.push(key)
  }
  return outcome({ _tag: "Blocked", on: keys, reason })
}

/** Checks the tag first, so that the message is about it and not about every member of the union. */
const readTagged = <A>(schema: Schema.Codec<A, unknown>, tags: ReadonlyArray<string>, value: unknown, at: string) => {
  const tag = typeof value === "object" && value !== null && "_tag" in value ? value._tag : undefined
  return typeof tag === "string" && tags.includes(tag)
    ? decode(schema, value, at)
    : Result.fail(`field \`${at}._tag\`: expected one of ${tags.join(", ")}, got ${JSON.stringify(tag) ?? "nothing"}`)
}

const actionTags: ReadonlyArray<string> = Object.keys(Action.cases)
const outcomeTags: ReadonlyArray<string> = ReportedOutcome.members.map(({ fields }) => fields._tag.schema.literal)

const full = {
  action: Schema.Struct({ type: Schema.Literal("action"), action: Schema.Json, issue }),
  outcome: Schema.Struct({ type: Schema.Literal("outcome"), outcome: Schema.Json })
}

/** What an action's short form may leave out. */
const defaults: { readonly [tag: string]: object } = {
  open_issue: { body: "", labels: [] },
  close_issue: { reason: "completed" }
}

/** Every action's name is a type of its own, with the action's fields beside it. */
const shortAction =
  (tag: string): Read =>
  (value) => {
    const { issue: number, type: _, ...fields }: { readonly issue?: unknown; readonly type?: unknown } = { ...value }
    return Result.flatMap(decode(Schema.Struct({ issue }), number === undefined ? {} : { issue: number }), (about) =>
      Result.map(decode(Action, { ...defaults[tag], ...fields, _tag: tag }), (action) => actions(action, about.issue))
    )
  }

const types: { readonly [type: string]: Read } = {
  action: (value) =>
    Result.flatMap(decode(full.action, value), (line) =>
      Result.map(readTagged(Action, actionTags, line.action, "action"), (action) => actions(action, line.issue))
    ),
  outcome: (value, repository) =>
    Result.flatMap(decode(full.outcome, value), (line) =>
      Result.map(readTagged(ReportedOutcome, outcomeTags, line.outcome, "outcome"), (reported) =>
        reported._tag === "Blocked" ? blocked(reported.on, reported.reason, repository) : outcome(reported)
      )
    ),
  progress: reads(Schema.Struct({ type: Schema.Literal("progress"), text: Schema.String }), (line) => ({
    _tag: "Progress",
    text: line.text
  })),
  label: reads(
    Schema.Struct({
      type: Schema.Literal("label"),
      add: Schema.optionalKey(Names),
      remove: Schema.optionalKey(Names),
      issue
    }),
    (line) => {
      const add = line.add === undefined ? [] : [Action.cases.add_labels.make({ labels: line.add })]
      const remove = line.remove === undefined ? [] : [Action.cases.remove_labels.make({ labels: line.remove })]
      const [first, ...more] = [...add, ...remove]
      return first === undefined
        ? violation("field `add`: expected `add`, `remove` or both")
        : actions(first, line.issue, ...more)
    }
  ),
  done: reads(
    Schema.Struct({
      type: Schema.Literal("done"),
      summary: Schema.String,
      commits: Schema.optionalKey(Schema.Array(Schema.String)),
      pullRequest: Schema.optionalKey(ForgeNumber)
    }),
    (line) => {
      const { type: _, ...evidence } = line
      return outcome({ _tag: "Completed", evidence })
    }
  ),
  blocked: reads(
    Schema.Struct({ type: Schema.Literal("blocked"), on: Schema.Array(Blocker), reason: Schema.String }),
    (line, repository) => blocked(line.on, line.reason, repository)
  ),
  ask: reads(Schema.Struct({ type: Schema.Literal("ask"), question: Schema.NonEmptyString }), (line) =>
    outcome({ _tag: "NeedsInput", question: line.question })
  ),
  nothing: reads(Schema.Struct({ type: Schema.Literal("nothing"), reason: Schema.String }), (line) =>
    outcome({ _tag: "NoWorkNeeded", reason: line.reason })
  ),
  ...Object.fromEntries(actionTags.map((tag) => [tag, shortAction(tag)]))
}

/** Every `type` that a line may have. */
const lineTypes: ReadonlyArray<string> = Object.keys(types)

/** Whether one letter was left out, added or changed, or two were swapped. */
const isSlip = (written: string, meant: string): boolean => {
  let start = 0
  while (start < meant.length && written[start] === meant[start]) start++
  const [a, b] = [written.slice(start), meant.slice(start)]
  return (
    a.slice(1) === b ||
    a === b.slice(1) ||
    a.slice(1) === b.slice(1) ||
    (a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2))
  )
}

/** Other programs print `{"type":…}` lines of their own, so only what is nearly ours is taken for a mistake. */
const nearest = (type: string): string | undefined =>
  lineTypes.find((known) => known.toLowerCase() === type.toLowerCase() || (known.length > 4 && isSlip(type, known)))

const opening = /^\s*\{\s*"type"\s*:\s*"([^"\\]*)"/

/** Reads one line of a program's output. Repository is the agent's own, for issues that are named by number alone. */
export const readLine = (line: string, repository: string): Line => {
  if (!line.trimStart().startsWith("{")) return text
  const json = Result.try({
    try: (): unknown => JSON.parse(line),
    catch: (error) => (error instanceof Error ? error.message : "")
  })
  if (Result.isFailure(json)) {
    const type = opening.exec(line)?.[1]
    return type !== undefined && Object.hasOwn(types, type)
      ? violation(`a \`${type}\` line that is not one line of valid JSON (${json.failure})`)
      : text
  }
  const value = json.success
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") return text
  const read = Object.hasOwn(types, value.type) ? types[value.type] : undefined
  if (read === undefined) {
    const meant = nearest(value.type)
    return meant === undefined
      ? text
      : violation(`field \`type\`: "${value.type}" is unknown; "${meant}" is meant, it seems`)
  }
  return Result.getOrElse(read(value, repository), violation)
}

/** Whether a line that is cut off begins as one of ours. */
export const opensProtocol = (start: string): boolean => {
  const type = opening.exec(start)?.[1]
  return type !== undefined && Object.hasOwn(types, type)
}
