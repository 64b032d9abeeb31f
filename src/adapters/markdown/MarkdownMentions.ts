import { Layer } from "effect"
import { fromMarkdown } from "mdast-util-from-markdown"
import type { Mention } from "../../domain/Mention.ts"
import { Mentions } from "../../services/Mentions.ts"

type Root = ReturnType<typeof fromMarkdown>
type Node = Root | Root["children"][number]

/** Stands for every character that a reader sees but that cannot address anybody: code, quotes, addresses of links. */
const mute = "\u0000"

/** The text as a reader sees it, and the same text with everything muted that cannot address anybody. */
interface Flat {
  plain: string
  audible: string
  /** Where text nodes begin: a name that crosses one was not written as a name. */
  readonly seams: Set<number>
}

const bareUrl = /\b[a-z][a-z0-9+.-]*:\/\/\S+/gi
const masked = (text: string): string => text.replaceAll(/[^\n]/g, mute)

const append = (flat: Flat, plain: string, audible: string): void => {
  flat.seams.add(flat.plain.length)
  flat.plain += plain
  flat.audible += audible
}

/** Starts a new block: after a blank line, or after a line end within lists. */
const separate = (flat: Flat, ends: string): void => {
  if (flat.plain !== "" && !flat.plain.endsWith(ends)) append(flat, ends, ends)
}

const flatten = (markdown: string, nodes: ReadonlyArray<Node>): Flat => {
  const flat: Flat = { plain: "", audible: "", seams: new Set() }
  const muted = (text: string): void => append(flat, text, masked(text))
  const visitAll = (children: ReadonlyArray<Node>, ends: string): void =>
    children.forEach((child) => {
      separate(flat, ends)
      visit(child)
    })
  const visit = (node: Node): void => {
    switch (node.type) {
      case "text":
        return append(flat, node.value, node.value.replaceAll(bareUrl, masked))
      case "break":
        return append(flat, "\n", "\n")
      case "code":
      case "inlineCode":
        return muted(node.value)
      case "image":
      case "imageReference":
        return muted(node.alt ?? "")
      case "blockquote":
        return muted(flatten(markdown, node.children).plain.replaceAll(/^/gm, "> "))
      case "link":
        // An autolink's text is its address.
        return markdown[node.position?.start.offset ?? -1] === "<" ? muted(textOf(node)) : visitAll(node.children, "")
      case "list":
        return node.children.forEach((item, index) => {
          separate(flat, "\n")
          muted(node.ordered === true ? `${(node.start ?? 1) + index}. ` : "- ")
          item.children.forEach((child, at) => {
            if (at > 0) separate(flat, "\n")
            visit(child)
          })
        })
      case "root":
        return visitAll(node.children, "\n\n")
      case "html":
      case "definition":
      case "thematicBreak":
        return
      default:
        return "children" in node ? visitAll(node.children, "") : undefined
    }
  }
  visitAll(nodes, "\n\n")
  return flat
}

const textOf = (node: Node): string =>
  "value" in node ? node.value : "children" in node ? node.children.map(textOf).join("") : ""

const escaped = (name: string): string => name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

const find = (markdown: string, name: string): ReadonlyArray<Mention> => {
  if (name === "" || !markdown.toLowerCase().includes(`@${name.toLowerCase()}`)) return []
  const { plain, audible, seams } = flatten(markdown, [fromMarkdown(markdown)])
  // Not within a longer name, an e-mail address, a path or a team: foo@name, @name-dev, @name.org, @name/team.
  const address = new RegExp(
    `(?<![\\p{L}\\p{N}_@/.+-])@${escaped(name)}(?![\\p{L}\\p{N}_@/-]|[.'’][\\p{L}\\p{N}])[:,]?`,
    "giu"
  )
  const found = [...audible.matchAll(address)].filter(({ index }) => {
    for (let at = index + 1; at <= index + name.length; at++) if (seams.has(at)) return false
    return true
  })
  return found.map((match, index) => {
    const start = match.index + match[0].length
    const end = found[index + 1]?.index ?? plain.length
    // A word ends at a space, a colon or punctuation; `src/index.ts`, `don't` and `https://` hold none.
    const word = /^[ \t]*\n?[ \t]*([a-z][a-z0-9-]*)(?![\p{L}\p{N}_]|[^\s:,;!?)][\p{L}\p{N}_]|:\/\/)(:?)/iu.exec(
      audible.slice(start, end)
    )
    return {
      word: word?.[1]?.toLowerCase() ?? "",
      colon: word?.[2] === ":",
      text: plain
        .slice(start + (word?.[0].length ?? 0), end)
        .replace(/^[\s,]+/, "")
        .trimEnd()
    }
  })
}

/** Reads CommonMark; stateless. */
export const layer: Layer.Layer<Mentions> = Layer.succeed(Mentions, Mentions.of({ find }))
