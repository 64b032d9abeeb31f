import { join } from "node:path"
import { Effect } from "effect"
import { entriesOf } from "./entries.ts"
import type { GitFailed } from "../git/runGit.ts"
import { bytesOf, parts, textOf } from "./git.ts"
import { bytesPath, list, type Looking, type OutsideGit } from "./outsideGit.ts"

const nestingLimit = 40

/** Git takes no path with such a part, wherever it comes from; it is where repositories have their own things. */
const isGitsOwn = (path: string): boolean => path.split("/").some((part) => part.toLowerCase() === ".git")

/** All files below a folder, whose name git cannot be told. */
const everything = (clone: string, prefix: string): ReadonlyArray<string> =>
  entriesOf(bytesPath(clone, prefix.slice(0, -1))).flatMap((entry) => {
    const path = `${prefix}${entry.name}`
    if (isGitsOwn(path)) return []
    if (entry.isDirectory()) return everything(clone, `${path}/`)
    return entry.isFile() || entry.isSymbolicLink() ? [path] : []
  })

type Found = { readonly plain: ReadonlyArray<string>; readonly nested: ReadonlyArray<string> }

/** What is in a nested repository counts as ignored also where the outer one says so. */
const notIgnored = Effect.fnUntraced(function* (git: OutsideGit, paths: ReadonlyArray<string>) {
  if (paths.length === 0) return paths
  // A name that begins with a colon would mean something else.
  const input = list(paths.map((path) => `./${path}`))
  const { stdout } = yield* git(["check-ignore", "-z", "--stdin"], { input, accept: [1] })
  const ignored = new Set(parts(stdout))
  return paths.filter((path) => !ignored.has(`./${path}`))
})

/** Untracked files that are not ignored; those of nested repositories as plain files. */
export const untracked = (
  git: OutsideGit,
  { clone, outside }: Looking,
  unreadable: Set<string>
): Effect.Effect<ReadonlyArray<string>, GitFailed> => {
  const look = (prefix: string, depth: number): Effect.Effect<Found, GitFailed> =>
    Effect.gen(function* () {
      const text = textOf(prefix)
      if (depth > nestingLimit || bytesOf(text) !== prefix) return { plain: [], nested: everything(clone, prefix) }
      // A nested repository is looked at as a tree of its own, of which nothing is known.
      const where = prefix === "" ? {} : { worktree: join(clone, text), index: join(outside, "none") }
      const said = yield* git(["ls-files", "-z", "--others", "--exclude-standard"], where)
      for (const line of said.stderr.split("\n")) {
        if (/could not open directory|cannot|denied/i.test(line)) unreadable.add(line.replace(/^warning: /, ""))
      }
      const plain: Array<string> = []
      const nested: Array<string> = []
      for (const path of parts(said.stdout)) {
        const full = `${prefix}${path}`
        if (isGitsOwn(full)) continue
        if (!path.endsWith("/")) plain.push(full)
        else {
          const inner = yield* look(full, depth + 1)
          for (const all of [inner.plain, inner.nested]) for (const one of all) nested.push(one)
        }
      }
      return { plain, nested }
    })
  return Effect.flatMap(look("", 0), ({ nested, plain }) =>
    Effect.map(notIgnored(git, nested), (some) => [...plain, ...some])
  )
}
