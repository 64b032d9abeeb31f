// What recipes are made of. A recipe is `{ name, about, matches(issue), apply(turn, { failed }) }`; `apply` edits the
// workspace and gives `{ title, changed, entry, fixes }`: what to call the change, what was changed and why, its line
// for the changelog, and the names of the failing tests that must pass afterwards.

/** The recipe does not fit what it found; the message is for a person. */
export class CannotApply extends Error {}

/** Nothing is to be done; the message says why. */
export class NothingToDo extends Error {}

/** The text of a file that the recipe cannot do without. */
export const needed = (turn, path) => {
  try {
    return turn.read(path)
  } catch {
    throw new CannotApply(`there is no file ${path}`)
  }
}

/** Puts `by` in the place of `find`, which must be there once; a file in which that was done before stays as it is. */
export const replace = async (turn, path, find, by) => {
  const text = needed(turn, path)
  if (text.includes(by)) return
  const [before, after, ...more] = text.split(find)
  if (after === undefined) throw new CannotApply(`${path} has no ${JSON.stringify(find)}`)
  if (more.length > 0) throw new CannotApply(`${path} has ${JSON.stringify(find)} more than once`)
  await turn.edit(path, `${before}${by}${after}`)
}

/** Adds lines at the end of a file, unless they are there. */
export const append = async (turn, path, lines) => {
  const text = needed(turn, path)
  if (!text.includes(lines.trim())) await turn.edit(path, `${text.trimEnd()}\n\n${lines.trim()}\n`)
}
