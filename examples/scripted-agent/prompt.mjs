// What prompts and Squadron's tools say: Squadron's own words, and what people wrote, in fences under a label.

// `issue 7, by "ada" (write) at 2026-01-31T12:00:00Z:` and a fence; or the same in brackets where it is withheld.
const label = String.raw`([^\n]+?), by ("(?:[^"\\\n]|\\.)*") \((\w+)\)`
const quotation = new RegExp(`^${label}[^\\n]*:\\n(\`{3,})text\\n([^]*?)\\n\\4$`, "gm")
const withheld = new RegExp(`^\\[${label}[^\\n]*: withheld, [^\\n]*\\]$`, "gm")

/** The quotations of a text, `{ what, author, trust, text }`, and all of it that is not quoted. */
export const readPrompt = (prompt) => {
  const quotes = []
  const own = prompt
    .replace(quotation, (_, what, author, trust, _fence, text) => {
      quotes.push({ what, author: JSON.parse(author), trust, text })
      return `(${what})`
    })
    .replace(withheld, (_, what) => `(${what}, withheld)`)
  return { quotes, own }
}

/** The last place where a pattern fits. */
const last = (text, pattern) => [...text.matchAll(pattern)].at(-1)

/** What a prompt tells of where the agent is; what it does not tell is undefined. */
export const placeIn = (own) => {
  const on = last(own, /, on ([\w.-]+\/[\w.-]+)#(\d+) \((issue|pull request)\)/g)
  const branch = last(own, /which starts from `([^`\n]+)`/g)
  const pull = last(own, /Your pull request is #(\d+)/g)
  const commits = last(own, /Its head is ([0-9a-f]{40}), its base (\S+) was at ([0-9a-f]{40})/g)
  const conflict = last(own, /conflicts with (\S+), which is at ([0-9a-f]{40})/g)
  const moved = last(own, /moved your branch to ([0-9a-f]{40})/g)
  const missing = last(own, /You reported completion, but ([^]*?)\. Do what is missing/g)
  return {
    ...(on === undefined ? {} : { repository: on[1], number: Number(on[2]) }),
    ...(branch === undefined ? {} : { baseBranch: branch[1] }),
    ...(pull === undefined ? {} : { pullRequest: Number(pull[1]) }),
    ...(commits === undefined ? {} : { head: commits[1], base: commits[3] }),
    ...(conflict === undefined ? {} : { conflictsWith: conflict[2] }),
    ...(moved === undefined ? {} : { movedTo: moved[1] }),
    ...(missing === undefined ? {} : { missing: missing[1] })
  }
}

/** Where a pull request is, as `read_subject` says. */
export const headIn = (own) => {
  const found = last(own, /^Head: ([0-9a-f]{40}) \(.*\)\. Base: ([0-9a-f]{40}) \(/gm)
  return found === undefined ? {} : { head: found[1], base: found[2] }
}

/** Whether `read_subject` says that the pull request is closed. */
export const isClosed = (own) => /^\S+#\d+, pull request, closed$/m.test(own)

/** The subject's own text among quotations: its title is the first line. */
export const subjectAmong = (quotes) => {
  const text = quotes.find(({ what }) => /^(?:issue|pull request)(?: \d+)?$/.test(what))?.text
  if (text === undefined) return undefined
  const [title = "", ...rest] = text.split("\n")
  return { title, body: rest.join("\n").trim() }
}

/** What people answered to the agent's question. */
export const answersAmong = (quotes) =>
  quotes.filter(({ what }) => what.startsWith("the answer to your question")).map(({ text }) => text)

/** What people said to the agent by name, or in comments. */
export const wordsAmong = (quotes) =>
  quotes.filter(({ what }) => / says to you on /.test(what) || /^comment \d+$/.test(what)).map(({ text }) => text)

/** Comments of reviews, line by line: `{ id, path, line, text }`. */
export const reviewCommentsAmong = (quotes) =>
  quotes.flatMap(({ what, text }) => {
    const found = /^review comment (\d+), (.+?)(?: line (\d+))?$/.exec(what)
    return found === null
      ? []
      : [{ id: Number(found[1]), path: found[2], line: found[3] === undefined ? null : Number(found[3]), text }]
  })

/** What reviews say as a whole, where they ask for changes: `{ id, text }`. */
export const reviewsAmong = (quotes) =>
  quotes.flatMap(({ what, text }) => {
    const found = /^review (\d+) \((?:changes_requested|request_changes)\)$/i.exec(what)
    return found === null ? [] : [{ id: Number(found[1]), text }]
  })
