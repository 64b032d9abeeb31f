/** One address in a text: `@squadron word: rest`. */
export interface Mention {
  /** The first word after the name, in lower case; empty where there is none. */
  readonly word: string
  /** Whether a colon follows the word at once. */
  readonly colon: boolean
  /** What follows, up to the next address or the end of the text. */
  readonly text: string
}

/** What a mention asks for. */
export type Command =
  | { readonly _tag: "Help" }
  | { readonly _tag: "Address"; readonly role: string; readonly text: string }
  | { readonly _tag: "Unknown"; readonly word: string }

/**
 * Reads a mention against the roles that are live now. A word that is no role counts as a mistake only with a
 * colon; without one it is prose, which says nothing to us.
 */
export const commandOf = (mention: Mention, roles: ReadonlyArray<string>): Command | null => {
  if (roles.includes(mention.word)) return { _tag: "Address", role: mention.word, text: mention.text }
  if (mention.word === "help") return { _tag: "Help" }
  return mention.colon && mention.word !== "" ? { _tag: "Unknown", word: mention.word } : null
}
