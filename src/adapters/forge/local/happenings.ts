/** What happened, as events tell it. */
import type { CommentSnapshot, Detail, EventDraft, IssueSnapshot, PullRequestSnapshot } from "../../../domain/Event.ts"
import * as Subject from "../../../domain/Subject.ts"
import type { Happened, StoredComment, StoredIssue, StoredPull } from "./IssueChange.ts"
import { associationOf, type By, type Standing } from "./standing.ts"

const issueSnapshot = (standing: Standing, issue: StoredIssue): IssueSnapshot => ({
  title: issue.title,
  body: issue.body,
  state: issue.state,
  author: issue.author,
  labels: issue.labels,
  assignees: issue.assignees,
  trust: standing.trustOfText(issue)
})

export const pullSnapshot = (standing: Standing, issue: StoredIssue, pull: StoredPull): PullRequestSnapshot => ({
  title: issue.title,
  body: issue.body,
  state: issue.state,
  author: issue.author,
  labels: issue.labels,
  draft: pull.draft,
  merged: pull.merged,
  head: pull.head,
  base: pull.base,
  trust: standing.trustOfText(issue)
})

export const commentSnapshot = (standing: Standing, comment: StoredComment): CommentSnapshot => ({
  id: comment.id,
  body: comment.body,
  author: comment.author,
  association: associationOf(standing, comment)
})

const issueDetail = (issue: IssueSnapshot, happened: Happened): Detail => {
  switch (happened._tag) {
    case "assigned":
      return { _tag: "issue.assigned", issue, assignee: happened.assignee }
    case "labeled":
    case "unlabeled":
      return { _tag: `issue.${happened._tag}`, issue, label: happened.label }
    default:
      return { _tag: `issue.${happened._tag}`, issue }
  }
}

const pullDetail = (pullRequest: PullRequestSnapshot, happened: Happened): Detail => {
  switch (happened._tag) {
    // There is no event of its own for these. An open pull request is news for whoever looks at pull requests.
    case "reopened":
      return { _tag: "pull_request.opened", pullRequest }
    case "assigned":
      return { _tag: "other", name: "pull_request", action: "assigned" }
    case "labeled":
    case "unlabeled":
      return { _tag: `pull_request.${happened._tag}`, pullRequest, label: happened.label }
    default:
      return { _tag: `pull_request.${happened._tag}`, pullRequest }
  }
}

/** What happened to an issue or pull request that is as given now. */
export const detailsOf = (
  standing: Standing,
  issue: StoredIssue,
  happened: ReadonlyArray<Happened>
): ReadonlyArray<Detail> =>
  happened.map((one) =>
    issue.pull === null
      ? issueDetail(issueSnapshot(standing, issue), one)
      : pullDetail(pullSnapshot(standing, issue, issue.pull), one)
  )

/**
 * The events of an issue or pull request. Its changes are counted in its own row, so a key is fresh in exactly the
 * transaction that uses it; `changes` is how many there were before.
 */
export const drafts = (
  issue: Pick<StoredIssue, "repository" | "number" | "pull">,
  changes: number,
  by: By,
  at: number,
  details: ReadonlyArray<Detail>
): ReadonlyArray<EventDraft> => {
  const subject = (issue.pull === null ? Subject.issue : Subject.pullRequest)(issue.repository, issue.number)
  return details.map((detail, index) => ({
    key: `local:${issue.repository}#${issue.number}:${changes + index + 1}`,
    source: "local",
    at,
    ...by,
    subject,
    detail
  }))
}
