import { Schema, SchemaIssue } from "effect"

/** A delivery of a known kind lacks a field that Squadron needs, or has it in another form; nothing was stored. */
export class PayloadInvalid extends Schema.TaggedError<PayloadInvalid>()(
  "PayloadInvalid",
  {
    /** GitHub's name of it, such as `issues.opened`. */
    event: Schema.String,
    /** The field, such as `payload.issue.number`. */
    path: Schema.String,
    /** What is there instead, such as `is missing`. */
    problem: Schema.String,
    expected: Schema.String
  },
  { httpApiStatus: 422 }
) {
  override get message() {
    return `${this.event}: ${this.path} ${this.problem}; expected ${this.expected}`
  }
}

const pathText = (path: ReadonlyArray<PropertyKey>): string =>
  path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}.${String(key)}`),
    "payload"
  )

const valueAt = (payload: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    payload
  )

/** What a value is, as the second half of a sentence. */
export const problemOf = (value: unknown): string => {
  if (value === undefined) return "is missing"
  if (value === null) return "is null"
  if (Array.isArray(value)) return "is a list"
  if (typeof value === "object") return "is an object"
  return typeof value === "string" && value.length > 40 ? "is a long string" : `is ${JSON.stringify(value)}`
}

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** The first thing that is wrong with a payload, from the schema's own report. */
export const invalidAt = (event: string, payload: unknown, issue: SchemaIssue.Issue): PayloadInvalid => {
  const first = issuesOf(issue).issues[0]
  const path = (first?.path ?? []).map((part) => (typeof part === "object" ? part.key : part))
  return new PayloadInvalid({
    event,
    path: pathText(path),
    problem: problemOf(valueAt(payload, path)),
    expected: (first?.message ?? "").replace(/^Expected /, "")
  })
}
