/** What a change of a ref brought, as its event tells it. */
import { Effect } from "effect"
import type { Detail } from "../../../domain/Event.ts"
import { type Git, parts, textOf } from "./git.ts"
import { branchOf, isAncestor, nothing, type RefChange } from "./refs.ts"

type Push = Extract<Detail, { readonly _tag: "push" }>
type Commit = Push["commits"][number]

/** The newest so many are told of. */
const mostCommits = 20

/** Paths that one event tells of, of all its commits. */
const mostPaths = 3_000

/** Characters of a message that are told of. */
const messageLength = 4_000

type Paths = { readonly added: Array<string>; readonly modified: Array<string>; readonly removed: Array<string> }

/** The paths of each commit, compared with its first parent. */
const pathsOf = Effect.fnUntraced(function* (git: Git, folder: string, commits: ReadonlyArray<string>) {
  const { stdout } = yield* git({
    folder,
    args: ["diff-tree", "--stdin", "--root", "-r", "-z", "--no-renames", "--name-status", "--diff-merges=first-parent"],
    input: commits.map((commit) => `${commit}\n`).join("")
  })
  const found = new Map<string, Paths>()
  let paths: Paths = { added: [], modified: [], removed: [] }
  let left = mostPaths
  const tokens = parts(stdout)
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] ?? ""
    const commit = /^[0-9a-f]{40}/.exec(token)?.[0]
    if (commit !== undefined) {
      paths = found.get(commit) ?? { added: [], modified: [], removed: [] }
      found.set(commit, paths)
      continue
    }
    const path = textOf(tokens[++i] ?? "")
    if (left-- <= 0) continue
    if (token === "A") paths.added.push(path)
    else if (token === "D") paths.removed.push(path)
    else paths.modified.push(path)
  }
  return found
})

const messagesOf = Effect.fnUntraced(function* (git: Git, folder: string, commits: ReadonlyArray<string>) {
  const { stdout } = yield* git({
    folder,
    args: ["log", "--no-walk=unsorted", "--stdin", "-z", "--format=%B", "--encoding=UTF-8"],
    input: commits.map((commit) => `${commit}\n`).join("")
  })
  return stdout.split("\0").map((message) => textOf(message).trimEnd().slice(0, messageLength))
})

const commitsOf = Effect.fnUntraced(function* (git: Git, folder: string, range: ReadonlyArray<string>) {
  const listed = yield* git({
    folder,
    args: ["rev-list", "--topo-order", `--max-count=${mostCommits}`, "--stdin"],
    input: range.map((revision) => `${revision}\n`).join("")
  })
  const ids = listed.stdout
    .split("\n")
    .filter((id) => id !== "")
    .toReversed()
  if (ids.length === 0) return []
  const paths = yield* pathsOf(git, folder, ids)
  const messages = yield* messagesOf(git, folder, ids)
  return ids.map((id, index): Commit => ({
    id,
    message: messages[index] ?? "",
    ...(paths.get(id) ?? { added: [], modified: [], removed: [] })
  }))
})

/** The change without its commits. */
export const bareOf = ({ from, ref, to }: RefChange): Push => ({
  _tag: "push",
  ref,
  before: from ?? nothing,
  after: to ?? nothing,
  forced: false,
  deleted: to === null,
  commits: []
})

/** `known` is where the default branch was before, null for nowhere: what it has is no news of a new branch. */
export const pushOf = Effect.fnUntraced(function* (git: Git, folder: string, change: RefChange, known: string | null) {
  const { from, ref, to } = change
  const push = bareOf(change)
  if (to === null) return push
  if (branchOf(ref) === null) return { ...push, forced: from !== null }
  const forced = from !== null && !(yield* isAncestor(git, folder, from, to))
  const besides = from ?? known
  const commits = yield* commitsOf(git, folder, besides === null ? [to] : [to, `^${besides}`])
  return { ...push, forced, commits }
})
