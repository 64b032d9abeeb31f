import { Result, Schema, SchemaAST, type SchemaIssue } from "effect"
import { ConfigInvalid } from "../../domain/Errors.ts"
import { suggestion } from "./nearest.ts"
import { fieldOf, valueAt, type YamlPath, type YamlSource } from "./YamlSource.ts"

/** What is wrong with a value and what to do about it. */
export interface Fault {
  readonly problem: string
  readonly remedy: string
}

type Leaf = { readonly path: YamlPath; readonly fault: Fault }

const optionsOf = (ast: SchemaAST.AST): ReadonlyArray<string> | null =>
  SchemaAST.isUnion(ast) && ast.types.every(SchemaAST.isLiteral)
    ? ast.types.flatMap((type) => (SchemaAST.isLiteral(type) ? [String(type.literal)] : []))
    : SchemaAST.isLiteral(ast)
      ? [String(ast.literal)]
      : null

/** The schema at a path, through arrays and the members of unions. */
const schemaAt = (ast: SchemaAST.AST, path: YamlPath): SchemaAST.AST | undefined => {
  const [key, ...rest] = path
  if (key === undefined) return ast
  if (SchemaAST.isObjects(ast)) {
    const property = ast.propertySignatures.find(({ name }) => name === key)
    return property === undefined ? undefined : schemaAt(property.type, rest)
  }
  if (SchemaAST.isArrays(ast)) {
    const item = ast.rest[0] ?? ast.elements[0]
    return item === undefined ? undefined : schemaAt(item, rest)
  }
  if (!SchemaAST.isUnion(ast)) return undefined
  for (const type of ast.types) {
    const found = schemaAt(type, path)
    if (found !== undefined) return found
  }
  return undefined
}

const keysOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  SchemaAST.isObjects(ast) ? ast.propertySignatures.map(({ name }) => String(name)) : []

const shown = (value: unknown): string => {
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

const exampleOf = (ast: SchemaAST.AST, path: YamlPath): string => {
  if (SchemaAST.isObjects(ast)) return `Valid keys: ${keysOf(ast).join(", ")}.`
  const value = SchemaAST.resolveAt<ReadonlyArray<unknown>>("examples")(ast)?.[0]
  if (value === undefined) return ""
  const text = typeof value === "string" ? value : JSON.stringify(value)
  const key = path.at(-1)
  return `For example: \`${typeof key === "string" ? `${key}: ` : "- "}${text}\`.`
}

/** A value of the wrong kind. A private one is not repeated: people put secrets where a name belongs. */
const wrongValue = (root: SchemaAST.AST, path: YamlPath, source: YamlSource): Fault => {
  const ast = schemaAt(root, path)
  const value = valueAt(source.value, path)
  const expected = (ast && SchemaAST.resolveAt<string>("expected")(ast)) ?? "another value"
  const example = ast === undefined ? "" : exampleOf(ast, path)
  if (value === null) return { problem: "this key has no value", remedy: example || "Give it one, or remove the key." }
  const isPrivate = ast !== undefined && SchemaAST.resolveAt<boolean>("private")(ast) === true
  const got = isPrivate && typeof value === "string" ? "" : `, got ${shown(value)}`
  return { problem: `expected ${expected}${got}`, remedy: example || "Correct it." }
}

/**
 * Decodes a file by its schema, which may hold no transformations; keys that it does not declare are refused.
 *
 * Fails with every problem, in the order of the lines. `explain` may say more about a value that is none of those
 * that are allowed.
 */
export const decodeSource = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  source: YamlSource,
  explain: (value: string) => Fault | undefined = () => undefined
): Result.Result<S["Type"], ReadonlyArray<ConfigInvalid>> => {
  const root = schema.ast
  const leavesOf = (issue: SchemaIssue.Issue, path: YamlPath): ReadonlyArray<Leaf> => {
    switch (issue._tag) {
      case "Pointer":
        return leavesOf(issue.issue, [...path, ...issue.path])
      case "Filter":
      case "Encoding":
        return leavesOf(issue.issue, path)
      case "Composite":
        return issue.issues.flatMap((inner) => leavesOf(inner, path))
      case "UnexpectedKey": {
        const key = String(path.at(-1))
        return [{ path, fault: { problem: "unknown key", remedy: suggestion(key, keysOf(issue.ast), "keys") } }]
      }
      case "MissingKey": {
        if (typeof path.at(-1) === "number")
          return [{ path: path.slice(0, -1), fault: wrongValue(root, path.slice(0, -1), source) }]
        const ast = schemaAt(root, path)
        const remedy = (ast && exampleOf(ast, path)) || "Add it."
        return [{ path, fault: { problem: "this key is missing", remedy } }]
      }
      case "AnyOf": {
        if (issue.issues.length > 0) return issue.issues.flatMap((inner) => leavesOf(inner, path))
        const options = optionsOf(issue.ast)
        const value = valueAt(source.value, path)
        if (options === null || typeof value !== "string") return [{ path, fault: wrongValue(root, path, source) }]
        const fault = explain(value) ?? {
          problem: `unknown value ${shown(value)}`,
          remedy: suggestion(value, options, "values")
        }
        return [{ path, fault }]
      }
      default:
        return [{ path, fault: wrongValue(root, path, source) }]
    }
  }
  return Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })(source.value).pipe(
    Result.mapError(({ issue }) =>
      leavesOf(issue, [])
        .map(({ path, fault }) => problemAt(source, path, fault))
        .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
    )
  )
}

/** A problem with what stands at this path. */
export const problemAt = (source: YamlSource, path: YamlPath, fault: Fault): ConfigInvalid =>
  new ConfigInvalid({ file: source.file, line: source.lineOf(path), field: fieldOf(path), ...fault })
