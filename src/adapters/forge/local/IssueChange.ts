import type { Comment, Issue, PullRequest } from "../../../services/Forge.ts"
import { type By, rewritten, shown, type StoredText } from "./standing.ts"

/** Why an issue was closed, in GitHub's words. */
export type CloseReason = "completed" | "not_planned"

/** What a pull request has besides what every issue has. */
export type StoredPull = {
  readonly draft: boolean
  readonly merged: boolean
  readonly mergeCommit: string | null
  readonly head: { readonly ref: string; readonly sha: string }
  /** While it is open, where the base is; afterwards where it was. */
  readonly base: { readonly ref: string; readonly sha: string }
}

/** An issue as stored: besides what everyone sees, why it was closed, and what makes it a pull request. */
export type StoredIssue = StoredText &
  Pick<Issue, "repository" | "number" | "title" | "state" | "labels" | "assignees" | "updatedAt" | "comments"> & {
    readonly closedAs: CloseReason | null
    readonly pull: StoredPull | null
  }

export type StoredComment = StoredText & { readonly id: number }

/** What happened to an issue or a pull request. */
export type Happened =
  | { readonly _tag: "opened" | "reopened" | "closed" | "edited" }
  | { readonly _tag: "labeled" | "unlabeled"; readonly label: string }
  | { readonly _tag: "assigned"; readonly assignee: string }

/** An issue after a change, and what happened; nothing happened means that nothing changed. */
export type Changed = { readonly issue: StoredIssue; readonly happened: ReadonlyArray<Happened> }

/** What everyone sees of a stored issue. */
export const visible = (issue: StoredIssue): Issue => ({
  ...shown(issue),
  repository: issue.repository,
  number: issue.number,
  title: issue.title,
  state: issue.state,
  labels: issue.labels,
  assignees: issue.assignees,
  updatedAt: issue.updatedAt,
  comments: issue.comments,
  pullRequest: issue.pull !== null
})

/** What everyone sees of a stored pull request. */
export const visiblePull = (
  issue: StoredIssue & { readonly pull: StoredPull },
  mergeable: boolean | null
): PullRequest => ({
  ...shown(issue),
  repository: issue.repository,
  number: issue.number,
  title: issue.title,
  state: issue.state,
  draft: issue.pull.draft,
  merged: issue.pull.merged,
  mergeCommit: issue.pull.mergeCommit,
  head: { ...issue.pull.head, repository: issue.repository },
  base: issue.pull.base,
  mergeable,
  labels: issue.labels,
  updatedAt: issue.updatedAt
})

export const visibleComment = (comment: StoredComment): Comment => ({ ...shown(comment), id: comment.id })

const unchanged = (issue: StoredIssue): Changed => ({ issue, happened: [] })

/** Adds and removes labels: one happening for each that was really added or removed, additions first. */
export const relabel = (issue: StoredIssue, add: ReadonlyArray<string>, remove: ReadonlyArray<string>): Changed => {
  const added = add.filter((label) => !issue.labels.includes(label))
  const removed = issue.labels.filter((label) => remove.includes(label))
  return {
    issue: { ...issue, labels: [...issue.labels.filter((label) => !removed.includes(label)), ...added] },
    happened: [
      ...added.map((label): Happened => ({ _tag: "labeled", label })),
      ...removed.map((label): Happened => ({ _tag: "unlabeled", label }))
    ]
  }
}

/** Assigns further people or agents: one happening for each that was not assigned before. */
export const assign = (issue: StoredIssue, assignees: ReadonlyArray<string>): Changed => {
  const added = assignees.filter((assignee) => !issue.assignees.includes(assignee))
  return {
    issue: { ...issue, assignees: [...issue.assignees, ...added] },
    happened: added.map((assignee) => ({ _tag: "assigned", assignee }))
  }
}

/** Closes an open issue; a closed one keeps its reason. */
export const close = (issue: StoredIssue, reason: CloseReason): Changed =>
  issue.state === "closed"
    ? unchanged(issue)
    : { issue: { ...issue, state: "closed", closedAs: reason }, happened: [{ _tag: "closed" }] }

/** Opens a closed issue again. */
export const reopen = (issue: StoredIssue): Changed =>
  issue.state === "open"
    ? unchanged(issue)
    : { issue: { ...issue, state: "open", closedAs: null }, happened: [{ _tag: "reopened" }] }

/** What is changed of a text; null leaves it. */
export type Edit = { readonly title: string | null; readonly body: string | null; readonly draft?: boolean | null }

/** Gives it another title or body, or makes a draft of a pull request or none. */
export const edit = (issue: StoredIssue, change: Edit, by: By, at: number): Changed => {
  const { pull } = issue
  const title = change.title ?? issue.title
  const body = change.body ?? issue.body
  const draft = change.draft ?? pull?.draft ?? false
  const isText = title !== issue.title || body !== issue.body
  if (!isText && (pull === null || draft === pull.draft)) return unchanged(issue)
  const after = isText ? { ...rewritten(issue, body, by, at), title } : issue
  return {
    issue: pull === null ? after : { ...after, pull: { ...pull, draft } },
    happened: [{ _tag: "edited" }]
  }
}
