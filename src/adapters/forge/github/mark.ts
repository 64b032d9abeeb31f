import { createHash } from "node:crypto"

/**
 * What says in a text of ours which action wrote it: an HTML comment at its end, which GitHub does not show. It counts
 * only in what our own account wrote; people's texts may contain what they like.
 */
export type Mark = {
  /** Of the action's key; nobody can tell the key from it. */
  readonly hash: string
  /** Whose words they are: an agent's id, or `squadron`. */
  readonly agent: string | null
  /** How many agents stand between it and what a person did. */
  readonly depth: number | null
  /** Of a review: whose it is and what it says. */
  readonly role: string | null
  readonly verdict: string | null
}

/** GitHub's limit for a text, in characters. */
export const maxBody = 65_536

/** Marks that stay in a text that several actions wrote. */
const keptMarks = 20

export const hashOf = (key: string): string => createHash("sha256").update(`squadron ${key}`).digest("hex").slice(0, 32)

export const markFor = (
  action: { readonly key: string; readonly agent: string | null; readonly depth?: number },
  review: { readonly role: string; readonly verdict: string } | null = null
): Mark => ({
  hash: hashOf(action.key),
  agent: action.agent ?? "squadron",
  depth: action.depth ?? null,
  role: review?.role ?? null,
  verdict: review?.verdict ?? null
})

// Two hyphens would end the comment early.
const encoded = (value: string): string => encodeURIComponent(value.toWellFormed()).replace(/-(?=-)|-$/g, "%2D")

const decoded = (value: string): string => {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

const textOf = ({ hash, ...values }: Mark): string => {
  const pairs = Object.entries(values).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${encoded(String(value))}`]
  )
  return `<!-- ${[`squadron:${hash}`, ...pairs].join(" ")} -->`
}

const one = String.raw`<!-- squadron:[0-9a-f]{32}(?: [a-z]+=[^\s<>]*)* -->`
const ending = new RegExp(String.raw`(?:(?:\r?\n){0,2}${one})+\s*$`)
const each = new RegExp(one, "g")

const read = (text: string): Mark => {
  const [name = "", ...pairs] = text.slice("<!-- ".length, -" -->".length).split(" ")
  const values = new Map(
    pairs.map((pair): [string, string] => {
      const at = pair.indexOf("=")
      return [pair.slice(0, at), decoded(pair.slice(at + 1))]
    })
  )
  return {
    hash: name.slice("squadron:".length),
    agent: values.get("agent") ?? null,
    depth: /^\d{1,4}$/.test(values.get("depth") ?? "") ? Number(values.get("depth")) : null,
    role: values.get("role") ?? null,
    verdict: values.get("verdict") ?? null
  }
}

/** The marks at the end of a text, oldest first. */
export const marksOf = (text: string): ReadonlyArray<Mark> => {
  const end = ending.exec(text)
  return end === null ? [] : [...end[0].matchAll(each)].map(([found]) => read(found))
}

/** The text as its author meant it. */
export const withoutMarks = (text: string): string => {
  const end = ending.exec(text)
  return end === null ? text : text.slice(0, end.index)
}

/** A text as its author may give it: what looks like a mark in it is shown as it stands, and is none. */
const harmless = (text: string): string => text.replace(/<!--(?=\s*squadron:)/gi, "&lt;!--")

/** A text with its marks, short enough for GitHub; what had to go is said at its end. */
export const withMarks = (text: string, marks: ReadonlyArray<Mark>, limit = maxBody): string => {
  const end = marks.slice(-keptMarks).map(textOf).join("\n")
  const safe = harmless(text)
  const whole = safe === "" ? end : `${safe}\n\n${end}`
  if (whole.length <= limit) return whole
  const said = (left: number) => `\n\n… (${left} characters more did not fit)\n\n${end}`
  const room = limit - said(safe.length).length
  return `${safe.slice(0, Math.max(0, room)).toWellFormed()}${said(safe.length - Math.max(0, room))}`
}
