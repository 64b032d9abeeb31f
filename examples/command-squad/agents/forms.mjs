// What the form of an issue says: the project's templates, the fields that the author filled in, the boxes ticked.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** The kinds by the words that people use for them. */
const names = {
  bug: "bug",
  defect: "bug",
  feature: "feature",
  enhancement: "feature",
  feat: "feature",
  fix: "bug",
  doc: "docs",
  docs: "docs",
  documentation: "docs",
  question: "question",
  support: "question"
}
const levels = {
  critical: "high",
  blocker: "high",
  urgent: "high",
  high: "high",
  p0: "high",
  p1: "high",
  medium: "medium",
  normal: "medium",
  p2: "medium",
  low: "low",
  minor: "low",
  p3: "low",
  p4: "low"
}

/** The headings of a Markdown text, in lower case. */
export const headings = (text) =>
  [...text.matchAll(/^#{1,6}[ \t]+(.+)$/gm)].map(([, heading]) => heading.trim().toLowerCase())

/** The project's issue templates: their kind by their labels, their headings, and their own lines. */
export const templates = (folder) => {
  const place = join(folder, ".github", "ISSUE_TEMPLATE")
  let files = []
  try {
    files = readdirSync(place).filter((name) => name.endsWith(".md"))
  } catch {
    // A project without templates.
  }
  return files
    .map((name) => {
      const [, front = "", body = ""] =
        /^---\n([\s\S]*?)\n---\n?([\s\S]*)$/.exec(readFileSync(join(place, name), "utf8")) ?? []
      const labels =
        /^labels:(.*)$/m
          .exec(front)?.[1]
          ?.toLowerCase()
          .match(/[\w-]+/g) ?? []
      return {
        kind: labels.map((label) => names[label]).find(Boolean),
        headings: headings(body),
        lines: new Set(
          body
            .split("\n")
            .map((line) => line.trim())
            .filter(Boolean)
        )
      }
    })
    .filter((template) => template.headings.length > 0)
}

/** What the author filled in or ticked: `### Type` and a line below it, `Type: bug`, `- [x] Bug report`. */
export const stated = (title, body) => {
  const field = (label) =>
    new RegExp(
      `^(?:#{1,6}[ \\t]*)?(?:\\*\\*)?(?:${label})\\b[^\\n:]{0,30}(?::|\\n)(?:\\*\\*)?\\s*\\[?([a-z]+\\d?)`,
      "im"
    )
      .exec(body)?.[1]
      ?.toLowerCase()
  const prefix = /^\s*[[(]?([a-z]+)(?:[\])]|(?:\([^)]*\))?!?:)/i.exec(title)?.[1]?.toLowerCase()
  const ticked = [...body.matchAll(/^[ \t]*[-*] \[[xX]\] (\w+)/gm)].map(([, word]) => word.toLowerCase())
  const own = (table, word) => (word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined)
  return {
    kind:
      own(names, field("type|kind|category")) ??
      own(
        names,
        ticked.find((word) => own(names, word))
      ) ??
      own(names, prefix),
    priority: own(levels, field("priority|severity|impact"))
  }
}
