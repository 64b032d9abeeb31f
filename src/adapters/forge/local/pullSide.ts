/** What a person may do to pull requests. */
import { Effect } from "effect"
import type { LineComment, MergeMethod } from "../../../domain/Action.ts"
import { type ForgeError, PullRequestNotFound, type StoreUnavailable } from "../../../domain/Errors.ts"
import { maySteer } from "../../../domain/Trust.ts"
import type { Check, PullRequest, Review } from "../../../services/Forge.ts"
import { refused } from "./branchActions.ts"
import { IssueInvalid } from "./IssueInvalid.ts"
import type { Author } from "./issueSide.ts"
import { type At, type Body, nameOf } from "./IssueWrites.ts"
import { type AskedPull, mergePull, openPull, reopenPull } from "./pullActions.ts"
import * as PullWrites from "./PullWrites.ts"
import type { Reading } from "./reading.ts"
import * as ReviewWrites from "./ReviewWrites.ts"
import type { Parts } from "./settling.ts"
import type { By } from "./standing.ts"
import type { Turns } from "./Turns.ts"

type Fails = IssueInvalid | PullRequestNotFound | ForgeError | StoreUnavailable

/** What a person may do to pull requests. */
export type PullSide = {
  /** Of two branches of the repository. An open one of the same two is refused. */
  openPull(
    pull: { readonly repository: string } & AskedPull & Author
  ): Effect.Effect<PullRequest, IssueInvalid | ForgeError | StoreUnavailable>
  /** Of the pull request as it is now. */
  review(
    review: At &
      Author & {
        readonly verdict: Review["verdict"]
        readonly body: string
        readonly comments: ReadonlyArray<LineComment>
      }
  ): Effect.Effect<Review, Fails>
  dismissReview(change: At & Author & { readonly review: number }): Effect.Effect<Review, Fails>
  /** Only for who may write. */
  mergePull(change: At & Author & { readonly method: MergeMethod }): Effect.Effect<PullRequest, Fails>
  closePull(change: At & Author): Effect.Effect<PullRequest, Fails>
  /** Where its branches are still there. */
  reopenPull(change: At & Author): Effect.Effect<PullRequest, Fails>
  setCheck(
    check: { readonly repository: string } & Check & Author
  ): Effect.Effect<Check, IssueInvalid | ForgeError | StoreUnavailable>
}

export const makePullSide = (parts: Parts, turns: Turns, reading: Reading): PullSide => {
  const { read, standing, writer } = parts
  const writeAs = <A, E extends IssueInvalid | PullRequestNotFound>(
    { author }: Author,
    body: (by: By) => Body<A, E>
  ): Effect.Effect<A, E | IssueInvalid | StoreUnavailable> =>
    Effect.flatMap(standing.person(author), (by) => writer.write(body(by)))
  const found = Effect.fnUntraced(function* (at: At) {
    const record = yield* read(PullWrites.find(at))
    if (record === null) return yield* new PullRequestNotFound({ pullRequest: nameOf(at) })
    return record.issue
  })
  const shown = ({ number, repository }: At) => reading.pullRequest(repository, number)

  return {
    openPull: Effect.fn("LocalForge.openPull")(function* (asked) {
      const by = yield* standing.person(asked.author)
      const { number } = yield* turns.in(
        asked.repository,
        Effect.fnUntraced(function* (turn) {
          const { base, head, repository } = asked
          const same = yield* read(PullWrites.list({ repository, state: "open", head, limit: 100 }))
          const twin = same.find(({ issue }) => issue.pull.base.ref === base)
          if (twin !== undefined) {
            const problem = `${nameOf(twin.issue)} is open already for ${head} into ${base}`
            return yield* new IssueInvalid({ field: "head", problem })
          }
          return yield* openPull(parts, turn, { by, key: null }, asked, (body) => writer.write(body))
        })
      )
      return yield* Effect.catchTag(shown({ ...asked, number }), "PullRequestNotFound", Effect.die)
    }),
    review: Effect.fn("LocalForge.review")(function* (asked) {
      const { pull } = yield* found(asked)
      const { body, comments, verdict } = asked
      const review = { role: null, verdict, commit: pull.head.sha, body, comments }
      return yield* writeAs(asked, (by) => ReviewWrites.review(standing, by, asked, review))
    }),
    dismissReview: Effect.fn("LocalForge.dismissReview")((asked) =>
      writeAs(asked, (by) => ReviewWrites.dismiss(standing, by, asked))
    ),
    mergePull: Effect.fn("LocalForge.mergePull")(function* (asked) {
      const { method, number } = asked
      const by = yield* standing.person(asked.author)
      const issue = yield* found(asked)
      const trust = standing.trustOf(asked.author)
      if (!maySteer(trust)) {
        return yield* refused(`${asked.author} may not merge into ${asked.repository}: that wants write, not ${trust}`)
      }
      const merge = {
        number,
        method,
        commit: issue.pull.head.sha,
        title: `${issue.title} (#${number})`,
        body: issue.body
      }
      yield* turns.in(asked.repository, (turn) => mergePull(parts, turn, { by, key: null }, merge))
      return yield* shown(asked)
    }),
    closePull: Effect.fn("LocalForge.closePull")(function* (asked) {
      yield* writeAs(asked, (by) => PullWrites.close(standing, by, asked))
      return yield* shown(asked)
    }),
    reopenPull: Effect.fn("LocalForge.reopenPull")(function* (asked) {
      const by = yield* standing.person(asked.author)
      yield* found(asked)
      yield* turns.in(asked.repository, (turn) =>
        reopenPull(parts, turn, { by, key: null }, asked.number, (body) => writer.write(body))
      )
      return yield* shown(asked)
    }),
    setCheck: Effect.fn("LocalForge.setCheck")(function* (asked) {
      const { author, repository, ...check } = asked
      yield* reading.commit(repository, check.commit)
      const by = yield* standing.person(author)
      return yield* writer.write(ReviewWrites.setCheck(by, repository, check))
    })
  }
}
