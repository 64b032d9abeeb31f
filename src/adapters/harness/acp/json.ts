/** What an agent sent, read without trust: every question has an answer, whatever is there. */

export type Json = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The value as an object; an empty one for anything else. */
export const objectOf = (value: unknown): Json => (isObject(value) ? value : {})

export const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** The value as a text; an empty one for anything else. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** A number that counts something: not negative, not fractional; null for anything else. */
export const countOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null

/** The text on one line, cut at `limit` characters. */
export const brief = (text: string, limit: number): string => {
  const line = text.replaceAll(/\s+/g, " ").trim()
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line
}
