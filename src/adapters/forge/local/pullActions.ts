/** What is done to pull requests where git has a say, each in the repository's turn. */
import { Clock, Effect } from "effect"
import type { ActionResult, MergeMethod } from "../../../domain/Action.ts"
import { type ForgeError, PullRequestNotFound } from "../../../domain/Errors.ts"
import type { Written } from "../../sql/SqlWriter.ts"
import { type Doer, markOf, refused } from "./branchActions.ts"
import { commitsBetween } from "./commits.ts"
import { gitFault } from "./git.ts"
import { type At, type Body, nameOf } from "./IssueWrites.ts"
import * as Marks from "./marks.ts"
import { planMerge } from "./merging.ts"
import * as PullWrites from "./PullWrites.ts"
import type { StoredPullRequest } from "./PullWrites.ts"
import { branchRef, changeRefs } from "./refs.ts"
import type { Parts } from "./settling.ts"
import type { Turn } from "./Turns.ts"

const at = ({ repository }: Turn, number: number): At => ({ repository, number })

/** The pull request, as an action hears that it is not there. */
const pullIn = Effect.fnUntraced(function* (parts: Parts, where: At) {
  const record = yield* parts.read(PullWrites.find(where))
  if (record === null) return yield* refused(new PullRequestNotFound({ pullRequest: nameOf(where) }).message)
  return record.issue
})

/** Where two branches are, and that the first has something which the second has not. */
const branches = Effect.fnUntraced(function* (parts: Parts, turn: Turn, head: string, base: string) {
  const { folder, repository } = turn
  if (head === base) return yield* refused(`a pull request of ${head} into itself cannot be`)
  const refs = yield* turn.refs
  const shaOf = (branch: string): Effect.Effect<string, ForgeError> => {
    const sha = refs.get(branchRef(branch))
    return sha === undefined ? Effect.fail(refused(`${repository} has no branch ${branch}`)) : Effect.succeed(sha)
  }
  const two = { head: { ref: head, sha: yield* shaOf(head) }, base: { ref: base, sha: yield* shaOf(base) } }
  const commits = yield* Effect.mapError(commitsBetween(parts.git, folder, two.base.sha, two.head.sha, 0), gitFault)
  if (commits.length === 0) return yield* refused(`there are no commits between ${base} and ${head} of ${repository}`)
  return two
})

export type AskedPull = {
  readonly title: string
  readonly body: string
  readonly head: string
  readonly base: string
  readonly draft: boolean
}

/** Opens a pull request, or changes the open one of the same two branches; `write` puts it into the rows. */
export const openPull = Effect.fnUntraced(function* <A, E>(
  parts: Parts,
  turn: Turn,
  { by }: Doer,
  asked: AskedPull,
  write: (body: ReturnType<typeof PullWrites.open>) => Effect.Effect<A, E>
) {
  const two = yield* branches(parts, turn, asked.head, asked.base)
  const { body, draft, title } = asked
  const opened = PullWrites.open(parts.standing, by, { repository: turn.repository, title, body, draft, ...two })
  const done = yield* write(opened)
  yield* turn.settled
  return done
})

/** Opens a closed pull request again where its branches are still there; `write` puts it into the rows. */
export const reopenPull = Effect.fnUntraced(function* <A, E>(
  parts: Parts,
  turn: Turn,
  { by }: Doer,
  number: number,
  write: (body: ReturnType<typeof PullWrites.reopen>) => Effect.Effect<A, E>
) {
  const where = at(turn, number)
  const { pull, state } = yield* pullIn(parts, where)
  if (state === "open") return yield* write(PullWrites.reopen(parts.standing, by, where, pull))
  if (pull.merged) return yield* refused(`${nameOf(where)} is merged; it cannot be opened again`)
  const two = yield* branches(parts, turn, pull.head.ref, pull.base.ref)
  const open = yield* parts.read(PullWrites.allOpen(turn.repository))
  const twin = open.find(({ issue }) => issue.pull.head.ref === pull.head.ref && issue.pull.base.ref === pull.base.ref)
  if (twin !== undefined) {
    return yield* refused(`${nameOf(twin.issue)} is open for the same branches; ${nameOf(where)} stays closed`)
  }
  const done = yield* write(PullWrites.reopen(parts.standing, by, where, two))
  yield* turn.settled
  return done
})

export type AskedMerge = {
  readonly number: number
  readonly method: MergeMethod
  /** What the head must be. */
  readonly commit: string
  readonly title: string
  readonly body: string
}

const obstacle = (issue: StoredPullRequest, commit: string): string | null => {
  const { pull } = issue
  if (pull.head.sha !== commit) return `is at ${pull.head.sha} and not at ${commit}; it is not merged`
  if (pull.merged) return null
  if (issue.state === "closed") return "is closed; reopen it to merge it"
  return pull.draft ? "is a draft; it is merged once it is none" : null
}

const isMerged = ({ pull }: StoredPullRequest, commit: string): boolean => pull.merged && pull.head.sha === commit

/** Looks once more, in the transaction of the intent. */
const stillOpen = (where: At, commit: string): Body<void, ForgeError> =>
  Effect.gen(function* () {
    const record = yield* PullWrites.find(where)
    const why = record === null ? "is gone" : obstacle(record.issue, commit)
    if (why !== null) return yield* refused(`${nameOf(where)} ${why}`)
    const written: Written<void> = { value: undefined, events: [] }
    return written
  })

/** Merges the pull request and gives the commit that its base is at by then. */
export const mergePull = Effect.fnUntraced(function* (parts: Parts, turn: Turn, doer: Doer, asked: AskedMerge) {
  const { commit: head, method, number, title, body } = asked
  const { folder } = turn
  const where = at(turn, number)
  const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const attempt = Effect.gen(function* () {
    const issue = yield* pullIn(parts, where)
    const why = obstacle(issue, head)
    if (why !== null) return yield* refused(`${nameOf(where)} ${why}`)
    const { pull } = issue
    if (isMerged(issue, head)) {
      const result: ActionResult = { pullRequest: number, commit: pull.mergeCommit ?? head }
      const mark = markOf(doer, result)
      const put = mark === null ? Effect.void : Marks.put(mark.key, mark.result, now * 1000)
      yield* Effect.mapError(parts.writer.write(Effect.as(put, { value: undefined, events: [] })), parts.refusal)
      return result
    }
    const ref = branchRef(pull.base.ref)
    const base = (yield* turn.refs).get(ref)
    if (base === undefined) return yield* refused(`${nameOf(where)} cannot be merged: ${pull.base.ref} is gone`)
    const plan = { method, base, head, title, body, by: doer.by.actor.login, at: now }
    const planned = yield* Effect.mapError(planMerge(parts.git, folder, plan), gitFault)
    if (planned._tag === "Refused") return yield* refused(`${nameOf(where)} ${planned.why}`)
    const { commit } = planned
    const result: ActionResult = { pullRequest: number, commit }
    const change = { ref, from: base, to: commit }
    yield* turn.changing(
      { by: doer.by, changes: [change], mark: markOf(doer, result), merge: { number, commit }, quiet: false },
      Effect.mapError(changeRefs(parts.git, folder, commit === base ? [] : [change]), gitFault),
      stillOpen(where, head)
    )
    return result
  })
  // Whoever changes the folder without asking may have moved the base meanwhile.
  return yield* Effect.retry(attempt, { times: 4, while: ({ reason }) => reason.includes("but expected") })
})
