import { Result } from "effect"
import { isCollection, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml"
import { ConfigInvalid } from "../../domain/Errors.ts"

export type YamlPath = ReadonlyArray<PropertyKey>

/** A YAML text that was read, and where in its file each part of it stands. */
export interface YamlSource {
  readonly file: string
  /** An empty text is an empty map. */
  readonly value: unknown
  /** The line of the key or item at this path, else of the nearest part around it; null for the whole text. */
  lineOf(path: YamlPath): number | null
}

/** What stands at this path, or undefined. */
export const valueAt = (value: unknown, path: YamlPath): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined),
    value
  )

/** `on[0].labels`, as people write it. */
export const fieldOf = (path: YamlPath): string =>
  path.reduce<string>(
    (field, key) =>
      typeof key === "number" ? `${field}[${key}]` : field === "" ? String(key) : `${field}.${String(key)}`,
    ""
  )

const syntaxRemedy = "Check the indentation, and put a text that holds `: ` or ` #` in quotes."

/**
 * Reads one YAML document. `linesBefore` are the lines of the file that stand above the text.
 *
 * Fails with every syntax error, duplicate key and unknown tag.
 */
export const parseYaml = (
  file: string,
  text: string,
  linesBefore = 0
): Result.Result<YamlSource, ReadonlyArray<ConfigInvalid>> => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const lineAt = (offset: number): number => lines.linePos(offset).line + linesBefore
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    return Result.fail(
      faults.map(({ code, message, pos: [start] }) =>
        code === "DUPLICATE_KEY"
          ? new ConfigInvalid({
              file,
              line: lineAt(start),
              field: /^[^\s:]+/.exec(text.slice(start))?.[0] ?? "",
              problem: "this key is there twice",
              remedy: "Keep one of the two."
            })
          : new ConfigInvalid({
              file,
              line: lineAt(Math.min(start, text.trimEnd().length)),
              field: "",
              problem: `this is no valid YAML (${message.replace(/\.$/, "")})`,
              remedy: syntaxRemedy
            })
      )
    )
  }
  const offsetOf = (path: YamlPath): number | null => {
    let node: unknown = document.contents
    let offset: number | null = null
    for (const key of path) {
      if (!isCollection(node)) break
      if (isSeq(node) && typeof key === "number") node = node.items[key]
      else if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
        if (isNode(pair?.key)) offset = pair.key.range?.[0] ?? offset
        node = pair?.value
        continue
      } else break
      if (isNode(node)) offset = node.range?.[0] ?? offset
    }
    return offset
  }
  // Aliases that would grow without bound are refused only here.
  try {
    const value: unknown = document.toJS()
    return Result.succeed({
      file,
      value: value ?? {},
      lineOf: (path) => {
        const offset = offsetOf(path)
        return offset === null ? null : lineAt(offset)
      }
    })
  } catch (error) {
    const problem = `this YAML cannot be used (${error instanceof Error ? error.message : String(error)})`
    return Result.fail([
      new ConfigInvalid({ file, line: null, field: "", problem, remedy: "Write it without aliases." })
    ])
  }
}
