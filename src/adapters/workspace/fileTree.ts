import { accessSync, constants } from "node:fs"
import { rm } from "node:fs/promises"
import { Effect } from "effect"
import { entriesOf, isFolder, statOf } from "./entries.ts"
import { parts } from "./git.ts"
import { bytesPath, list, type Looking, type OutsideGit, outsideGit } from "./outsideGit.ts"
import { untracked } from "./untracked.ts"

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
const filledLinks = Effect.fnUntraced(function* (git: OutsideGit, { clone, memory: { links } }: Looking, head: string) {
  if (!links.has(head)) {
    const { stdout } = yield* git(["ls-tree", "-r", "-z", "--full-tree", head])
    const tracked = parts(stdout).filter((line) => line.startsWith("160000 "))
    if (links.size > 1000) links.clear()
    links.set(
      head,
      tracked.map((line) => line.slice(line.indexOf("\t") + 1))
    )
  }
  return (links.get(head) ?? []).filter((path) => entriesOf(bytesPath(clone, path)).length > 0)
})

/** The answer of `--name-status`: what happened, and to which path. */
const statuses = (output: string): ReadonlyArray<readonly [kind: string, path: string]> => {
  const fields = parts(output)
  return fields.flatMap((kind, i) => (i % 2 === 0 ? [[kind, fields[i + 1] ?? ""] as const] : []))
}

const nameStatus = ["-z", "--name-status", "--no-renames", "--ignore-submodules=all"]

/** Files of the index that are not as they were, without what a sparse checkout leaves out. */
const changes = Effect.fnUntraced(function* (git: OutsideGit, sparse: ReadonlyArray<string>) {
  // Without --ignore-submodules, git would run itself in nested repositories, by their settings.
  const all = statuses((yield* git(["diff-files", ...nameStatus])).stdout)
  return {
    gone: all.filter(([kind, path]) => kind === "D" && isChecked(path, sparse)).map(([, path]) => path),
    changed: all.filter(([kind]) => kind !== "D").map(([, path]) => path)
  }
})

/** Whether a file or a link is there, and no link is on the way to it. */
const isThere = (clone: string, path: string): boolean => {
  const stat = statOf(bytesPath(clone, path))
  const folders = path.split("/").map((_, i, names) => names.slice(0, i).join("/"))
  return (
    (stat?.isFile() === true || stat?.isSymbolicLink() === true) &&
    folders.every((folder) => folder === "" || isFolder(bytesPath(clone, folder)))
  )
}

/** How an index that an earlier look left differs from what one begins with: what is tracked, and no more. */
const leftovers = Effect.fnUntraced(function* (git: OutsideGit, clone: string, head: string) {
  const all = statuses((yield* git(["diff-index", "--cached", ...nameStatus, head])).stdout)
  const lost = all.filter(([kind, path]) => kind === "D" && isThere(clone, path)).map(([, path]) => path)
  const added = new Set(all.filter(([kind]) => kind === "A").map(([, path]) => path))
  if (added.size === 0) return { lost, ignored: [] }
  const { stdout } = yield* git(["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"])
  return { lost, ignored: parts(stdout).filter((path) => added.has(path)) }
})

const isReadable = (clone: string, path: string): boolean => {
  const file = bytesPath(clone, path)
  const stat = statOf(file)
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
          const isFile = statOf(bytesPath(clone, path))?.isFile() === true
          if (isFile && !isReadable(clone, path)) unreadable.add(path)
        }
        if (readable.length > 0) yield* update(readable)
      })
    )
  )
})

const forget = (git: OutsideGit, paths: ReadonlyArray<string>) =>
  paths.length === 0
    ? Effect.void
    : git(["update-index", "-z", "--force-remove", "--stdin"], { input: list(new Set(paths)) })

/** An index with what is tracked; keeps what an earlier one knows of files that are the same. */
const begin = Effect.fnUntraced(function* (git: OutsideGit, head: string | null, links: ReadonlyArray<string>) {
  const reset = (tree: ReadonlyArray<string>) => git(["read-tree", ...tree])
  const start = head === null ? ["--empty"] : ["--reset", head]
  // An index that a crash cut off is only a way to be quick.
  yield* Effect.catch(reset(start), () => Effect.andThen(reset(["--empty"]), reset(start)))
  yield* forget(git, links)
})

/**
 * Puts the clone's files as they are into the mirror, as a tree: all tracked ones, and untracked ones that are not
 * ignored. `head` is what is tracked, in the mirror; null where that is unknown. Contents pass through git alone.
 */
export const fileTree = Effect.fnUntraced(function* (looking: Looking, head: string | null) {
  const git = outsideGit(looking)
  const { clone, index, memory, sparse } = looking
  const unreadable = new Set<string>()
  // Nobody but a git that was killed holds it.
  yield* Effect.promise(() => rm(`${index}.lock`, { force: true }))
  const links = head === null ? [] : yield* filledLinks(git, looking, head)
  const beginning = `${head}\0${list(links)}`
  // The index that the last look left is as good as a new one, and knows the files that are not committed.
  const again = head !== null && memory.begun.get(index) === beginning
  memory.begun.delete(index)
  if (!again) yield* begin(git, head, links)
  const [{ changed, gone }, others, { ignored, lost }] = yield* Effect.all(
    [
      changes(git, sparse),
      untracked(git, looking, unreadable),
      again ? leftovers(git, clone, head) : Effect.succeed({ lost: [], ignored: [] })
    ],
    { concurrency: 3 }
  )
  yield* forget(git, [...gone, ...ignored])
  const out = new Set(ignored)
  yield* add(git, clone, [...changed.filter((path) => !out.has(path)), ...lost, ...others], unreadable)
  const { stdout } = yield* git(["write-tree"])
  memory.begun.set(index, beginning)
  return { tree: stdout.trim(), unreadable: [...unreadable] } satisfies FileTree
})
