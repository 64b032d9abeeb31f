import { Duration, Schema } from "effect"
import { parseRule } from "../sandbox/hostRules.ts"

const units = {
  ms: "millis",
  s: "seconds",
  m: "minutes",
  h: "hours",
  d: "days"
} as const

type Unit = "millis" | "seconds" | "minutes" | "hours" | "days" | "weeks"

// The second half is what Effect itself reads.
const durationParts = /^(\d{1,9}(?:\.\d+)?)\s*(ms|s|m|h|d|(?:milli|second|minute|hour|day|week)s?)$/u
/** JSON Schemas keep a pattern only where it has the flag u. */
const duration = (pattern: RegExp, what: string) =>
  Schema.String.check(Schema.isPattern(pattern)).annotate({ expected: what, examples: ["30s"] })

/** A length of time above 0, e.g. `10s`, `5m`, `2h` or `90 seconds`. */
export const DurationText = duration(
  /^(?=[\d.]*[1-9])\d{1,9}(?:\.\d+)?\s*(?:ms|s|m|h|d|(?:milli|second|minute|hour|day|week)s?)$/u,
  "a length of time such as 10s, 5m or 2h"
)

/** A length of time that may be 0. */
export const DurationOrZero = duration(durationParts, "a length of time such as 10s, 5m or 0s")

/** What stands for no end. */
export const forever = "forever"

/** A length of time above 0, or `forever`. */
export const DurationOrForever = duration(
  /^(?:forever|(?=[\d.]*[1-9])\d{1,9}(?:\.\d+)?\s*(?:ms|s|m|h|d|(?:milli|second|minute|hour|day|week)s?))$/u,
  "a length of time such as 30d, or forever"
)

/** Milliseconds of a `DurationText`, at least 1 unless it is 0; total on texts that the schema allows. */
export const millisOf = (text: string): number => {
  const [, amount = "0", unit = "ms"] = durationParts.exec(text) ?? []
  const name = unit in units ? units[unit as keyof typeof units] : (`${unit.replace(/s$/, "")}s` as Unit)
  const millis = Duration.toMillis(Duration.fromInputUnsafe(`${Number(amount)} ${name}`))
  return millis === 0 ? 0 : Math.max(1, Math.round(millis))
}

const sizeParts = /^(\d{1,9})\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$/
const bytes: { readonly [unit: string]: number } = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30
}

/** A whole number above 0. */
export const Count = Schema.Int.check(Schema.isGreaterThan(0)).annotate({ expected: "a whole number above 0" })

/** A whole number that may be 0. */
export const CountOrZero = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
  expected: "a whole number, 0 or more"
})

/** An amount of memory above 0: bytes, or a text such as `512KiB` or `4MiB`. */
export const SizeText = Schema.Union([
  Count,
  Schema.String.check(Schema.isPattern(/^(?=\d*[1-9])\d{1,9}\s*(?:B|kB|KB|MB|GB|KiB|MiB|GiB)$/u)).annotate({
    expected: "a size such as 512KiB or 4MiB",
    examples: ["4MiB"]
  })
]).annotate({ expected: "a size such as 512KiB or 4MiB" })

/** Bytes of a `SizeText`. */
export const bytesOf = (size: number | string): number => {
  if (typeof size === "number") return size
  const [, amount = "0", unit = "B"] = sizeParts.exec(size) ?? []
  return Number(amount) * (bytes[unit] ?? 1)
}

/** The name of an environment variable. Its value never stands in a file. */
export const VariableName = Schema.String.check(Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/u)).annotate({
  expected: "the name of an environment variable, not its value",
  private: true
})

/** A host that the sandbox lets through. */
const Host = Schema.String.check(Schema.makeFilter((text) => parseRule(text) !== undefined)).annotate({
  expected: "a host as name, name:port, *.suffix or *.suffix:port"
})

/** A list of hosts, described, with the one that is its example. */
export const hostList = (description: string, example: string) =>
  Schema.Array(Host.annotate({ examples: [example] })).annotate({
    description,
    expected: "a list of hosts",
    examples: [[example]]
  })

/** A list of names. */
export const Names = Schema.Array(Schema.NonEmptyString.annotate({ expected: "a text that is not empty" })).annotate({
  expected: "a list of texts"
})
