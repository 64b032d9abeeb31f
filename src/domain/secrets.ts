/** A line that holds a secret; never the secret itself. */
export type FoundSecret = { readonly file: string; readonly line: number; readonly kind: string }

/** What a change shows of secrets, and what it does not show at all. */
export type ScannedDiff = {
  readonly found: ReadonlyArray<FoundSecret>
  /** Files that git shows no lines of, and that are there after the change. */
  readonly binary: ReadonlyArray<string>
  /** Lines that the change takes away and that look like secrets: they were there before. */
  readonly taken: ReadonlyArray<string>
}

/** Shapes of well-known secrets. Each says enough by itself, so that ordinary code does not fit. */
const shapes: ReadonlyArray<readonly [kind: string, shape: RegExp]> = [
  ["a private key", /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/],
  ["a GitHub token", /(?<![A-Za-z0-9])(?:gh[opsur]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})/],
  ["a GitLab token", /(?<![A-Za-z0-9])glpat-[\w-]{20,255}/],
  ["an AWS access key", /(?<![A-Za-z0-9])(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}(?![A-Za-z0-9])/],
  ["a Google API key", /(?<![A-Za-z0-9])AIza[\w-]{35}(?![\w-])/],
  ["a Slack token", /(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{16,255}/],
  ["an npm token", /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/],
  ["a PyPI token", /(?<![A-Za-z0-9])pypi-[\w-]{50,255}/],
  ["an Anthropic key", /(?<![A-Za-z0-9])sk-ant-[\w-]{20,255}/],
  ["a Stripe key", /(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{20,255}/]
]

/** Keys that begin as CSS classes do, too: only what no person would name a class counts. */
const secretKey = /(?<![\w-])sk-(?:(?:proj|svcacct|admin|or-v1)-)?([A-Za-z0-9_-]{32,255})/g
/** `api_key = "…"`: only what looks random. */
const assignment =
  /(?:secret|token|passwd|password|api_?-?key|access_?-?key|private_?-?key)["'`]?\s{0,4}(?:[:=]|=>|:=)\s{0,4}["'`]([A-Za-z0-9+/_=-]{32,255})["'`]/gi

const isMixed = (text: string): boolean => /[A-Z]/.test(text) && /[a-z]/.test(text) && /\d/.test(text)

/** Shannon's entropy of the characters, in bits. */
const entropy = (text: string): number => {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/** What kind of secret is in the text, or null. `own` is the run's own token. */
export const secretIn = (text: string, own: string): string | null => {
  if (own !== "" && text.includes(own)) return "this run's own token"
  for (const [kind, shape] of shapes) if (shape.test(text)) return kind
  const looksRandom = (shape: RegExp, bits: number): boolean =>
    [...text.matchAll(shape)].some(([, value = ""]) => isMixed(value) && entropy(value) > bits)
  if (looksRandom(secretKey, 3.5)) return "an API key"
  return looksRandom(assignment, 4.2) ? "a value that looks like a secret" : null
}

const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 }

/** A path as git writes it: in quotes with escapes where it has unusual characters. */
const unquoted = (path: string): string => {
  const inner = /^"(.*)"$/s.exec(path)?.[1]
  if (inner === undefined) return path
  const bytes: Array<number> = []
  for (const [, octal, escaped, plain = ""] of inner.matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8))
    else if (escaped !== undefined) bytes.push(escapes[escaped] ?? 63)
    else bytes.push(...new TextEncoder().encode(plain))
  }
  return new TextDecoder().decode(Uint8Array.from(bytes))
}

/** The path in `a/path` or `b/path`. */
const pathOf = (name: string): string => unquoted(name.replace(/\t$/, "")).replace(/^[ab]\//, "")

/** The path that a line of git's gives to a file that is there after the change, or null where it gives none. */
const namedIn = (row: string, header: string): string | null => {
  const named = /^(?:\+\+\+|rename to|copy to) (.*)$/s.exec(row)?.[1]
  if (named !== undefined) return pathOf(named)
  // git shows no other line with the name of a new file that is empty
  if (!row.startsWith("new file mode ")) return null
  return pathOf(/^diff --git .* ("b\/.*"|b\/.*)$/s.exec(header)?.[1] ?? header)
}

/** The file that a line of git's about binary content is of, or null where it is gone after the change. */
const binaryOf = (line: string): string | null => {
  const names = /^Binary files (.*) differ$/s.exec(line)?.[1]
  if (names === undefined || names.endsWith(" and /dev/null")) return null
  const [, after = names] = /^.* and ("b\/.*"|b\/.*)$/s.exec(names) ?? []
  return pathOf(after)
}

/**
 * Looks through the lines that a unified diff of git adds, and through its file names. Lines in `known`, and those that
 * the same diff takes away elsewhere, were there before and are no finding. Pure.
 */
export const scanDiff = (diff: string, own: string, known: ReadonlySet<string> = new Set()): ScannedDiff => {
  const added: Array<FoundSecret & { readonly text: string }> = []
  const taken: Array<string> = []
  const binary: Array<string> = []
  let file = ""
  let header = ""
  let [before, after, line] = [0, 0, 0]
  for (const row of diff.split("\n")) {
    // inside of a hunk a line is content, whatever it looks like; the numbers in its head say how long it is
    if (before > 0 || after > 0) {
      const text = row.slice(1)
      if (row.startsWith("+")) {
        after--
        const kind = secretIn(text, own)
        if (kind !== null) added.push({ file, line, kind, text })
        line++
      } else if (row.startsWith("-")) {
        before--
        if (secretIn(text, own) !== null) taken.push(text)
      } else if (!row.startsWith("\\")) {
        before--
        after--
        line++
      }
      continue
    }
    const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(row)
    if (hunk !== null) {
      before = Number(hunk[1] ?? 1)
      line = Number(hunk[2])
      after = Number(hunk[3] ?? 1)
      continue
    }
    if (row.startsWith("+++ ")) file = pathOf(row.slice(4))
    const hidden = binaryOf(row)
    if (hidden !== null) binary.push(hidden)
    if (row.startsWith("diff --git ")) header = row
    // as it is: git writes unusual characters with digits, which would hide where a secret begins
    const path = namedIn(row, header) ?? hidden
    const named = path === null ? null : secretIn(path, own)
    if (named !== null) added.push({ file: "the name of a file", line: 0, kind: named, text: row })
  }
  const moved = new Set(taken)
  return {
    found: added
      .filter(({ text }) => !known.has(text) && !moved.has(text))
      .map(({ file, kind, line }) => ({ file, line, kind })),
    binary,
    taken
  }
}
