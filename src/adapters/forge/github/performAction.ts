import { Effect, Semaphore } from "effect"
import { Action, type ActionDraft, type ActionResult } from "../../../domain/Action.ts"
import type { ForgeError } from "../../../domain/Errors.ts"
import { setCheck } from "./checks.ts"
import { refused, toForgeError } from "./fault.ts"
import type { GitHubClient } from "./GitHubClient.ts"
import * as Issues from "./issueActions.ts"
import * as Pulls from "./pullRequestActions.ts"
import { push } from "./push.ts"
import * as Reviews from "./reviewActions.ts"

/** Results that are remembered, so that what was done a moment ago need not be looked for. */
const remembered = 10_000

type Place = { readonly webUrl: string; readonly mirror: (repository: string) => string }

/** Actions that need no issue and no pull request. */
const onRepository: ReadonlySet<string> = new Set<Action["_tag"]>([
  "open_issue",
  "push",
  "open_pull_request",
  "set_check",
  "delete_branch"
])

const act = (draft: ActionDraft, place: Place): Issues.Doing => {
  const { action, subject } = draft
  if (subject.number === 0 && !onRepository.has(action._tag)) {
    return Effect.fail(refused(`${action._tag} needs an issue, and ${subject.repository} is a repository`))
  }
  return Action.match(action, {
    comment: (asked) => Issues.comment(draft, asked),
    add_labels: (asked) => Issues.addLabels(draft, asked),
    remove_labels: (asked) => Issues.removeLabels(draft, asked),
    assign: (asked) => Issues.assign(draft, asked),
    open_issue: (asked) => Issues.openIssue(draft, asked),
    close_issue: (asked) => Issues.close(draft, asked),
    reopen_issue: () => Issues.reopen(draft),
    push: (asked): Issues.Doing => push(draft, asked, place),
    open_pull_request: (asked) => Pulls.openPullRequest(draft, asked),
    update_pull_request: (asked) => Pulls.updatePullRequest(draft, asked),
    review: (asked) => Reviews.review(draft, asked, place.webUrl),
    reply_review: (asked) => Reviews.replyReview(draft, asked),
    set_check: (asked) => setCheck(draft, asked, place.webUrl),
    merge: (asked) => Pulls.merge(draft, asked),
    delete_branch: (asked) => Pulls.deleteBranch(draft, asked)
  })
}

/**
 * Performs actions, each key once.
 *
 * What an action creates carries its mark, and is looked for before it is created, so that it is created once also where
 * an answer was lost. Of what leaves no mark (labels, assignees, open and closed, a branch, a merge) the state is looked
 * at instead, so that what is so already is not done again. While this process lives it also remembers what it did.
 */
export const makePerform = (place: Place) => {
  const done = new Map<string, ActionResult>()
  const turns = new Map<string, { readonly turn: Semaphore.Semaphore; users: number }>()

  const alone = <A, E, R>(key: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const entry = turns.get(key) ?? { turn: Semaphore.makeUnsafe(1), users: 0 }
        entry.users++
        turns.set(key, entry)
        return entry
      }),
      ({ turn }) => turn.withPermit(effect),
      (entry) =>
        Effect.sync(() => {
          entry.users--
          if (entry.users === 0) turns.delete(key)
        })
    )

  return (draft: ActionDraft): Effect.Effect<ActionResult, ForgeError, GitHubClient> =>
    alone(
      draft.key,
      Effect.gen(function* () {
        const before = done.get(draft.key)
        if (before !== undefined) return before
        const result = yield* Effect.catchTag(act(draft, place), "GitHubFault", (fault) =>
          Effect.fail(toForgeError(fault))
        )
        done.set(draft.key, result)
        for (const oldest of done.keys()) {
          if (done.size <= remembered) break
          done.delete(oldest)
        }
        return result
      })
    )
}
