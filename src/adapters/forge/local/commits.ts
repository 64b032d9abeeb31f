/** Commits that the forge makes, without a working tree. */
import { Effect } from "effect"
import { GitFailed } from "../../git/runGit.ts"
import { bytesOf, type Git, parts, textOf } from "./git.ts"

/** Who and when, as git writes it. */
export type Ident = { readonly name: string; readonly email: string; readonly seconds: number }

/** Who makes the commits of the forge. */
export const committerAt = (seconds: number): Ident => ({
  name: "squadron",
  email: "squadron@squadron.invalid",
  seconds
})

/** A person or an agent of the forge as an author; git takes no brackets and no line ends in names. */
export const identOf = (login: string, seconds: number): Ident => {
  const name = login.replaceAll(/[<>\p{Cc}]/gu, "").trim() || "unknown"
  return { name, email: `${name.replaceAll(/[^\w.+-]+/g, "-")}@squadron.invalid`, seconds }
}

const identLine = ({ email, name, seconds }: Ident): string => bytesOf(`${name} <${email}> ${seconds} +0000`)

/** A commit's raw parts, as strings of bytes. */
export type RawCommit = {
  readonly tree: string
  readonly parents: ReadonlyArray<string>
  /** The rest of the line after `author`. */
  readonly author: string
  readonly encoding: string | null
  readonly message: string
}

export const readCommit = Effect.fnUntraced(function* (git: Git, folder: string, commit: string) {
  const { stdout } = yield* git({ folder, args: ["cat-file", "commit", commit] })
  const end = stdout.indexOf("\n\n")
  const lines = stdout.slice(0, end === -1 ? stdout.length : end).split("\n")
  const values = (key: string) =>
    lines.flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1)] : []))
  const raw: RawCommit = {
    tree: values("tree")[0] ?? "",
    parents: values("parent"),
    author: values("author")[0] ?? "",
    encoding: values("encoding")[0] ?? null,
    message: end === -1 ? "" : stdout.slice(end + 2)
  }
  return raw
})

/** Writes a commit and gives its id; the same parts have the same id. */
export const writeCommit = Effect.fnUntraced(function* (
  git: Git,
  folder: string,
  { author, encoding, message, parents, tree }: RawCommit,
  committer: Ident
) {
  const head = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    `author ${author}`,
    `committer ${identLine(committer)}`,
    ...(encoding === null ? [] : [`encoding ${encoding}`])
  ]
  const { stdout } = yield* git({
    folder,
    args: ["hash-object", "-t", "commit", "-w", "--stdin"],
    input: `${head.join("\n")}\n\n${message}`
  })
  return stdout.trim()
})

/** A message as git keeps it: its title in one line, then the rest; bytes. */
export const messageOf = (title: string, body: string): string => {
  const first = title.replaceAll(/\s+/g, " ").trim()
  const rest = body.replaceAll("\r\n", "\n").trim()
  return bytesOf(`${first}\n${rest === "" ? "" : `\n${rest}\n`}`)
}

export type Combined =
  | { readonly _tag: "Clean"; readonly tree: string }
  | { readonly _tag: "Conflicts"; readonly paths: ReadonlyArray<string> }
  /** The two have nothing in common. */
  | { readonly _tag: "Unrelated" }

/** What both come to together. Nothing of their content is run: no drivers, no filters, no hooks. */
export const combine = Effect.fnUntraced(function* (git: Git, folder: string, base: string, head: string) {
  const said = yield* git({
    folder,
    args: ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", base, head],
    accept: [1, 128],
    timeout: "50 seconds"
  })
  const [tree = "", ...paths] = parts(said.stdout)
  let combined: Combined = { _tag: "Unrelated" }
  if (said.code === 0) combined = { _tag: "Clean", tree }
  else if (said.code === 1) combined = { _tag: "Conflicts", paths: [...new Set(paths.map(textOf))] }
  else if (!/unrelated histories/.test(said.stderr)) {
    return yield* new GitFailed({ command: "merge-tree", code: said.code, said: said.stderr })
  }
  return combined
})

/** Commits of `head` that `base` does not have, oldest first; at most one more than `limit`, to tell that there are. */
export const commitsBetween = Effect.fnUntraced(function* (
  git: Git,
  folder: string,
  base: string,
  head: string,
  limit: number
) {
  const args = ["rev-list", "--topo-order", `--max-count=${limit + 1}`, head, `^${base}`, "--"] as const
  const { stdout } = yield* git({ folder, args })
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .toReversed()
})

/** The authors of commits that `head` has and `base` has not, each once, whose is the oldest first: `name <email>`. */
export const authorsBetween = Effect.fnUntraced(function* (git: Git, folder: string, base: string, head: string) {
  const { stdout } = yield* git({
    folder,
    args: [
      "log",
      "--no-merges",
      "--topo-order",
      "--reverse",
      "--format=%an <%ae>",
      "--encoding=UTF-8",
      `${base}..${head}`
    ]
  })
  return [...new Set(stdout.split("\n").filter((line) => line !== ""))]
})
