import { accessSync, constants, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { entriesOf } from "./entries.ts"
import { bytesOf, durable, type Git, type GitFailed, parts, textOf } from "./git.ts"

/** `unreadable` are files that are there and are not in the tree, by name or by what git says of them. */
export type FileTree = { readonly tree: string; readonly unreadable: ReadonlyArray<string> }

/** Whether a sparse checkout of these folders has the path; git's cone mode. */
export const isChecked = (path: string, folders: ReadonlyArray<string>): boolean => {
  const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ""
  return (
    folders.length === 0 ||
    folder === "" ||
    folders.some(
      (checked) => folder === checked || folder.startsWith(`${checked}/`) || checked.startsWith(`${folder}/`)
    )
  )
}

/** Tracked paths that are another repository's, with files of their own. */
const filledLinks = Effect.fnUntraced(function* (git: OutsideGit, { clone, links }: Looking, head: string) {
  if (!links.has(head)) {
    const { stdout } = yield* git(["ls-tree", "-r", "-z", "--full-tree", head])
    const tracked = parts(stdout).filter((line) => line.startsWith("160000 "))
    if (links.size > 1000) links.clear()
    links.set(
      head,
      tracked.map((line) => line.slice(line.indexOf("\t") + 1))
    )
  }
  return (links.get(head) ?? []).filter((path) => {
    try {
      const folder = bytesPath(clone, path)
      return lstatSync(folder).isDirectory() && readdirSync(folder).length > 0
    } catch {
      return false
    }
  })
})

/** Tracked files that are not as they were, without what a sparse checkout leaves out. */
const changes = Effect.fnUntraced(function* (git: OutsideGit, sparse: ReadonlyArray<string>) {
  // Without this, git would run itself in nested repositories, by their settings.
  const { stdout } = yield* git(["diff-files", "-z", "--name-status", "--no-renames", "--ignore-submodules=all"])
  const fields = parts(stdout)
  const gone: Array<string> = []
  const changed: Array<string> = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const path = fields[i + 1] ?? ""
    if (fields[i] !== "D") changed.push(path)
    else if (isChecked(path, sparse)) gone.push(path)
  }
  return { gone, changed }
})

const isReadable = (clone: string, path: string): boolean => {
  const file = bytesPath(clone, path)
  const stat = lstatSync(file, { throwIfNoEntry: false })
  // A file that has gone is git's to notice; of a pipe or a device there is nothing to keep.
  if (stat === undefined || stat.isSymbolicLink() || stat.isDirectory()) return true
  if (!stat.isFile()) return false
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** Git takes all or nothing, so what it cannot read is left out at the second try. */
const add = Effect.fnUntraced(function* (
  git: OutsideGit,
  clone: string,
  paths: ReadonlyArray<string>,
  unreadable: Set<string>
) {
  const update = (some: ReadonlyArray<string>) =>
    git(["update-index", "-z", "--add", "--remove", "--replace", "--stdin"], { input: list(some) })
  if (paths.length === 0) return
  yield* update(paths).pipe(
    Effect.catch((error) =>
      Effect.gen(function* () {
        const readable = paths.filter((path) => isReadable(clone, path))
        if (readable.length === paths.length) return yield* error
        for (const path of paths) {
          const isFile = lstatSync(bytesPath(clone, path), { throwIfNoEntry: false })?.isFile() === true
          if (isFile && !isReadable(clone, path)) unreadable.add(path)
        }
        if (readable.length > 0) yield* update(readable)
      })
    )
  )
})

/**
 * Puts the clone's files as they are into the mirror, as a tree: all tracked ones, and untracked ones that are not
 * ignored. `head` is what is tracked, in the mirror; null where that is unknown. Contents pass through git alone.
 */
export const fileTree = Effect.fnUntraced(function* (looking: Looking, head: string | null) {
  const git = outsideGit(looking)
  const { clone, sparse } = looking
  const unreadable = new Set<string>()
  const reset = (tree: ReadonlyArray<string>) => git(["read-tree", ...tree])
  // Nobody but a git that was killed holds it.
  rmSync(`${looking.index}.lock`, { force: true })
  const start = head === null ? ["--empty"] : ["--reset", head]
  // An index that a crash cut off is only a way to be quick.
  yield* Effect.catch(reset(start), () => Effect.andThen(reset(["--empty"]), reset(start)))
  const links = head === null ? [] : yield* filledLinks(git, looking, head)
  if (links.length > 0) yield* git(["update-index", "-z", "--force-remove", "--stdin"], { input: list(links) })
  const [{ changed, gone }, others] = yield* Effect.all([changes(git, sparse), untracked(git, looking, unreadable)], {
    concurrency: 2
  })
  if (gone.length > 0) yield* git(["update-index", "-z", "--force-remove", "--stdin"], { input: list(gone) })
  yield* add(git, clone, [...changed, ...others], unreadable)
  const { stdout } = yield* git(["write-tree"])
  return { tree: stdout.trim(), unreadable: [...unreadable] } satisfies FileTree
})
