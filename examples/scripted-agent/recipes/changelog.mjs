import { CannotApply, needed } from "./recipe.mjs"

export const changelogFile = "CHANGELOG.md"

/** Adds an entry at the end of the list of what is unreleased; true where it was not there yet. */
export const addEntry = async (turn, entry) => {
  const text = needed(turn, changelogFile)
  if (text.includes(`- ${entry}\n`)) return false
  const lines = text.split("\n")
  const heading = lines.findIndex((line) => /^## +\[?unreleased\b/i.test(line))
  if (heading === -1) throw new CannotApply(`${changelogFile} has no heading "Unreleased"`)
  const next = lines.findIndex((line, index) => index > heading && line.startsWith("## "))
  const section = lines.slice(heading + 1, next === -1 ? lines.length : next)
  const last = section.findLastIndex((line) => line.trim() !== "")
  const at = heading + 1 + last + 1
  const added = last === -1 ? ["", `- ${entry}`, ...(section.length === 0 ? [""] : [])] : [`- ${entry}`]
  await turn.edit(changelogFile, [...lines.slice(0, at), ...added, ...lines.slice(at)].join("\n"))
  return true
}
