const keyword = /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+(?:([\w.-]+\/[\w.-]+)?#|GH-)([1-9]\d*)\b/gi

/** What stands in code is an example, and not meant. */
const withoutCode = (text: string): string =>
  text.replaceAll(/^(?: {0,3})(`{3,}|~{3,})[^]*?(?:^ {0,3}\1|$(?![^]))/gm, "").replaceAll(/`[^`\n]*`/g, "")

/** The issues of the repository that the text says are closed by what it describes, as on GitHub: `fixes #12`. Pure. */
export const closedBy = (text: string, repository: string): ReadonlyArray<number> => {
  const numbers = [...withoutCode(text).matchAll(keyword)].flatMap(([, other, number]) =>
    other === undefined || other.toLowerCase() === repository.toLowerCase() ? [Number(number)] : []
  )
  return [...new Set(numbers)]
}
