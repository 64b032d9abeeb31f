/** What a person may do to issues. */
import { Effect } from "effect"
import type { IssueNotFound, StoreUnavailable } from "../../../domain/Errors.ts"
import type { Comment, Issue } from "../../../services/Forge.ts"
import * as IssueChange from "./IssueChange.ts"
import { IssueInvalid } from "./IssueInvalid.ts"
import * as IssueLimits from "./IssueLimits.ts"
import * as IssueWrites from "./IssueWrites.ts"
import type { At, Body } from "./IssueWrites.ts"
import type { Parts } from "./settling.ts"
import type { By, Standing } from "./standing.ts"

export type Author = { readonly author: string }
type Labels = { readonly add: ReadonlyArray<string>; readonly remove: ReadonlyArray<string> }
type Edit = { readonly title?: string | undefined; readonly body?: string | undefined }
type NewIssue = {
  readonly repository: string
  readonly title: string
  readonly body: string
  readonly labels: ReadonlyArray<string>
}

type ChangeError = IssueInvalid | IssueNotFound | StoreUnavailable

/** What a person may do to issues, and to what pull requests share with them. */
export type IssueSide = {
  /** Opens an issue; its number was never used in this repository. */
  open(issue: NewIssue & Author): Effect.Effect<Issue, IssueInvalid | StoreUnavailable>
  comment(comment: At & Author & { readonly body: string }): Effect.Effect<Comment, ChangeError>
  /** Gives the comment another text. */
  editComment(
    change: At & Author & { readonly comment: number; readonly body: string }
  ): Effect.Effect<Comment, ChangeError>
  /** A label cannot be both added and removed. */
  label(change: At & Author & Labels): Effect.Effect<Issue, ChangeError>
  /** Adds assignees; those that are there stay. */
  assign(change: At & Author & { readonly assignees: ReadonlyArray<string> }): Effect.Effect<Issue, ChangeError>
  close(change: At & Author & { readonly reason: IssueChange.CloseReason }): Effect.Effect<Issue, ChangeError>
  /** Not for a pull request; see `reopenPull`. */
  reopen(change: At & Author): Effect.Effect<Issue, ChangeError>
  /** What is not given stays. */
  edit(change: At & Author & Edit): Effect.Effect<Issue, ChangeError>
}

export const relabel = Effect.fnUntraced(function* (standing: Standing, by: By, at: At, change: Labels) {
  const add = yield* IssueLimits.labels(change.add)
  const both = add.find((label) => change.remove.includes(label))
  if (both !== undefined) {
    return yield* new IssueInvalid({ field: "label", problem: `${JSON.stringify(both)} is both added and removed` })
  }
  return yield* IssueWrites.change(standing, by, at, (issue) => IssueChange.relabel(issue, add, change.remove))
})

export const assign = Effect.fnUntraced(function* (standing: Standing, by: By, at: At, names: ReadonlyArray<string>) {
  const assignees = yield* IssueLimits.assignees(names)
  return yield* IssueWrites.change(standing, by, at, (issue) => IssueChange.assign(issue, assignees))
})

const edit = Effect.fnUntraced(function* (standing: Standing, by: By, at: At, change: Edit) {
  const title = change.title === undefined ? null : yield* IssueLimits.title(change.title)
  const body = change.body === undefined ? null : yield* IssueLimits.body(change.body)
  return yield* IssueWrites.change(standing, by, at, (issue, now) => IssueChange.edit(issue, { title, body }, by, now))
})

export const close = (standing: Standing, by: By, at: At, reason: IssueChange.CloseReason) =>
  IssueWrites.change(standing, by, at, (issue) => IssueChange.close(issue, reason))

export const reopen = Effect.fnUntraced(function* (standing: Standing, by: By, at: At) {
  const record = yield* IssueWrites.found(at)
  if (record.issue.pull !== null) {
    const problem = `${IssueWrites.nameOf(at)} is a pull request, which is opened again as one`
    return yield* new IssueInvalid({ field: "issue", problem })
  }
  return yield* IssueWrites.changeFound(standing, by, record, IssueChange.reopen(record.issue))
})

export const makeIssueSide = ({ standing, writer }: Parts): IssueSide => {
  const writeAs = <A, E extends IssueInvalid | IssueNotFound>(
    { author }: Author,
    body: (by: By) => Body<A, E>
  ): Effect.Effect<A, E | IssueInvalid | StoreUnavailable> =>
    Effect.flatMap(standing.person(author), (by) => writer.write(body(by)))
  const shown = <E, R>(issue: Effect.Effect<IssueChange.StoredIssue, E, R>): Effect.Effect<Issue, E, R> =>
    Effect.map(issue, IssueChange.visible)

  return {
    open: Effect.fn("LocalForge.open")((asked) => shown(writeAs(asked, (by) => IssueWrites.open(standing, by, asked)))),
    comment: Effect.fn("LocalForge.comment")((asked) =>
      writeAs(asked, (by) => IssueWrites.comment(standing, by, asked, asked.body))
    ),
    editComment: Effect.fn("LocalForge.editComment")((asked) =>
      writeAs(asked, (by) => IssueWrites.editComment(standing, by, asked, asked.body))
    ),
    label: Effect.fn("LocalForge.label")((asked) => shown(writeAs(asked, (by) => relabel(standing, by, asked, asked)))),
    assign: Effect.fn("LocalForge.assign")((asked) =>
      shown(writeAs(asked, (by) => assign(standing, by, asked, asked.assignees)))
    ),
    close: Effect.fn("LocalForge.close")((asked) =>
      shown(writeAs(asked, (by) => close(standing, by, asked, asked.reason)))
    ),
    reopen: Effect.fn("LocalForge.reopen")((asked) => shown(writeAs(asked, (by) => reopen(standing, by, asked)))),
    edit: Effect.fn("LocalForge.edit")((asked) => shown(writeAs(asked, (by) => edit(standing, by, asked, asked))))
  }
}
