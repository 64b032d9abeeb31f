import { chmodSync, existsSync, readdirSync, readlinkSync, renameSync, rmSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join, sep } from "node:path"
import { Effect } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import { entriesOf } from "./entries.ts"
import type { WorkspaceFolders } from "./folders.ts"

/** Processes that are in the folder or below; none where the system does not tell. */
export const processesIn = (folder: string): ReadonlyArray<number> => {
  if (!existsSync("/proc/self/cwd")) return []
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) return []
    try {
      const cwd = readlinkSync(`/proc/${name}/cwd`)
      return cwd === folder || cwd.startsWith(`${folder}${sep}`) ? [pid] : []
    } catch {
      // It has ended meanwhile, or belongs to another user.
      return []
    }
  })
}

/** Lets us remove what is in folders that nobody may write to; some build tools leave such. */
const openUp = (folder: Buffer): void => {
  chmodSync(folder, 0o700)
  for (const entry of entriesOf(folder)) {
    if (entry.isDirectory()) openUp(Buffer.concat([folder, Buffer.from("/"), Buffer.from(entry.name, "latin1")]))
  }
}

const cannotRemove = (folder: string, cause: unknown) =>
  new WorkspaceFailed({
    step: "remove",
    reason: `${folder} cannot be removed: ${cause instanceof Error ? cause.message : String(cause)}`,
    remedy: "Remove it by hand; the work in it is saved.",
    retryable: true
  })

/** Removes a folder and all that is in it; fine where there is none. */
export const removeTree = (folder: string): Effect.Effect<void, WorkspaceFailed> => {
  const remove = Effect.tryPromise({
    try: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
    catch: (cause) => cannotRemove(folder, cause)
  })
  return Effect.catch(remove, () =>
    Effect.andThen(
      Effect.try({ try: () => openUp(Buffer.from(folder)), catch: (cause) => cannotRemove(folder, cause) }),
      remove
    )
  )
}

/** A first name of this kind that is free. */
const freeName = (workspaces: string, agent: string): string => {
  for (let n = 1; ; n++) {
    const name = join(workspaces, `.broken-${agent}-${n}`)
    if (!existsSync(name)) return name
  }
}

/**
 * Takes a workspace away at once, by its name; then its files go. One that is `broken` is put aside for good instead,
 * since what cannot be read of it today somebody may read tomorrow; answers where to.
 */
export const takeAway = Effect.fnUntraced(function* (
  agent: string,
  folders: WorkspaceFolders,
  places: { readonly workspaces: string; readonly leaving: string },
  broken: boolean
) {
  const aside = broken ? freeName(places.workspaces, agent) : null
  yield* Effect.try({
    try: () => {
      if (aside === null) rmSync(places.leaving, { recursive: true, force: true })
      renameSync(folders.all, aside ?? places.leaving)
    },
    catch: (cause) => cannotRemove(folders.all, cause)
  })
  if (aside === null) yield* removeTree(places.leaving)
  return aside
})

/** What a killed daemon left of workspaces that were being made or removed, and its looks at others. */
export const leftovers = (workspaces: string): ReadonlyArray<string> =>
  existsSync(workspaces)
    ? readdirSync(workspaces)
        .filter((name) => /^\.(?:making|leaving|view)-/.test(name))
        .map((name) => join(workspaces, name))
    : []
