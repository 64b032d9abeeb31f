import { Schema } from "effect"
import type { Action } from "../../../../src/domain/Action.ts"
import type { IssueSnapshot } from "../../../../src/domain/Event.ts"

const Label = Schema.Literals(["bug", "ui", "docs"])
const Login = Schema.Literals(["mona", "hubot"])
const Text = Schema.Literals(["one", "two"])

/** A change of issue 1, 2 or 3, which may not be there: by a person, or by an agent as the action with this key. */
export const Change = Schema.Struct({
  number: Schema.Literals([1, 2, 3]),
  key: Schema.NullOr(Schema.Literals(["a", "b", "c", "d"])),
  action: Schema.TaggedUnion({
    comment: { body: Text },
    add_labels: { labels: Schema.NonEmptyArray(Label) },
    remove_labels: { labels: Schema.NonEmptyArray(Label) },
    assign: { assignees: Schema.NonEmptyArray(Login) },
    open_issue: { title: Text, body: Text, labels: Schema.Array(Label) },
    close_issue: { reason: Schema.Literals(["completed", "not_planned"]) },
    reopen_issue: {}
  })
})
export type Change = typeof Change.Type

/** What an event came to: its type, its issue, its author, and what is special to its type. */
export type Happened = readonly [type: string, number: number, by: string, about: string]

type ModelIssue = {
  title: string
  body: string
  state: "open" | "closed"
  author: string
  labels: Set<string>
  assignees: Set<string>
  comments: Array<string>
}

/** The local forge in a few lines of plain data. */
export class ForgeModel {
  readonly issues: Array<ModelIssue> = []
  readonly happened: Array<Happened> = []
  readonly done = new Set<string>()

  /** Whether the forge must do it; false where it must refuse. */
  apply({ action, key, number }: Change): boolean {
    if (key !== null && this.done.has(key)) return true
    const by = key === null ? "mona" : "coder-1-e1"
    if (action._tag === "open_issue") {
      const { body, labels, title } = action
      const issue: ModelIssue = {
        title,
        body,
        state: "open",
        author: by,
        labels: new Set(labels),
        assignees: new Set(),
        comments: []
      }
      this.happened.push(["issue.opened", this.issues.push(issue), by, ""])
    } else {
      const issue = this.issues[number - 1]
      if (issue === undefined) return false
      const tell = (type: string, about: string) => this.happened.push([type, number, by, about])
      this.change(issue, action, tell)
    }
    if (key !== null) this.done.add(key)
    return true
  }

  snapshots(): ReadonlyArray<Omit<IssueSnapshot, "trust"> & { readonly comments: number }> {
    return this.issues.map(({ assignees, comments, labels, ...issue }) => ({
      ...issue,
      labels: [...labels],
      assignees: [...assignees],
      comments: comments.length
    }))
  }

  private change(
    issue: ModelIssue,
    action: Exclude<Action, { readonly _tag: "open_issue" }>,
    tell: (type: string, about: string) => void
  ): void {
    switch (action._tag) {
      case "comment":
        issue.comments.push(action.body)
        return tell("comment.created", action.body)
      case "add_labels":
        for (const label of action.labels) {
          if (!issue.labels.has(label)) tell("issue.labeled", label)
          issue.labels.add(label)
        }
        return
      case "remove_labels": {
        // In the order in which the issue has them.
        const gone = Array.from(issue.labels).filter((label) => action.labels.some((one) => one === label))
        for (const label of gone) {
          issue.labels.delete(label)
          tell("issue.unlabeled", label)
        }
        return
      }
      case "assign":
        for (const assignee of action.assignees) {
          if (!issue.assignees.has(assignee)) tell("issue.assigned", assignee)
          issue.assignees.add(assignee)
        }
        return
      case "close_issue":
        if (issue.state === "open") tell("issue.closed", "")
        issue.state = "closed"
        return
      case "reopen_issue":
        if (issue.state === "closed") tell("issue.reopened", "")
        issue.state = "open"
    }
  }
}
