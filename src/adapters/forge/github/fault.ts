import { Schema } from "effect"
import { ForgeError } from "../../../domain/Errors.ts"

/** A request to GitHub that came to nothing, or whose answer cannot be used. */
export class GitHubFault extends Schema.TaggedError<GitHubFault>()("GitHubFault", {
  /** Method and path, such as `GET /repos/acme/app/issues/1`. */
  request: Schema.String,
  /** Null where there was no answer: whether GitHub did it is not known then. */
  status: Schema.NullOr(Schema.Int),
  reason: Schema.String,
  retryable: Schema.Boolean,
  /** Milliseconds, where GitHub or the budget says when to come again. */
  retryAfter: Schema.NullOr(Schema.Int)
}) {
  override get message() {
    return `${this.request}: ${this.reason}`
  }
}

/** As the port's callers see it. */
export const toForgeError = (fault: GitHubFault): ForgeError =>
  new ForgeError({ reason: fault.message, retryable: fault.retryable, retryAfter: fault.retryAfter })

/** What cannot be done for a reason that repeating it does not change. */
export const refused = (reason: string): ForgeError => new ForgeError({ reason, retryable: false, retryAfter: null })

/** GitHub says that it is not there, or was deleted. */
export const isMissing = (fault: GitHubFault): boolean => fault.status === 404 || fault.status === 410

/** One answer, whole; header names are in lower case. */
export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

/** GitHub asks for at least a minute where it does not say how long; in milliseconds. */
const aMinute = 60_000

/** What GitHub's clock says, or ours where the answer does not tell; milliseconds since 1970. */
export const serverTime = (headers: Answer["headers"], now: number): number => {
  const date = Date.parse(headers["date"] ?? "")
  return Number.isNaN(date) ? now : date
}

/** Milliseconds until a time in GitHub's header, which counts seconds since 1970 by GitHub's clock; at least a second. */
export const untilReset = (headers: Answer["headers"], now: number): number | null => {
  const reset = Number(headers["x-ratelimit-reset"])
  return Number.isFinite(reset) ? Math.max(1000, reset * 1000 - serverTime(headers, now)) : null
}

const retryAfterOf = (headers: Answer["headers"]): number | null => {
  const seconds = Number(headers["retry-after"])
  return Number.isFinite(seconds) && seconds >= 0 ? Math.max(1000, Math.ceil(seconds * 1000)) : null
}

/** A limit that an answer says was reached: `primary` for one resource until its reset, `secondary` for everything. */
export type Limited = { readonly kind: "primary" | "secondary"; readonly retryAfter: number }

export const limitOf = ({ headers, status, text }: Answer, now: number): Limited | null => {
  if (status !== 403 && status !== 429) return null
  const after = retryAfterOf(headers)
  if (after !== null) return { kind: "secondary", retryAfter: after }
  if (headers["x-ratelimit-remaining"] === "0") {
    return { kind: "primary", retryAfter: untilReset(headers, now) ?? aMinute }
  }
  return status === 429 || /secondary rate limit|abuse detection/i.test(text)
    ? { kind: "secondary", retryAfter: aMinute }
    : null
}

const Detail = Schema.Union([
  Schema.String,
  Schema.Struct({
    resource: Schema.optionalKey(Schema.String),
    field: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(Schema.String),
    message: Schema.optionalKey(Schema.String)
  })
])
const Body = Schema.Struct({
  message: Schema.String,
  errors: Schema.optionalKey(Schema.Union([Schema.Array(Detail), Schema.String]))
})
const decodeBody = Schema.decodeUnknownOption(Schema.fromJsonString(Body))

const detailText = (detail: typeof Detail.Type): string =>
  typeof detail === "string"
    ? detail
    : (detail.message ?? [detail.resource, detail.field, detail.code].filter((part) => part !== undefined).join(" "))

/** GitHub's own words in a refusal, or the beginning of whatever else came. */
const wordsOf = (text: string): string => {
  const body = decodeBody(text)
  if (body._tag === "None") return text.trim().slice(0, 200)
  const { errors = [], message } = body.value
  const details = typeof errors === "string" ? [errors] : errors.map(detailText)
  return [message, ...details.filter((detail) => detail !== "" && !message.includes(detail))].join("; ")
}

/** What to do about an answer that is no success. */
export const faultOf = (request: string, answer: Answer, now: number): GitHubFault => {
  const { headers, status } = answer
  const said = wordsOf(answer.text)
  const fault = (reason: string, retryable: boolean, retryAfter: number | null = null) =>
    new GitHubFault({ request, status, reason, retryable, retryAfter })
  const limited = limitOf(answer, now)
  if (limited !== null) return fault(`the ${limited.kind} rate limit is reached: ${said}`, true, limited.retryAfter)
  if (status >= 500) return fault(`GitHub answers ${status}: ${said}`, true, retryAfterOf(headers))
  if (status === 401) return fault(`GitHub does not accept the credentials (${said}); renew them`, false)
  if (status === 403) return fault(`not permitted: ${said}; give the token or the app this permission`, false)
  return fault(`GitHub answers ${status}: ${said}`, false)
}
