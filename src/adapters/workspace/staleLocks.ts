import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect, Schedule } from "effect"
import { homeVariable, runVariable } from "../harness/ProcessRecords.ts"
import { endFamily } from "../harness/ProcessTree.ts"
import { isFolder, statOf } from "./entries.ts"
import type { GitFailed } from "../git/runGit.ts"
import { gitRun, textOf } from "./git.ts"
import { isUnfinishedPack } from "./unfinished.ts"

const sweepFolder = (folder: string, isStale: (name: string) => boolean, deep: boolean): void => {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isFile() && isStale(entry.name)) rmSync(path, { force: true })
    else if (deep && entry.isDirectory()) sweepFolder(path, isStale, deep)
  }
}

const isLock = (name: string): boolean => name.endsWith(".lock")

const sweepMirror = (mirror: string): void => {
  sweepFolder(mirror, isLock, false)
  for (const [name, isStale, deep] of [
    ["refs", isLock, true],
    ["objects/info", isLock, false],
    ["objects/pack", (name: string) => isUnfinishedPack(name) || isLock(name), false]
  ] as const) {
    const folder = join(mirror, name)
    if (isFolder(folder)) sweepFolder(folder, isStale, deep)
  }
}

/** Milliseconds. All who lock are gits of ours, which wait for a lock for longer than any of them holds one. */
const staleAfter = 4500

/** Whether git complains of a lock in the mirror; removes it where nobody can hold it any more. */
const isLocked = (mirror: string, { said }: GitFailed): boolean => {
  const lock = /Unable to create '(.+\.lock)': File exists/.exec(textOf(said))?.[1] ?? ""
  if (!lock.startsWith(`${mirror}/`)) return false
  const stat = statOf(lock)
  if (stat !== undefined && Date.now() - stat.mtimeMs > staleAfter) rmSync(lock, { force: true })
  return true
}

/** Tries again what failed by a lock, which a killed git may have left in the mirror. */
export const pastStaleLocks = <A>(mirror: string, effect: Effect.Effect<A, GitFailed>): Effect.Effect<A, GitFailed> =>
  Effect.retry(effect, {
    schedule: Schedule.spaced("1 second"),
    times: 10,
    while: (error) => isLocked(mirror, error)
  })

const subfolders = (folder: string): ReadonlyArray<string> =>
  isFolder(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(folder, name))
    : []

/**
 * Ends every git that a killed daemon left behind, and then removes the locks that killed ones left in the mirrors.
 * Only for a daemon that owns the state folder alone and has started no git yet.
 */
export const clearStaleLocks = Effect.fnUntraced(function* (mirrors: string, home: string) {
  const marks = new Map([
    [homeVariable, home],
    [runVariable, gitRun]
  ])
  yield* endFamily({ leaders: [], marks, since: 0 }, "2 seconds")
  yield* Effect.sync(() => subfolders(mirrors).flatMap(subfolders).forEach(sweepMirror))
})

/** What an agent's git that was killed leaves in its clone, and what lets no other git work there. */
export const unlockClone = (clone: string, branch: string): void => {
  const gitDir = join(clone, ".git")
  if (!isFolder(gitDir)) return
  for (const name of ["index", "HEAD", "config", "packed-refs", "shallow", "ORIG_HEAD"]) {
    rmSync(join(gitDir, `${name}.lock`), { force: true })
  }
  const ref = join("refs", "heads", ...branch.split("/"))
  const folders = ref.split("/").map((_, i, all) => join(gitDir, ...all.slice(0, i)))
  if (folders.every(isFolder)) rmSync(join(gitDir, `${ref}.lock`), { force: true })
}
