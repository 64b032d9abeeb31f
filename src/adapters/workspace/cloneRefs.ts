import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { entriesOf, isFolder } from "./entries.ts"
import { isCommitId, isRefName } from "./refs.ts"

/** Where a clone's commits are, as its files say. Names are strings of bytes. */
export type CloneRefs = {
  /** `branch` is null for a detached HEAD, `commit` for a branch without one. Null where HEAD cannot be understood. */
  readonly head: { readonly branch: string | null; readonly commit: string | null } | null
  readonly branches: ReadonlyMap<string, string>
  /** Tags, stashes, what a merge or rebase under way keeps, HEADs of worktrees: whatever else names a commit. */
  readonly others: ReadonlySet<string>
}

const smallFile = 4096
const largeFile = 64 * 1024 * 1024
const refLimit = 50_000

const at = (folder: Buffer, ...names: ReadonlyArray<string>): Buffer =>
  Buffer.concat([folder, ...names.flatMap((name) => [Buffer.from("/"), Buffer.from(name, "latin1")])])

/** A regular file's bytes, or undefined. Follows no link, waits for no pipe. */
const readBytes = (path: Buffer, limit: number): string | undefined => {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const { size, isFile } = ((stat) => ({ size: stat.size, isFile: stat.isFile() }))(fstatSync(file))
    if (!isFile || size > limit) return undefined
    const bytes = Buffer.alloc(size)
    let filled = 0
    for (let count = -1; count !== 0 && filled < size; filled += count) {
      count = readSync(file, bytes, filled, size - filled, filled)
    }
    return bytes.toString("latin1", 0, filled)
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** A file inside of the git dir, by a path on which no link is. */
const readIn = (gitDir: Buffer, path: string, limit = smallFile): string | undefined => {
  const names = path.split("/")
  const folders = names.slice(0, -1).map((_, i) => at(gitDir, ...names.slice(0, i + 1)))
  return folders.every(isFolder) ? readBytes(at(gitDir, ...names), limit) : undefined
}

const commitIn = (text: string | undefined): string | null => {
  const line = text?.split("\n", 1)[0]?.trim() ?? ""
  return isCommitId(line) ? line : null
}

/** Every ref that has a file of its own, and after these the packed ones that have none. */
const readRefs = (gitDir: Buffer): ReadonlyMap<string, string> => {
  const refs = new Map<string, string>()
  const walk = (folder: Buffer, name: string): void => {
    for (const entry of entriesOf(folder)) {
      const full = `${name}/${entry.name}`
      if (refs.size >= refLimit || !isRefName(full)) continue
      if (entry.isDirectory()) walk(at(folder, entry.name), full)
      else if (entry.isFile()) {
        const commit = commitIn(readBytes(at(folder, entry.name), smallFile))
        if (commit !== null) refs.set(full, commit)
      }
    }
  }
  walk(at(gitDir, "refs"), "refs")
  for (const line of readIn(gitDir, "packed-refs", largeFile)?.split("\n") ?? []) {
    const space = line.indexOf(" ")
    const [id, name] = [line.slice(0, space), line.slice(space + 1)]
    if (isCommitId(id) && isRefName(name) && name.startsWith("refs/") && !refs.has(name)) refs.set(name, id)
  }
  return refs
}

/** What git keeps beside refs while it is in the middle of something, and what an autostash is kept in. */
const besides = [
  "ORIG_HEAD",
  "MERGE_HEAD",
  "MERGE_AUTOSTASH",
  "CHERRY_PICK_HEAD",
  "REVERT_HEAD",
  "rebase-merge/autostash",
  "rebase-merge/orig-head",
  "rebase-apply/autostash",
  "rebase-apply/orig-head"
]

/** All stashes but the newest are in a log only. */
const stashes = (gitDir: Buffer): ReadonlyArray<string> =>
  (readIn(gitDir, "logs/refs/stash", largeFile) ?? "").split("\n").flatMap((line) => {
    const id = line.split(" ", 2)[1] ?? ""
    return isCommitId(id) && !/^0+$/.test(id) ? [id] : []
  })

const readHead = (gitDir: Buffer, refs: ReadonlyMap<string, string>): CloneRefs["head"] => {
  const text = readIn(gitDir, "HEAD")
  const commit = commitIn(text)
  if (commit !== null) return { branch: null, commit }
  const name = /^ref: *(refs\/heads\/[^\n]+)\n?$/.exec(text ?? "")?.[1]
  if (name === undefined || !isRefName(name)) return null
  return { branch: name.slice("refs/heads/".length), commit: refs.get(name) ?? null }
}

/**
 * Reads a clone's refs without git, since it may be anything by now; null where there is no git dir. What cannot be
 * read or is no ref is left out; nothing outside of the clone is read.
 */
export const readCloneRefs = (clone: string): CloneRefs | null => {
  const gitDir = at(Buffer.from(clone), ".git")
  if (!isFolder(gitDir)) return null
  const refs = readRefs(gitDir)
  const branches = new Map<string, string>()
  const others = new Set<string>(stashes(gitDir))
  for (const [name, id] of [...refs].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const branch = name.startsWith("refs/heads/") ? name.slice("refs/heads/".length) : null
    const folders = branch?.split("/").map((_, i, all) => all.slice(0, i).join("/")) ?? []
    // Git has no two refs of which one is the other's folder; a file and a packed line may.
    if (branch === null || folders.some((folder) => branches.has(folder))) others.add(id)
    else branches.set(branch, id)
  }
  const worktrees = entriesOf(at(gitDir, "worktrees")).map(({ name }) => `worktrees/${name}/HEAD`)
  for (const file of [...besides, ...worktrees]) {
    const id = commitIn(readIn(gitDir, file))
    if (id !== null) others.add(id)
  }
  return { head: readHead(gitDir, refs), branches, others }
}
