import { Schema } from "effect"
import { ForgeNumber, Subject } from "./Subject.ts"

/** A git commit's full id. */
const CommitId = Schema.String.check(Schema.isPattern(/^[0-9a-f]{40}$/))

/** A branch's name, without `refs/heads/`. */
export const BranchName = Schema.NonEmptyString.check(
  Schema.isPattern(/^(?!.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)))(?![-./])[\w./+@=-]*[\w+@=-]$/u)
)

/** What a reviewer says to one line of a file, as it is after the change. */
export const LineComment = Schema.Struct({
  path: Schema.NonEmptyString,
  line: Schema.Int.check(Schema.isGreaterThan(0)),
  body: Schema.NonEmptyString
})
export type LineComment = typeof LineComment.Type

/** How a pull request's commits come to its base: all as one, with a merge commit, or one by one on top. */
export const MergeMethod = Schema.Literals(["squash", "merge", "rebase"])
export type MergeMethod = typeof MergeMethod.Type

/** Something to do in the forge. */
export const Action = Schema.TaggedUnion({
  comment: { body: Schema.NonEmptyString },
  add_labels: { labels: Schema.NonEmptyArray(Schema.NonEmptyString) },
  remove_labels: { labels: Schema.NonEmptyArray(Schema.NonEmptyString) },
  assign: { assignees: Schema.NonEmptyArray(Schema.NonEmptyString) },
  open_issue: {
    title: Schema.NonEmptyString,
    body: Schema.String,
    labels: Schema.Array(Schema.NonEmptyString)
  },
  close_issue: { reason: Schema.Literals(["completed", "not_planned"]) },
  reopen_issue: {},
  /**
   * Sets a branch of the forge to a commit of Squadron's mirror. `expected` is where the branch must be by then, null
   * where there must be none; where it is elsewhere, nothing is pushed.
   */
  push: { branch: BranchName, commit: CommitId, expected: Schema.NullOr(CommitId) },
  /** From `head` into `base`, branches of the same repository. An open one of the same two is updated instead. */
  open_pull_request: {
    title: Schema.NonEmptyString,
    body: Schema.String,
    head: BranchName,
    base: BranchName,
    draft: Schema.Boolean
  },
  /** On a pull request; null leaves what is there. */
  update_pull_request: {
    title: Schema.NullOr(Schema.NonEmptyString),
    body: Schema.NullOr(Schema.String),
    draft: Schema.NullOr(Schema.Boolean)
  },
  /** On a pull request, of its head `commit`. `role` is whose review it is: one login can hold several. */
  review: {
    role: Schema.NonEmptyString,
    verdict: Schema.Literals(["approve", "request_changes", "comment"]),
    commit: CommitId,
    body: Schema.String,
    comments: Schema.Array(LineComment)
  },
  /** Answers a review comment, in its thread. */
  reply_review: { comment: ForgeNumber, body: Schema.NonEmptyString },
  /** What a check says of a commit; a later one of the same name on the same commit replaces it. */
  set_check: {
    name: Schema.NonEmptyString,
    commit: CommitId,
    conclusion: Schema.Literals(["pending", "success", "failure", "neutral"]),
    summary: Schema.String
  },
  /** Merges a pull request whose head is still `commit`. */
  merge: { method: MergeMethod, commit: CommitId, title: Schema.NonEmptyString, body: Schema.String },
  /** Deletes a branch that is still at `commit`; one that is gone is fine. */
  delete_branch: { branch: BranchName, commit: CommitId }
})
export type Action = typeof Action.Type
export type ActionType = Action["_tag"]

/** What it does, in a few words for a person. */
export const describe = (action: Action): string =>
  Action.match(action, {
    comment: () => "comment",
    add_labels: ({ labels }) => `label ${labels.join(", ")}`,
    remove_labels: ({ labels }) => `remove label ${labels.join(", ")}`,
    assign: ({ assignees }) => `assign ${assignees.join(", ")}`,
    open_issue: ({ title }) => `open issue ${JSON.stringify(title)}`,
    close_issue: ({ reason }) => `close as ${reason}`,
    reopen_issue: () => "reopen",
    push: ({ branch, commit }) => `push ${commit.slice(0, 9)} to ${branch}`,
    open_pull_request: ({ base, head, title }) => `open pull request ${JSON.stringify(title)} (${head} into ${base})`,
    update_pull_request: () => "update the pull request",
    review: ({ role, verdict }) => `${verdict.replace("_", " ")} as ${role}`,
    reply_review: ({ comment }) => `reply to review comment ${comment}`,
    set_check: ({ conclusion, name }) => `check ${name}: ${conclusion}`,
    merge: ({ commit, method }) => `merge ${commit.slice(0, 9)} by ${method}`,
    delete_branch: ({ branch }) => `delete branch ${branch}`
  })

/** An action as a harness asks for it: on the agent's own subject unless it names an issue of the same repository. */
export const RequestedAction = Schema.Struct({ action: Action, issue: Schema.optionalKey(ForgeNumber) })
export type RequestedAction = typeof RequestedAction.Type

/** What a role may be allowed to do; all other actions are Squadron's own. */
export const Tool = Schema.Literals([
  "comment",
  "add_labels",
  "remove_labels",
  "assign",
  "open_issue",
  "close_issue",
  "reopen_issue",
  "push",
  "open_pull_request",
  "update_pull_request",
  "review",
  "reply_review"
])
export type Tool = typeof Tool.Type

/** Tools that a program may ask for by what it prints; the others are looked through first, over MCP. */
export const printedTools: ReadonlyArray<Tool> = [
  "comment",
  "add_labels",
  "remove_labels",
  "assign",
  "open_issue",
  "close_issue",
  "reopen_issue"
]

/** Tools that change what others run or read: only words of people with write access may steer who has one. */
export const writingTools: ReadonlyArray<Tool> = ["push", "open_pull_request", "update_pull_request"]

/** An action on its way into the outbox. `key` makes the world see it once. */
export const ActionDraft = Schema.Struct({
  key: Schema.NonEmptyString,
  subject: Subject,
  agent: Schema.NullOr(Schema.String),
  /** Causality depth of the events that it will cause. */
  depth: Schema.Int,
  action: Action
})
export type ActionDraft = typeof ActionDraft.Type

export const ActionStatus = Schema.Literals(["queued", "done", "failed"])
export type ActionStatus = typeof ActionStatus.Type

/** An action in the outbox. */
export const QueuedAction = Schema.Struct({
  id: Schema.Int,
  ...ActionDraft.fields,
  status: ActionStatus,
  /** Tries that were noted, in all; those that the outbox makes now are noted once it is through with them. */
  attempts: Schema.Int,
  /** Why the last of them failed, else empty. */
  error: Schema.String
})
export type QueuedAction = typeof QueuedAction.Type

/** What an action came to, e.g. `{ issue: 12 }` for `open_issue`. */
export const ActionResult = Schema.Struct({
  issue: Schema.optionalKey(ForgeNumber),
  comment: Schema.optionalKey(ForgeNumber),
  pullRequest: Schema.optionalKey(ForgeNumber),
  review: Schema.optionalKey(ForgeNumber),
  /** For `merge`: the commit that the base is at now; for `push`: the branch's commit. */
  commit: Schema.optionalKey(Schema.String)
})
export type ActionResult = typeof ActionResult.Type
