/** Refs of a bare repository. */
import { readFileSync, rmSync, statSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import type { GitFailed } from "../../git/runGit.ts"
import { type Git, textOf } from "./git.ts"

/** Objects by the full names of the refs that name them. */
export type Refs = ReadonlyMap<string, string>

/** A ref on its way; null is not there. */
export type RefChange = { readonly ref: string; readonly from: string | null; readonly to: string | null }

export const nothing = "0".repeat(40)

export const branchRef = (branch: string): string => `refs/heads/${branch}`
/** Keeps a pull request's commits when its branch is gone, and lets people fetch them. */
export const pullRef = (number: number): string => `refs/pull/${number}/head`

/** The branch of a full name, or null for another kind of ref. */
export const branchOf = (ref: string): string | null =>
  ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : null

/** All branches and tags, and what is kept of these pull requests. */
export const listRefs = Effect.fnUntraced(function* (git: Git, folder: string, pulls: ReadonlyArray<number> = []) {
  const { stdout } = yield* git({
    folder,
    args: ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags", ...pulls.map(pullRef)]
  })
  const refs = new Map<string, string>()
  for (const line of stdout.split("\n")) {
    if (line !== "") refs.set(textOf(line.slice(41)), line.slice(0, 40))
  }
  return refs
})

/** The branch that HEAD names. */
export const headBranch = (folder: string): Effect.Effect<string> =>
  Effect.sync(() => /^ref: refs\/heads\/(.+)\n?$/.exec(readFileSync(join(folder, "HEAD"), "utf8"))?.[1] ?? "main")

/** Whether `one` is `other` or comes before it. What is not there comes before nothing. */
export const isAncestor = (git: Git, folder: string, one: string, other: string): Effect.Effect<boolean, GitFailed> =>
  Effect.map(
    git({ folder, args: ["merge-base", "--is-ancestor", one, other], accept: [1, 128] }),
    ({ code }) => code === 0
  )

/** Whether the repository has this commit. */
export const hasCommit = (git: Git, folder: string, commit: string): Effect.Effect<boolean, GitFailed> =>
  Effect.map(
    git({ folder, args: ["cat-file", "-e", `${commit}^{commit}`], accept: [1, 128] }),
    ({ code }) => code === 0
  )

/** Whether the repository has the commit with all that it needs; what its refs have is taken for whole. */
export const isWhole = (git: Git, folder: string, commit: string): Effect.Effect<boolean, GitFailed> =>
  Effect.map(
    git({
      folder,
      args: ["rev-list", "--objects", "--quiet", commit, "--not", "--all"],
      accept: [1, 128],
      timeout: "10 minutes"
    }),
    ({ code }) => code === 0
  )

/** A lock as old as this is nobody's: a git of ours is done sooner, in milliseconds. */
const stale = 60_000

const locksIn = (folder: string): ReadonlyArray<string> => {
  const top = ["HEAD.lock", "packed-refs.lock", "config.lock", "shallow.lock"].map((name) => join(folder, name))
  const below = readdirSync(join(folder, "refs"), { recursive: true, encoding: "utf8" })
  return [...top, ...below.filter((name) => name.endsWith(".lock")).map((name) => join(folder, "refs", name))]
}

/** Removes locks that a git which was killed has left, and says whether there were some. */
const removeStaleLocks = (folder: string): Effect.Effect<boolean> =>
  Effect.sync(() => {
    let removed = false
    for (const lock of locksIn(folder)) {
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
      // Files have the machine's time, whatever the program's clock says.
      if (since === undefined || Date.now() - since < stale) continue
      rmSync(lock, { force: true })
      removed = true
    }
    return removed
  })

const line = ({ from, ref, to }: RefChange): string =>
  to === null ? `delete ${ref}\0${from ?? ""}\0` : `update ${ref}\0${to}\0${from ?? nothing}\0`

/** Makes all of these changes, or none where one ref is not where its change begins. */
export const changeRefs = (
  git: Git,
  folder: string,
  changes: ReadonlyArray<RefChange>
): Effect.Effect<void, GitFailed> => {
  const input = Buffer.from(changes.map(line).join(""), "utf8").toString("latin1")
  const change = Effect.asVoid(git({ folder, args: ["update-ref", "--stdin", "-z"], input }))
  return Effect.catchIf(
    change,
    ({ said }) => /unable to create .*\.lock|file exists/i.test(said),
    (error) => Effect.flatMap(removeStaleLocks(folder), (removed) => (removed ? change : Effect.fail(error)))
  )
}
