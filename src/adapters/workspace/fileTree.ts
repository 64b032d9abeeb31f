import { accessSync, constants, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { entriesOf } from "./entries.ts"
import { bytesOf, durable, type Git, type GitFailed, parts, textOf } from "./git.ts"

/** The files that are looked at, and with what. */
export type Looking = {
  readonly git: Git
  /** `outside` of the folders, as `makeOutside` leaves it. */
  readonly outside: string
  readonly mirror: string
  readonly clone: string
  /** An index file of Squadron's own; may be missing or stale. */
  readonly index: string
  /** Folders that are checked out besides the top one's files; empty for all. */
  readonly sparse: ReadonlyArray<string>
  /** Tracked paths that are other repositories, by the commit that tracks them; filled as commits are looked at. */
  readonly links: Map<string, ReadonlyArray<string>>
}

/** `unreadable` are files that are there and are not in the tree, by name or by what git says of them. */
export type FileTree = { readonly tree: string; readonly unreadable: ReadonlyArray<string> }

const nestingLimit = 40

const outsideConfig = `[core]
	repositoryformatversion = 0
	bare = false
	protectNTFS = false
	protectHFS = false
`

/** No conversion applies, whatever attributes the tree has: what is highest in git's order says so. */
export const asTheyAre = "* -text -ident !eol !crlf !filter !working-tree-encoding\n"

/** Makes the git dir by which files are looked at; it has no refs and no objects. */
export const makeOutside = (folder: string): void => {
  for (const name of ["objects", "refs", "info"]) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, "HEAD"), "ref: refs/heads/none\n")
  writeFileSync(join(folder, "config"), outsideConfig)
  writeFileSync(join(folder, "info", "attributes"), asTheyAre)
}

/**
 * Runs git on the clone's files, and on nothing of its git dir. All settings are ours; attributes in the tree cannot
 * ask for a conversion, so files go in and out byte for byte.
 */
const outsideGit =
  ({ clone, git, index, mirror, outside }: Looking) =>
  (
    args: ReadonlyArray<string>,
    more: {
      readonly input?: string
      readonly worktree?: string
      readonly index?: string
      readonly accept?: ReadonlyArray<number>
    } = {}
  ) => {
    const worktree = more.worktree ?? clone
    return git({
      args,
      cwd: worktree,
      env: {
        GIT_DIR: outside,
        GIT_WORK_TREE: worktree,
        GIT_INDEX_FILE: more.index ?? index,
        GIT_OBJECT_DIRECTORY: join(mirror, "objects")
      },
      config: durable,
      input: more.input,
      accept: more.accept
    })
  }

type OutsideGit = ReturnType<typeof outsideGit>

const list = (paths: Iterable<string>): string => [...paths].map((path) => `${path}\0`).join("")

/** Git takes no path with such a part, wherever it comes from; it is where repositories have their own things. */
const isGitsOwn = (path: string): boolean => path.split("/").some((part) => part.toLowerCase() === ".git")

const bytesPath = (clone: string, path: string): Buffer =>
  Buffer.concat([Buffer.from(`${clone}/`), Buffer.from(path, "latin1")])

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

/** All files below a folder, whose name git cannot be told. */
const everything = (clone: string, prefix: string): ReadonlyArray<string> =>
  entriesOf(bytesPath(clone, prefix.slice(0, -1))).flatMap((entry) => {
    const path = `${prefix}${entry.name}`
    if (isGitsOwn(path)) return []
    if (entry.isDirectory()) return everything(clone, `${path}/`)
    return entry.isFile() || entry.isSymbolicLink() ? [path] : []
  })

/** Untracked files that are not ignored; those of nested repositories as plain files. */
const untracked = (
  git: OutsideGit,
  { clone, outside }: Looking,
  unreadable: Set<string>
): Effect.Effect<ReadonlyArray<string>, GitFailed> => {
  const look = (prefix: string, depth: number): Effect.Effect<ReadonlyArray<string>, GitFailed> =>
    Effect.gen(function* () {
      const text = textOf(prefix)
      if (depth > nestingLimit || bytesOf(text) !== prefix) return everything(clone, prefix)
      // A nested repository is looked at as a tree of its own, of which nothing is known.
      const where = prefix === "" ? {} : { worktree: join(clone, text), index: join(outside, "none") }
      const said = yield* git(["ls-files", "-z", "--others", "--exclude-standard"], where)
      for (const line of said.stderr.split("\n")) {
        if (/could not open directory|cannot|denied/i.test(line)) unreadable.add(line.replace(/^warning: /, ""))
      }
      const found: Array<string> = []
      for (const path of parts(said.stdout)) {
        const full = `${prefix}${path}`
        if (isGitsOwn(full)) continue
        if (!path.endsWith("/")) found.push(full)
        else for (const inner of yield* look(full, depth + 1)) found.push(inner)
      }
      return found
    })
  return look("", 0)
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
