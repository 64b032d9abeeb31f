import { copyFile, lstat, rm, utimes } from "node:fs/promises"
import { Effect, FileSystem, Path } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import type { About } from "./about.ts"
import { readCloneRefs } from "./cloneRefs.ts"
import type { WorkspaceFolders } from "./folders.ts"
import { differences, under } from "./gather.ts"
import { bytesOf, type Git } from "./git.ts"
import { bytesPath, outsideGit } from "./outsideGit.ts"
import { agentRefs, isRefName, type Refs } from "./refs.ts"
import type { Point } from "./snapshot.ts"

/** What a clone is made from; all commits are in the mirror. */
export type Making = {
  readonly git: Git
  readonly mirror: string
  readonly folders: WorkspaceFolders
  /** See `makeOutside`. */
  readonly outside: string
  readonly about: About
  /** What is checked out. */
  readonly commit: string
  readonly baseCommit: string
  /** Files that were not committed, to be laid over it; null for none. */
  readonly files: Point | null
  /** The agent's refs, and the forge's tags. */
  readonly refs: Refs
  readonly sparse: ReadonlyArray<string>
}

const configOf = ({ about, sparse }: Making): string => `[user]
	name = Squadron ${about.agent}
	email = agent@squadron.invalid
[gc]
	auto = 0
[maintenance]
	auto = false
${sparse.length === 0 ? "" : "[core]\n\tsparseCheckout = true\n\tsparseCheckoutCone = true\n"}`

/** Git's cone mode: files at the top, all of each folder, and the files on the way to it. */
const conePatterns = (folders: ReadonlyArray<string>): string => {
  const lines = ["/*", "!/*/"]
  for (const folder of folders.toSorted()) {
    const names = folder.split("/")
    for (let depth = 1; depth <= names.length; depth++) {
      const line = `/${names.slice(0, depth).join("/")}/`
      if (lines.includes(line)) continue
      lines.push(line)
      if (depth < names.length) lines.push(`!${line.slice(0, -1)}/*/`)
    }
  }
  return `${lines.join("\n")}\n`
}

/** The forge's tags, the base as a branch to compare with, and the branches that the agent had before. */
const packedRefs = ({ about, baseCommit, refs }: Making): string => {
  const branch = `refs/heads/${bytesOf(about.branch)}`
  const clashes = (name: string) => name === branch || name.startsWith(`${branch}/`) || branch.startsWith(`${name}/`)
  const lines = new Map(under(refs, "refs/tags/"))
  const base = `refs/heads/${bytesOf(about.base)}`
  const work = agentRefs(about.agent).work
  const others = under(refs, work).map(([name, id]) => [`refs/heads/${name.slice(work.length)}`, id] as const)
  // A base that is given by its full name, such as a pull request's head, is no branch to have.
  if (!about.base.startsWith("refs/") && !others.some(([name]) => name.startsWith(`${base}/`)))
    lines.set(base, baseCommit)
  for (const [name, id] of others) lines.set(name, id)
  return [...lines]
    .filter(([name]) => !clashes(name))
    .map(([name, id]) => `${id} ${name}\n`)
    .toSorted()
    .join("")
}

/** The clone's own index says which files are unchanged, so the first look at them need not read them all. */
const keepIndex = async ({ folders }: Making): Promise<void> => {
  const index = `${folders.clone}/.git/index`
  await copyFile(index, folders.index)
  // A copy that is older than it says is read with more care, one that is newer with less.
  const { mtimeMs } = await lstat(index)
  await utimes(folders.index, (mtimeMs - 10) / 1000, (mtimeMs - 10) / 1000)
}

/** Lays files over a checkout, byte for byte: what differs from HEAD differs then, and nothing is staged. */
const overlay = Effect.fnUntraced(function* ({ commit, files, folders, git, mirror, outside }: Making) {
  if (files === null) return
  const all = yield* differences(git, mirror, commit, files.tree)
  yield* Effect.promise(async () => {
    for (const { kind, oldMode, path } of all) {
      // The folder of another repository is left empty by a checkout.
      if (kind === "D" && oldMode !== "160000") await rm(bytesPath(folders.clone, path), { force: true })
    }
  })
  const entries = all.filter(({ kind, newMode }) => kind !== "D" && newMode !== "160000")
  if (entries.length === 0) return
  const index = `${folders.all}/overlay`
  const checkOut = outsideGit({ git, outside, mirror, clone: folders.clone, index })
  const input = entries.map(({ after, newMode, path }) => `${newMode} ${after}\t${path}\0`).join("")
  yield* checkOut(["update-index", "-z", "--index-info"], { input })
  yield* checkOut(["checkout-index", "--all", "--force", "--quiet"])
  yield* Effect.promise(() => rm(index))
})

/**
 * Makes a clone that borrows the mirror's objects and knows nothing else of the mirror; `git clone --shared`, but for
 * a mirror with a part of the history too, and without a remote. Its commit is compared with what was asked for.
 */
export const makeClone = Effect.fnUntraced(function* (making: Making) {
  const { about, commit, folders, git, mirror, sparse } = making
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const gitDir = path.join(folders.clone, ".git")
  if (!isRefName(`refs/heads/${about.branch}`)) {
    return yield* new WorkspaceFailed({
      step: "clone",
      reason: `${JSON.stringify(about.branch)} cannot be a branch's name`,
      remedy: "Give the branch another name.",
      retryable: false
    })
  }
  yield* fs.makeDirectory(folders.home, { recursive: true })
  yield* git({ args: ["init", "--quiet", "--template=", folders.clone] })
  yield* fs.makeDirectory(path.join(gitDir, "objects", "info"), { recursive: true })
  yield* fs.makeDirectory(path.join(gitDir, "info"), { recursive: true })
  yield* fs.writeFileString(path.join(gitDir, "objects", "info", "alternates"), `${mirror}/objects\n`)
  yield* fs.writeFileString(path.join(gitDir, "config"), configOf(making), { flag: "a" })
  yield* fs.writeFile(path.join(gitDir, "packed-refs"), Buffer.from(packedRefs(making), "latin1"))
  if (sparse.length > 0) yield* fs.writeFileString(path.join(gitDir, "info", "sparse-checkout"), conePatterns(sparse))
  const shallow = path.join(mirror, "shallow")
  if (yield* fs.exists(shallow)) yield* fs.copyFile(shallow, path.join(gitDir, "shallow"))
  yield* git({
    args: ["checkout", "--quiet", "--no-track", "-B", about.branch, commit, "--"],
    cwd: folders.clone,
    env: { GIT_DIR: gitDir, GIT_WORK_TREE: folders.clone },
    // As many workers as there are processors.
    config: [["checkout.workers", "0"]]
  })
  const head = readCloneRefs(folders.clone)?.head
  if (head?.commit !== commit || head.branch !== bytesOf(about.branch)) {
    return yield* new WorkspaceFailed({
      step: "clone",
      reason: `the clone is at ${head?.commit ?? "nothing"} instead of ${commit}`,
      remedy: "Look at the mirror with `git fsck`.",
      retryable: true
    })
  }
  yield* Effect.promise(() => keepIndex(making))
  yield* overlay(making)
})
