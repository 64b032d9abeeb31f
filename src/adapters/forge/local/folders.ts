/** Where the bare repositories are. */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { ForgeError } from "../../../domain/Errors.ts"

/** Folders of ours among the owners' begin with a dot; no owner does. */
const owner = /^[\w-][\w.-]*$/
const name = /^(?!\.{1,2}$)(?!.*\.git$)[\w.-]+$/i

/** Where a repository of this name is or would be; null where it can be none. */
export const folderOf = (root: string, repository: string): string | null => {
  const [first = "", second = "", ...more] = repository.split("/")
  return more.length === 0 && owner.test(first) && name.test(second) ? join(root, first, `${second}.git`) : null
}

/** For what is not complete yet. */
export const incoming = (root: string): string => join(root, ".incoming")

const names = (folder: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
        .map((entry) => entry.name)
        .toSorted()
    : []

/** The names of all repositories. */
export const repositoriesIn = (root: string): ReadonlyArray<string> =>
  names(root).flatMap((first) =>
    names(join(root, first))
      .filter((second) => second.endsWith(".git") && existsSync(join(root, first, second, "HEAD")))
      .map((second) => `${first}/${second.slice(0, -4)}`)
  )

const nowhere = new ForgeError({
  reason: "this squadron keeps no git repositories, so there are no branches and no pull requests",
  retryable: false,
  retryAfter: null
})

/** The folder of a repository that is there. */
export const existing = (root: string | null, repository: string): Effect.Effect<string, ForgeError> =>
  Effect.suspend(() => {
    if (root === null) return Effect.fail(nowhere)
    const folder = folderOf(root, repository)
    if (folder !== null && existsSync(join(folder, "HEAD"))) return Effect.succeed(folder)
    const all = repositoriesIn(root)
    const others = all.length === 0 ? "there is none" : `there ${all.length === 1 ? "is" : "are"} ${all.join(", ")}`
    const reason = `there is no git repository ${repository}; ${others}`
    return Effect.fail(new ForgeError({ reason, retryable: false, retryAfter: null }))
  })
