import { DateTime } from "effect"
import { quoteFor } from "./quote.ts"
import { least, type Trust } from "./Trust.ts"

/** Somebody's text, with what is known of those who wrote it; times in milliseconds since 1970. */
export type Text = {
  /** What it is: "issue 7", "comment 12", "review 3 (approve)". */
  readonly what: string
  readonly author: string
  readonly trust: Trust
  /** Who changed it last; null where nobody did. */
  readonly editor: string | null
  /** Null where nobody changed it but its author. */
  readonly editorTrust: Trust | null
  readonly createdAt: number
  readonly editedAt: number | null
  readonly body: string
}

/** A text as a reader gets it: `shown` is null where it is withheld, and `why` says why. */
export type Readable = Text & { readonly shown: string | null; readonly why: string }

/** Who reads: a shielded reader is kept from strangers' words that nobody vouched for. */
export type Reader = { readonly shielded: boolean; readonly vouchedAt: number | null }

/** The text as this reader may read it. One that was changed nobody knows when counts as changed just now. Pure. */
export const readable = (text: Text, reader: Reader): Readable => {
  const trust = text.editorTrust === null ? text.trust : least(text.trust, text.editorTrust)
  const editedAt = text.editedAt ?? (text.editor === null ? null : Number.POSITIVE_INFINITY)
  const { shown, why } = quoteFor({ ...text, trust, editedAt }, reader)
  return { ...text, shown, why }
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

/** The longest beginning of the text that fits into so many bytes, whole characters only. */
const beginning = (text: string, bytes: number): string =>
  new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, Math.max(0, bytes)), { stream: true })

/** Puts a text into a fence that nothing in it can close. */
export const fence = (text: string): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const ticks = "`".repeat(longest + 1)
  return `${ticks}text\n${text}\n${ticks}`
}

const timeOf = (at: number): string => DateTime.formatIso(DateTime.makeUnsafe(at)).replace(".000Z", "Z")

/** Whose words they are, on a line of its own. */
const labelOf = ({ author, createdAt, editedAt, editor, editorTrust, trust, what }: Text): string => {
  const edited =
    editor === null
      ? ""
      : `, changed by ${JSON.stringify(editor)}${editorTrust === null ? "" : ` (${editorTrust})`}${editedAt === null ? "" : ` at ${timeOf(editedAt)}`}`
  return `${what}, by ${JSON.stringify(author)} (${trust}) at ${timeOf(createdAt)}${edited}`
}

/** The label and the text below it, in so many bytes at most. */
const written = (text: Readable, bytes: number): string => {
  const label = labelOf(text)
  if (text.shown === null) return `[${label}: withheld, since ${text.why}]`
  const whole = `${label}:\n${fence(text.shown)}`
  if (bytesOf(whole) <= bytes) return whole
  // its fence is no longer than that of the whole text
  const rest = bytes - (bytesOf(whole) - bytesOf(text.shown)) - 100
  const part = beginning(text.shown, rest)
  return `${label}, its first ${part.length} of ${text.shown.length} characters:\n${fence(part)}`
}

/**
 * The texts from number `from` on, each fenced under a line that says whose it is, as many as fit into `limit` bytes and
 * always one; where some are left, a last line says how to get them. Pure.
 */
export const discussion = (texts: ReadonlyArray<Readable>, from: number, limit: number): string => {
  const parts: Array<string> = []
  let room = limit - 200
  for (const [index, text] of texts.entries()) {
    if (index < from) continue
    const part = written(text, parts.length === 0 ? room : Number.POSITIVE_INFINITY)
    const size = bytesOf(part) + 2
    if (parts.length > 0 && size > room) {
      parts.push(`(${texts.length - index} more of ${texts.length} texts; call again with from: ${index})`)
      break
    }
    parts.push(part)
    room -= size
  }
  if (parts.length === 0 && texts.length > 0)
    parts.push(`(There are ${texts.length} texts; the last is ${texts.length - 1}.)`)
  return parts.join("\n\n")
}

/** The text in so many bytes at most; where it is cut, its end says so. */
export const bounded = (text: string, limit: number): string =>
  bytesOf(text) <= limit ? text : `${beginning(text, limit - 60)}\n… (cut at ${limit / 1024} KiB)`
