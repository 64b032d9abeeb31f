import { Effect } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import { workspaceFailed } from "./failure.ts"
import type { Folders } from "./folders.ts"
import type { GitFailed } from "../git/runGit.ts"
import type { Git } from "./git.ts"
import { changedPaths, mergeBase } from "./inspection.ts"
import type { Mirrors } from "./Mirror.ts"

const failed = (error: GitFailed): WorkspaceFailed => workspaceFailed("compare", error)

/** Compares commits in the mirror, by the mirror's settings alone; what it does not have is fetched. */
export const makeComparison = (git: Git, folders: Folders, mirrors: Mirrors) => {
  const commit = Effect.fnUntraced(function* (repository: string, name: string) {
    const id = yield* mirrors.commit(repository, name)
    if (id !== null) return id
    return yield* new WorkspaceFailed({
      step: "compare",
      reason: `${repository} has no commit or branch ${JSON.stringify(name)}`,
      remedy: "Push it first, or correct the name.",
      retryable: false
    })
  })

  return {
    diff: Effect.fn("Workspaces.diff")(function* (repository: string, from: string, to: string, limit: number) {
      const pair = [yield* commit(repository, from), yield* commit(repository, to)]
      const chunks: Array<Buffer> = []
      let room = limit
      const options = ["-p", "-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color"]
      yield* git({
        gitDir: folders.mirror(repository),
        args: ["diff-tree", ...options, ...pair],
        onOutput: (bytes) => {
          chunks.push(bytes.subarray(0, room))
          room -= Math.min(room, bytes.length)
          return room > 0
        }
      }).pipe(Effect.mapError(failed))
      // A character that the limit cuts in two is left out.
      return new TextDecoder().decode(Buffer.concat(chunks), { stream: true })
    }),
    changed: Effect.fn("Workspaces.changed")(function* (repository: string, base: string, to: string) {
      const mirror = folders.mirror(repository)
      const [from, head] = [yield* commit(repository, base), yield* commit(repository, to)]
      const left = yield* Effect.mapError(mergeBase(git, mirror, from, head), failed)
      if (left !== null) return yield* Effect.mapError(changedPaths(git, mirror, left, head), failed)
      return yield* new WorkspaceFailed({
        step: "compare",
        reason: `${base} and ${to} of ${repository} have no history in common`,
        remedy: "Make the branch anew from its base.",
        retryable: false
      })
    })
  }
}
