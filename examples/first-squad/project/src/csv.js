/** Reads comma-separated lines; the first one names the fields. Fields may be quoted, with "" for a quote inside. */
export const parseCsv = (text) => {
  const [header, ...rows] = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .map(parseLine)
  if (header === undefined) return []
  return rows.map((row, index) => {
    if (row.length !== header.length) {
      throw new SyntaxError(`line ${index + 2} has ${row.length} fields, the first line has ${header.length}`)
    }
    return Object.fromEntries(header.map((name, column) => [name, row[column]]))
  })
}

// TODO: let a quoted field hold a line break
const parseLine = (line) => {
  const fields = []
  let field = ""
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const sign = line[i]
    if (quoted && sign === '"' && line[i + 1] === '"') {
      field += '"'
      i += 1
    } else if (sign === '"') quoted = !quoted
    else if (sign === "," && !quoted) {
      fields.push(field)
      field = ""
    } else field += sign
  }
  if (quoted) throw new SyntaxError(`a quote has no end: ${line}`)
  return [...fields, field]
}
