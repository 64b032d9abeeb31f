const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_.\s]/g, "")

/** Edits between two names; two neighbours that changed places count as one. */
const distance = (a: string, b: string): number => {
  let before: ReadonlyArray<number> = []
  let row: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      const swap =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : Infinity
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + change, swap))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}

/** The valid name that was most likely meant, or undefined where none is near: more than half of it would change. */
export const nearest = (name: string, valid: ReadonlyArray<string>): string | undefined => {
  const wanted = plain(name)
  const [best] = valid
    .map((candidate) => ({ candidate, edits: distance(wanted, plain(candidate)), length: plain(candidate).length }))
    .filter(({ edits, length }) => edits <= Math.max(wanted.length, length) / 2)
    .toSorted((a, b) => a.edits - b.edits)
  return best?.candidate
}

/** What to do about a name that is not valid, e.g. "Did you mean `port`? Valid keys: host, port." */
export const suggestion = (name: string, valid: ReadonlyArray<string>, kind: string): string => {
  const near = nearest(name, valid)
  return `${near === undefined ? "" : `Did you mean \`${near}\`? `}Valid ${kind}: ${valid.join(", ")}.`
}
