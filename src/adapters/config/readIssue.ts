import { Effect, FileSystem, Path, Result, Schema } from "effect"
import { ConfigInvalid } from "../../domain/Errors.ts"
import { ConfigProblems } from "./ConfigProblems.ts"
import { decodeSource } from "./decodeSource.ts"
import { Names } from "./quantities.ts"
import { parseYaml } from "./YamlSource.ts"

const FrontMatter = Schema.Struct({
  title: Schema.NonEmptyString.annotate({
    description: "The issue's title.",
    expected: "a text that is not empty",
    examples: ["Totals are off by a cent"]
  }),
  labels: Schema.optionalKey(Names.annotate({ description: "Its labels.", examples: [["bug"]] }))
}).annotate({ expected: "a map of keys" })

/** An issue as a file holds it. */
export type IssueFile = {
  /** The file's name without its folder. */
  readonly name: string
  readonly title: string
  readonly labels: ReadonlyArray<string>
  readonly body: string
}

const parse = (file: string, name: string, content: string): Result.Result<IssueFile, ReadonlyArray<ConfigInvalid>> => {
  const text = content.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n")
  const found = /^---[ \t]*\n([^]*?)\n---[ \t]*(?:\n|$)/.exec(text)
  if (found === null) {
    return Result.fail([
      new ConfigInvalid({
        file,
        line: 1,
        field: "",
        problem: "this issue has no front matter",
        remedy: "Begin it with three lines: `---`, `title: What is wanted`, `---`."
      })
    ])
  }
  return parseYaml(file, found[1] ?? "", 1).pipe(
    Result.flatMap((source) => decodeSource(FrontMatter, source)),
    Result.map(({ labels = [], title }) => ({ name, title, labels, body: text.slice(found[0].length).trim() }))
  )
}

/**
 * Reads the issues of a folder, one Markdown file each with `title` in its front matter, in the order of their names.
 *
 * Fails with every problem of every file.
 */
export const readIssues = Effect.fn("Config.readIssues")(function* (
  folder: string
): Effect.fn.Return<ReadonlyArray<IssueFile>, ConfigProblems, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const unreadable = (file: string) => (error: { readonly message: string }) =>
    new ConfigProblems({
      problems: [
        new ConfigInvalid({
          file,
          line: null,
          field: "",
          problem: `it cannot be read (${error.message})`,
          remedy: "Name a folder of Markdown files."
        })
      ]
    })
  const names = (yield* Effect.mapError(fs.readDirectory(folder), unreadable(folder)))
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .toSorted()
  const issues: Array<IssueFile> = []
  const problems: Array<ConfigInvalid> = []
  for (const name of names) {
    const file = path.join(folder, name)
    const issue = parse(file, name, yield* Effect.mapError(fs.readFileString(file), unreadable(file)))
    if (Result.isFailure(issue)) problems.push(...issue.failure)
    else issues.push(issue.success)
  }
  const [first, ...rest] = problems
  return first === undefined ? issues : yield* new ConfigProblems({ problems: [first, ...rest] })
})
