import { Effect, Option, Schema } from "effect"
import { invalidAt } from "./errors.ts"
import { GitHubFault } from "./fault.ts"

const parse = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

// Ids of deliveries may be larger than a number can hold; such a one is read as text. Within texts quotes are escaped.
const ids = /("id"\s*:\s*)(\d{16,})(?=\s*[,}])/g
const exact = (whole: string, name: string, digits: string): string =>
  Number.isSafeInteger(Number(digits)) ? whole : `${name}"${digits}"`

const unusable = (request: string, reason: string) =>
  new GitHubFault({ request, status: null, reason, retryable: false, retryAfter: null })

/** Reads what GitHub answered; fails with the field that is missing or of another form. Fields that nobody reads are ignored. */
export const decodeAnswer = <A>(
  request: string,
  text: string,
  schema: Schema.ConstraintDecoder<A>
): Effect.Effect<A, GitHubFault> => {
  const parsed: Option.Option<unknown> = text === "" ? Option.some(null) : parse(text.replace(ids, exact))
  if (Option.isNone(parsed)) return Effect.fail(unusable(request, "the answer is no JSON"))
  return decodeValue(request, parsed.value, schema)
}

/** The same for a part of an answer. */
export const decodeValue = <A>(
  request: string,
  value: unknown,
  schema: Schema.ConstraintDecoder<A>
): Effect.Effect<A, GitHubFault> =>
  Effect.mapError(Schema.decodeUnknownEffect(schema)(value), ({ issue }) => {
    const { expected, path, problem } = invalidAt(request, value, issue)
    const where = path.replace(/^payload/, "answer")
    return unusable(request, `GitHub's ${where} ${problem}${problem === "is missing" ? "" : `; expected ${expected}`}`)
  })
