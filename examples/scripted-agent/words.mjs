// What the script says of itself, wherever it speaks.

/** The beginning of every turn. */
export const honest = (part) =>
  `This is a script and no model: the part \`${part}\` of examples/scripted-agent. It follows fixed recipes, and says so where they end.`

/** The end of everything that it writes into the forge. */
export const signature = "_Written by a script, examples/scripted-agent. No model had a part in it._"

/** A text for the forge. */
export const signed = (...paragraphs) => [...paragraphs, signature].join("\n\n")

/** Somebody's words as one line of inline code that nothing in them can break out of, mentions included. */
export const code = (text, max = 200) => {
  const line =
    text
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, max)
      .replace(/@(?=\w)/g, "@\u200b") || "(empty)"
  const ticks = "`".repeat(Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length)) + 1)
  return line.includes("`") ? `${ticks} ${line} ${ticks}` : `${ticks}${line}${ticks}`
}

/** `1 test fails`, `3 tests fail`. */
export const counted = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`
