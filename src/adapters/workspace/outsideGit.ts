import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { durable, type Git } from "./git.ts"

/** What earlier looks found, so that later ones need not look again. Nothing is wrong where it is empty. */
export type LookMemory = {
  /** Tracked paths that are other repositories, by the commit that tracks them. */
  readonly links: Map<string, ReadonlyArray<string>>
  /** By index file: with which commit it began, and without which of those paths. */
  readonly begun: Map<string, string>
}

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
  readonly memory: LookMemory
}

const outsideConfig = `[core]
	repositoryformatversion = 0
	bare = false
	protectNTFS = false
	protectHFS = false
`

/** No conversion applies, whatever attributes the tree has: what is highest in git's order says so. */
const asTheyAre = "* -text -ident !eol !crlf !filter !working-tree-encoding\n"

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
export const outsideGit =
  ({ clone, git, index, mirror, outside }: Pick<Looking, "clone" | "git" | "index" | "mirror" | "outside">) =>
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

export type OutsideGit = ReturnType<typeof outsideGit>

/** Paths as git takes them on its input. */
export const list = (paths: Iterable<string>): string => [...paths].map((path) => `${path}\0`).join("")

/** A file of the clone; names are bytes. */
export const bytesPath = (clone: string, path: string): Buffer =>
  Buffer.concat([Buffer.from(`${clone}/`), Buffer.from(path, "latin1")])
