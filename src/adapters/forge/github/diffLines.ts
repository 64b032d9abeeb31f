/** Lines of a file, as it is after a change, on which GitHub takes a comment: those that its patch shows. */
export const diffLines = (patch: string): ReadonlySet<number> => {
  const lines = new Set<number>()
  let line = 0
  for (const text of patch.split("\n")) {
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(text)
    if (hunk !== null) line = Number(hunk[1])
    else if (text.startsWith("+") || text.startsWith(" ")) lines.add(line++)
  }
  return lines
}
