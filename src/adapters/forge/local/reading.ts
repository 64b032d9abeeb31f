/** What is read of the local forge. */
import { Cache, Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { type ForgeError, IssueNotFound, PullRequestNotFound } from "../../../domain/Errors.ts"
import type { Forge } from "../../../services/Forge.ts"
import { refused } from "./branchActions.ts"
import * as CommentTable from "./CommentTable.ts"
import { combine } from "./commits.ts"
import { existing } from "./folders.ts"
import { gitFault } from "./git.ts"
import { visible, visibleComment, visiblePull } from "./IssueChange.ts"
import * as IssueTable from "./IssueTable.ts"
import { type At, nameOf } from "./IssueWrites.ts"
import * as PullWrites from "./PullWrites.ts"
import type { StoredPullRequest } from "./PullWrites.ts"
import { hasCommit, headBranch } from "./refs.ts"
import * as ReviewTable from "./ReviewTable.ts"
import type { Parts } from "./settling.ts"
import { trustOfAgent } from "./standing.ts"

export type Reading = Omit<Forge["Service"], "perform"> & {
  /** Fails where the repository does not have the commit. */
  commit(repository: string, commit: string): Effect.Effect<void, ForgeError>
}

/** Whether one of our agents has the login, or Squadron itself. */
const isAgent = (login: string): IssueTable.Query<boolean> =>
  Effect.gen(function* () {
    if (login === "squadron") return true
    const sql = yield* SqlClient.SqlClient
    return (yield* sql`SELECT id FROM agents WHERE id = ${login}`).length > 0
  })

/** Pairs of commits whose mergeability is remembered; it never changes. */
const remembered = 2_000

export const makeReading = Effect.fnUntraced(function* (parts: Parts, root: string | null) {
  const { git, read, standing } = parts
  const mergeability = yield* Cache.make({
    capacity: remembered,
    lookup: (key: string) => {
      const [repository = "", base = "", head = ""] = key.split(" ")
      return Effect.flatMap(existing(root, repository), (folder) =>
        Effect.map(Effect.mapError(combine(git, folder, base, head), gitFault), ({ _tag }) => _tag === "Clean")
      )
    }
  })
  const pairOf = ({ pull, repository }: StoredPullRequest): string => `${repository} ${pull.base.sha} ${pull.head.sha}`
  const forget = (pair: string) => Effect.as(Cache.invalidate(mergeability, pair), null)

  const found = Effect.fnUntraced(function* (at: At) {
    const record = yield* read(PullWrites.find(at))
    if (record === null) return yield* new PullRequestNotFound({ pullRequest: nameOf(at) })
    return record.issue
  })
  const issue = Effect.fn("LocalForge.issue")(function* (repository: string, number: number) {
    const record = yield* read(IssueTable.find(repository, number))
    if (record === null) return yield* new IssueNotFound({ issue: nameOf({ repository, number }) })
    return visible(record.issue)
  })

  const reading: Reading = {
    issue,
    issues: Effect.fn("LocalForge.issues")((query) =>
      Effect.map(read(IssueTable.list({ ...query, pulls: false })), (all) => all.map((one) => visible(one.issue)))
    ),
    comments: Effect.fn("LocalForge.comments")(function* (repository: string, number: number) {
      yield* issue(repository, number)
      return (yield* read(CommentTable.list(repository, number))).map(visibleComment)
    }),
    pullRequest: Effect.fn("LocalForge.pullRequest")(function* (repository: string, number: number) {
      const issue = yield* found({ repository, number })
      if (issue.state === "closed") return visiblePull(issue, null)
      const pair = pairOf(issue)
      const mergeable = yield* Effect.catch(Cache.get(mergeability, pair), () => forget(pair))
      return visiblePull(issue, mergeable)
    }),
    // A list says what is known; it does not try all of them.
    pullRequests: Effect.fn("LocalForge.pullRequests")(function* (query) {
      const records = yield* read(PullWrites.list(query))
      return yield* Effect.forEach(records, ({ issue }) =>
        Effect.map(
          issue.state === "closed" ? Effect.succeedNone : Cache.getSuccess(mergeability, pairOf(issue)),
          (mergeable) => visiblePull(issue, Option.getOrNull(mergeable))
        )
      )
    }),
    reviews: Effect.fn("LocalForge.reviews")(function* (repository: string, number: number) {
      yield* found({ repository, number })
      return (yield* read(ReviewTable.reviews({ repository, number }))).map(ReviewTable.visibleReview)
    }),
    reviewComments: Effect.fn("LocalForge.reviewComments")(function* (repository: string, number: number) {
      yield* found({ repository, number })
      return (yield* read(ReviewTable.lines({ repository, number }))).map(ReviewTable.visibleLine)
    }),
    checks: Effect.fn("LocalForge.checks")((repository: string, commit: string) =>
      read(ReviewTable.checks(repository, commit))
    ),
    trust: Effect.fn("LocalForge.trust")(function* (_: string, login: string) {
      const known = yield* read(isAgent(login))
      return known ? trustOfAgent(login) : standing.trustOf(login)
    }),
    defaultBranch: Effect.fn("LocalForge.defaultBranch")((repository: string) =>
      Effect.flatMap(existing(root, repository), headBranch)
    ),
    remote: Effect.fn("LocalForge.remote")((repository: string) =>
      Effect.map(existing(root, repository), (url) => ({ url, header: null }))
    ),
    commit: Effect.fnUntraced(function* (repository: string, commit: string) {
      const folder = yield* existing(root, repository)
      if (yield* Effect.mapError(hasCommit(git, folder, commit), gitFault)) return
      return yield* refused(`${repository} does not have the commit ${commit}`)
    })
  }
  return reading
})
