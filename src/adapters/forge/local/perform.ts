/** Does what an action says, as its agent, once for its key. */
import { Clock, Effect } from "effect"
import { Action, type ActionDraft, type ActionResult } from "../../../domain/Action.ts"
import {
  ForgeError,
  type IssueNotFound,
  type PullRequestNotFound,
  type StoreUnavailable
} from "../../../domain/Errors.ts"
import { deleteBranch, push } from "./branchActions.ts"
import { IssueInvalid } from "./IssueInvalid.ts"
import { assign, close, relabel, reopen } from "./issueSide.ts"
import * as IssueTable from "./IssueTable.ts"
import * as IssueWrites from "./IssueWrites.ts"
import type { At, Body } from "./IssueWrites.ts"
import * as Marks from "./marks.ts"
import { mergePull, openPull, reopenPull } from "./pullActions.ts"
import * as PullWrites from "./PullWrites.ts"
import type { Reading } from "./reading.ts"
import * as ReviewWrites from "./ReviewWrites.ts"
import type { Parts } from "./settling.ts"
import { performer } from "./standing.ts"
import type { Turn, Turns } from "./Turns.ts"

type Invalid = IssueInvalid | IssueNotFound | PullRequestNotFound
type Rows = Body<ActionResult, Invalid>
type Doing = Effect.Effect<ActionResult, ForgeError>

/** Actions that need no issue and no pull request. */
const ofRepository: ReadonlySet<Action["_tag"]> = new Set([
  "open_issue",
  "push",
  "open_pull_request",
  "set_check",
  "delete_branch"
])

export const refusal = (error: Invalid | StoreUnavailable | ForgeError): ForgeError =>
  error._tag === "ForgeError"
    ? error
    : new ForgeError({ reason: error.message, retryable: error._tag === "StoreUnavailable", retryAfter: null })

const giving = <A, E>(body: Body<A, E>, result: (value: A) => ActionResult): Body<ActionResult, E> =>
  Effect.map(body, ({ events, value }) => ({ value: result(value), events }))

/** `mirror` is where the objects of a push are, null where there are no mirrors. */
export const makePerform = (
  parts: Parts,
  turns: Turns,
  reading: Reading,
  mirror: (repository: string) => string | null
) => {
  const { read, standing, writer } = parts

  const perform = (draft: ActionDraft): Doing => {
    const { kind, number, repository } = draft.subject
    const at: At = { repository, number }
    const by = performer(draft)
    const doer = { by, key: draft.key }
    const issue = { issue: number }

    const inRows = Effect.fnUntraced(function* (body: Rows) {
      const now = yield* Clock.currentTimeMillis
      return yield* Effect.mapError(writer.write(Marks.once(draft.key, now, body)), refusal)
    })
    /** What was done before needs no turn; what is done while it waits for one counts too. */
    const inTurn = Effect.fnUntraced(function* (body: (turn: Turn) => Doing) {
      const before = yield* read(Marks.find(draft.key))
      if (before !== null) return before
      return yield* turns.in(
        repository,
        Effect.fnUntraced(function* (turn) {
          const meanwhile = yield* read(Marks.find(draft.key))
          return meanwhile ?? (yield* body(turn))
        })
      )
    })
    const onCommit = (commit: string, body: Rows): Doing =>
      Effect.flatMap(read(Marks.find(draft.key)), (before) =>
        before === null ? Effect.andThen(reading.commit(repository, commit), inRows(body)) : Effect.succeed(before)
      )

    if (kind === "repository" && !ofRepository.has(draft.action._tag)) {
      const problem = `${draft.action._tag} needs an issue, and ${repository} is a repository`
      return inRows(Effect.fail(new IssueInvalid({ field: "subject", problem })))
    }
    return Action.match(draft.action, {
      open_issue: (asked): Doing =>
        inRows(giving(IssueWrites.open(standing, by, { ...asked, repository }), ({ number }) => ({ issue: number }))),
      comment: ({ body }) =>
        inRows(giving(IssueWrites.comment(standing, by, at, body), ({ id }) => ({ ...issue, comment: id }))),
      add_labels: ({ labels }) => inRows(giving(relabel(standing, by, at, { add: labels, remove: [] }), () => issue)),
      remove_labels: ({ labels }) =>
        inRows(giving(relabel(standing, by, at, { add: [], remove: labels }), () => issue)),
      assign: ({ assignees }) => inRows(giving(assign(standing, by, at, assignees), () => issue)),
      close_issue: ({ reason }) => inRows(giving(close(standing, by, at, reason), () => issue)),
      reopen_issue: () =>
        Effect.flatMap(read(IssueTable.find(repository, number)), (record) =>
          (record?.issue.pull ?? null) === null
            ? inRows(giving(reopen(standing, by, at), () => issue))
            : inTurn((turn) => reopenPull(parts, turn, doer, number, (body) => inRows(giving(body, () => issue))))
        ),
      push: (asked) => inTurn((turn) => push(parts, turn, doer, asked, mirror(repository))),
      open_pull_request: (asked) =>
        inTurn((turn) =>
          openPull(parts, turn, doer, asked, (body) => inRows(giving(body, ({ number }) => ({ pullRequest: number }))))
        ),
      update_pull_request: (asked) =>
        inRows(giving(PullWrites.update(standing, by, at, asked), () => ({ pullRequest: number }))),
      review: (asked) =>
        onCommit(
          asked.commit,
          giving(ReviewWrites.review(standing, by, at, asked), ({ id }) => ({ pullRequest: number, review: id }))
        ),
      reply_review: (asked) =>
        inRows(giving(ReviewWrites.reply(standing, by, at, asked), ({ id }) => ({ pullRequest: number, comment: id }))),
      set_check: (asked) =>
        onCommit(
          asked.commit,
          giving(ReviewWrites.setCheck(by, repository, asked), () => ({}))
        ),
      merge: (asked) => inTurn((turn) => mergePull(parts, turn, doer, { ...asked, number })),
      delete_branch: (asked) => inTurn((turn) => deleteBranch(parts, turn, doer, asked))
    })
  }
  return Effect.fn("LocalForge.perform")(perform)
}
