import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import { landedTrace, tracesIn, tracesOf } from "../../src/domain/actionTraces.ts"
import type { Detail, IssueSnapshot, PullRequestSnapshot } from "../../src/domain/Event.ts"
import * as Subject from "../../src/domain/Subject.ts"

const repository = "acme/app"
const commit = "1".repeat(40)
const other = "2".repeat(40)
const issue: IssueSnapshot = { title: "Crash", body: "", state: "open", author: "mona", labels: [], assignees: [] }
const pullRequest: PullRequestSnapshot = {
  title: "Mend",
  body: "",
  state: "open",
  author: "mona",
  labels: [],
  draft: false,
  merged: false,
  head: { ref: "squadron/dev-7-e1", sha: commit, repository },
  base: { ref: "main", sha: other }
}
const onIssue = Subject.issue(repository, 7)
const onPull = Subject.pullRequest(repository, 9)
const onRepository = Subject.repository(repository)
const merge: Action = { _tag: "merge", method: "squash", commit, title: "Mend (#9)", body: "Fixes #7, see GH-12" }
const pushed = (changed: Partial<Extract<Detail, { readonly _tag: "push" }>>): Detail => ({
  _tag: "push",
  ref: "refs/heads/squadron/dev-7-e1",
  before: other,
  after: commit,
  forced: false,
  deleted: false,
  commits: [],
  ...changed
})
const commits = [{ id: commit, message: "Mend (#9)\n\nFixes #7", added: [], modified: [], removed: [] }]

type Row = readonly [action: Action, on: Subject.Subject, detail: Detail, of: Subject.Subject]

describe("an action is known again", () => {
  const known: ReadonlyArray<Row> = [
    [{ _tag: "add_labels", labels: ["a", "Bug"] }, onIssue, { _tag: "issue.labeled", issue, label: "bug" }, onIssue],
    [
      { _tag: "add_labels", labels: ["bug"] },
      onPull,
      { _tag: "pull_request.labeled", pullRequest, label: "bug" },
      onPull
    ],
    [{ _tag: "remove_labels", labels: ["bug"] }, onIssue, { _tag: "issue.unlabeled", issue, label: "bug" }, onIssue],
    [{ _tag: "assign", assignees: ["mona"] }, onIssue, { _tag: "issue.assigned", issue, assignee: "Mona" }, onIssue],
    [
      { _tag: "open_issue", title: "Crash", body: "", labels: ["bug"] },
      Subject.issue(repository, 3),
      { _tag: "issue.labeled", issue, label: "bug" },
      onIssue
    ],
    [{ _tag: "close_issue", reason: "completed" }, onIssue, { _tag: "issue.closed", issue }, onIssue],
    [{ _tag: "reopen_issue" }, onIssue, { _tag: "issue.reopened", issue }, onIssue],
    [{ _tag: "push", branch: "squadron/dev-7-e1", commit, expected: null }, onIssue, pushed({}), onRepository],
    [
      { _tag: "push", branch: "squadron/dev-7-e1", commit, expected: null },
      onIssue,
      { _tag: "pull_request.synchronized", pullRequest },
      onPull
    ],
    [
      { _tag: "update_pull_request", title: "Mend", body: null, draft: null },
      onPull,
      { _tag: "pull_request.edited", pullRequest },
      onPull
    ],
    [
      { _tag: "open_pull_request", title: "Mend", body: "", head: "squadron/dev-7-e1", base: "main", draft: false },
      onIssue,
      { _tag: "pull_request.edited", pullRequest },
      onPull
    ],
    [merge, onPull, { _tag: "pull_request.closed", pullRequest }, onPull],
    [merge, onPull, { _tag: "issue.closed", issue }, onIssue],
    [merge, onPull, { _tag: "issue.closed", issue }, Subject.issue(repository, 12)],
    [merge, onPull, pushed({ ref: "refs/heads/main", commits }), onRepository],
    [
      { _tag: "delete_branch", branch: "squadron/dev-7-e1", commit },
      onRepository,
      pushed({ deleted: true }),
      onRepository
    ],
    [
      { _tag: "set_check", name: "gate/dev", commit, conclusion: "success", summary: "" },
      onPull,
      { _tag: "check_run.completed", name: "gate/dev", sha: commit, conclusion: "success", pullRequests: [9] },
      onPull
    ],
    [
      { _tag: "review", role: "reviewer", verdict: "approve", commit, body: "", comments: [] },
      onPull,
      { _tag: "status.changed", context: "squadron/reviewer", sha: commit, state: "success", branches: [] },
      onRepository
    ]
  ]
  for (const [action, on, detail, of] of known) {
    it(`${action._tag} in ${detail._tag} on ${Subject.key(of)}`, () => {
      const left = tracesOf({ action, subject: on })
      assert.isTrue(tracesIn({ detail, subject: of }).some((trace) => left.includes(trace)))
    })
  }

  const unknown: ReadonlyArray<Row> = [
    [{ _tag: "add_labels", labels: ["bug"] }, onIssue, { _tag: "issue.labeled", issue, label: "other" }, onIssue],
    [{ _tag: "add_labels", labels: ["bug"] }, onIssue, { _tag: "issue.unlabeled", issue, label: "bug" }, onIssue],
    [
      { _tag: "add_labels", labels: ["bug"] },
      onIssue,
      { _tag: "issue.labeled", issue, label: "bug" },
      Subject.issue("other/app", 7)
    ],
    [
      { _tag: "add_labels", labels: ["bug"] },
      onIssue,
      { _tag: "issue.labeled", issue, label: "bug" },
      Subject.issue(repository, 77)
    ],
    [{ _tag: "close_issue", reason: "completed" }, onIssue, { _tag: "issue.reopened", issue }, onIssue],
    [merge, onPull, { _tag: "issue.closed", issue }, Subject.issue(repository, 1)],
    [merge, onPull, pushed({ ref: "refs/heads/main", commits: [] }), onRepository],
    [
      { _tag: "push", branch: "squadron/dev-7-e1", commit, expected: null },
      onIssue,
      pushed({ after: other }),
      onRepository
    ],
    [{ _tag: "push", branch: "other", commit, expected: null }, onIssue, pushed({}), onRepository],
    [
      { _tag: "push", branch: "squadron/dev-7-e1", commit, expected: null },
      onIssue,
      {
        _tag: "pull_request.synchronized",
        pullRequest: { ...pullRequest, head: { ...pullRequest.head, repository: "mallory/app" } }
      },
      onPull
    ],
    // what tests say of a push is no doing of who pushed
    [
      { _tag: "push", branch: "squadron/dev-7-e1", commit, expected: null },
      onIssue,
      { _tag: "check_suite.completed", name: "CI", sha: commit, conclusion: "failure", pullRequests: [9] },
      onPull
    ]
  ]
  for (const [action, on, detail, of] of unknown) {
    it(`and no ${action._tag} is seen in another ${detail._tag} on ${Subject.key(of)}`, () => {
      const left = tracesOf({ action, subject: on })
      assert.isFalse(tracesIn({ detail, subject: of }).some((trace) => left.includes(trace)))
    })
  }

  it("a merge by its commit, once that is known", () => {
    const detail = pushed({ ref: "refs/heads/main", commits: [] })
    assert.include(tracesIn({ detail, subject: onRepository }), landedTrace(repository, commit))
  })
})
