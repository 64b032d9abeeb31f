/** What is done to branches, each in the repository's turn. */
import { existsSync } from "node:fs"
import { Effect } from "effect"
import type { Action, ActionResult } from "../../../domain/Action.ts"
import { agentOfBranch } from "../../../domain/branches.ts"
import { ForgeError } from "../../../domain/Errors.ts"
import { gitFault, suspicious } from "./git.ts"
import { branchRef, changeRefs, hasCommit, headBranch, isAncestor, isWhole } from "./refs.ts"
import type { Parts } from "./settling.ts"
import type { By } from "./standing.ts"
import type { Turn } from "./Turns.ts"

export type Of<Tag extends Action["_tag"]> = Extract<Action, { readonly _tag: Tag }>

/** Whose action it is, and its key. */
export type Doer = { readonly by: By; readonly key: string | null }

export const refused = (reason: string): ForgeError => new ForgeError({ reason, retryable: false, retryAfter: null })

export const markOf = ({ key }: Doer, result: ActionResult) => (key === null ? null : { key, result })

const place = (commit: string | null): string => (commit === null ? "not there" : `at ${commit}`)

/** Takes the commit with all that it needs from Squadron's mirror. */
const take = Effect.fnUntraced(function* (parts: Parts, { folder, repository }: Turn, commit: string, mirror: string) {
  const missing = refused(`Squadron's mirror of ${repository} does not hold the commit ${commit}`)
  if (!existsSync(mirror)) return yield* missing
  // Also where the commit is there already: a fetch that was cut off may have left it without what it needs.
  yield* parts
    .git({
      folder,
      args: [
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        "--",
        mirror,
        commit
      ],
      config: suspicious,
      timeout: "50 seconds"
    })
    .pipe(
      Effect.mapError((error) =>
        /not our ref|bad object|remote error: upload-pack/i.test(error.said) ? missing : gitFault(error)
      )
    )
  const isCommit = yield* Effect.mapError(hasCommit(parts.git, folder, commit), gitFault)
  if (!isCommit || !(yield* Effect.mapError(isWhole(parts.git, folder, commit), gitFault))) return yield* missing
})

/** Sets the branch to a commit of Squadron's mirror where the branch is where it is expected, and nowhere else. */
export const push = Effect.fnUntraced(function* (
  parts: Parts,
  turn: Turn,
  doer: Doer,
  { branch, commit, expected }: Of<"push">,
  mirror: string | null
) {
  const { folder, repository } = turn
  const ref = branchRef(branch)
  const now = (yield* turn.refs).get(ref) ?? null
  const what = `the branch ${branch} of ${repository} cannot be set to ${commit}`
  const result: ActionResult = { commit }
  const isThere = now === commit
  if (!isThere) {
    // what is gone can overwrite nobody
    const isGone = now === null && agentOfBranch(branch) !== null
    if (now !== expected && !isGone)
      return yield* refused(`${what}: it should be ${place(expected)}, and is ${place(now)}`)
    if (mirror === null) return yield* refused(`${what}: this squadron has no mirrors to take it from`)
    yield* take(parts, turn, commit, mirror)
    if (now !== null && agentOfBranch(branch) === null) {
      const isForward = yield* Effect.mapError(isAncestor(parts.git, folder, now, commit), gitFault)
      if (!isForward) {
        return yield* refused(
          `${what}: it is at ${now}, which that does not contain; only agents' branches are rewritten`
        )
      }
    }
  }
  const change = { ref, from: now, to: commit }
  yield* turn.changing(
    { by: doer.by, changes: [change], mark: markOf(doer, result), merge: null, quiet: false },
    isThere ? Effect.void : Effect.mapError(changeRefs(parts.git, folder, [change]), gitFault)
  )
  return result
})

/** Deletes a branch that is still at the commit; one that is gone is fine. */
export const deleteBranch = Effect.fnUntraced(function* (
  parts: Parts,
  turn: Turn,
  doer: Doer,
  { branch, commit }: Of<"delete_branch">
) {
  const { folder, repository } = turn
  const ref = branchRef(branch)
  const now = (yield* turn.refs).get(ref) ?? null
  if (branch === (yield* headBranch(folder))) {
    return yield* refused(`${branch} is the default branch of ${repository}; it is not deleted`)
  }
  if (now !== null && now !== commit) {
    return yield* refused(`the branch ${branch} of ${repository} is at ${now} and not at ${commit}; it is not deleted`)
  }
  const change = { ref, from: now, to: null }
  const result: ActionResult = {}
  yield* turn.changing(
    { by: doer.by, changes: [change], mark: markOf(doer, result), merge: null, quiet: false },
    now === null ? Effect.void : Effect.mapError(changeRefs(parts.git, folder, [change]), gitFault)
  )
  return result
})
