import type { Detail, IssueSnapshot } from "../../../domain/Event.ts"
import type { Issue } from "../../../services/Forge.ts"

/** Why an issue was closed, in GitHub's words. */
export type CloseReason = "completed" | "not_planned"

/** An issue as stored: besides what everyone sees, why it was closed. */
export type StoredIssue = Issue & { readonly closedAs: CloseReason | null }

/** An issue after a change, and what happened; no details means that nothing changed. */
export type Changed = { readonly issue: StoredIssue; readonly details: ReadonlyArray<Detail> }

/** What events tell of an issue. */
export const snapshot = (issue: Issue): IssueSnapshot => ({
  title: issue.title,
  body: issue.body,
  state: issue.state,
  author: issue.author,
  labels: issue.labels,
  assignees: issue.assignees
})

/** Adds and removes labels: one detail for each that was really added or removed, additions first. */
export const relabel = (issue: StoredIssue, add: ReadonlyArray<string>, remove: ReadonlyArray<string>): Changed => {
  const added = add.filter((label) => !issue.labels.includes(label))
  const removed = issue.labels.filter((label) => remove.includes(label))
  const after = { ...issue, labels: [...issue.labels.filter((label) => !removed.includes(label)), ...added] }
  const seen = snapshot(after)
  return {
    issue: after,
    details: [
      ...added.map((label): Detail => ({ _tag: "issue.labeled", issue: seen, label })),
      ...removed.map((label): Detail => ({ _tag: "issue.unlabeled", issue: seen, label }))
    ]
  }
}

/** Assigns further people or agents: one detail for each that was not assigned before. */
export const assign = (issue: StoredIssue, assignees: ReadonlyArray<string>): Changed => {
  const added = assignees.filter((assignee) => !issue.assignees.includes(assignee))
  const after = { ...issue, assignees: [...issue.assignees, ...added] }
  const seen = snapshot(after)
  return { issue: after, details: added.map((assignee) => ({ _tag: "issue.assigned", issue: seen, assignee })) }
}

/** Closes an open issue; a closed one keeps its reason. */
export const close = (issue: StoredIssue, reason: CloseReason): Changed => {
  if (issue.state === "closed") return { issue, details: [] }
  const after: StoredIssue = { ...issue, state: "closed", closedAs: reason }
  return { issue: after, details: [{ _tag: "issue.closed", issue: snapshot(after) }] }
}

/** Opens a closed issue again. */
export const reopen = (issue: StoredIssue): Changed => {
  if (issue.state === "open") return { issue, details: [] }
  const after: StoredIssue = { ...issue, state: "open", closedAs: null }
  return { issue: after, details: [{ _tag: "issue.reopened", issue: snapshot(after) }] }
}

/** Gives it another title or body; null leaves it. */
export const edit = (issue: StoredIssue, title: string | null, body: string | null): Changed => {
  const after = { ...issue, title: title ?? issue.title, body: body ?? issue.body }
  if (after.title === issue.title && after.body === issue.body) return { issue, details: [] }
  return { issue: after, details: [{ _tag: "issue.edited", issue: snapshot(after) }] }
}
