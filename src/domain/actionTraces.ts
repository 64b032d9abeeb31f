/** How an action is known again in the event that the forge makes of it, where no text carries its mark. */
import { Action, type ActionDraft } from "./Action.ts"
import type { EventDraft } from "./Event.ts"
import * as Subject from "./Subject.ts"

/** Names for one and the same change. Forges take no account of case in most names. */
const trace = (...parts: ReadonlyArray<string | number>): string => parts.join(" ").toLowerCase()

/** Issues that a merge may close, at most. */
const mostMentioned = 50

const mentioned = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/(?:#|GH-)(\d{1,15})\b/gi)].slice(0, mostMentioned).map(([, number = ""]) => number)

/** The traces that an action leaves; none where a text of it carries its mark instead. Pure. */
export const tracesOf = ({ action, subject }: Pick<ActionDraft, "action" | "subject">): ReadonlyArray<string> => {
  const here = Subject.key(subject)
  const { repository } = subject
  return Action.match(action, {
    comment: () => [],
    reply_review: () => [],
    add_labels: ({ labels }) => labels.map((label) => trace(here, "labeled", label)),
    remove_labels: ({ labels }) => labels.map((label) => trace(here, "unlabeled", label)),
    assign: ({ assignees }) => assignees.map((login) => trace(here, "assigned", login)),
    // its number is not known before it is open
    open_issue: ({ labels, title }) => labels.map((label) => trace(repository, "labeled", label, title)),
    close_issue: () => [trace(here, "closed")],
    reopen_issue: () => [trace(here, "reopened")],
    push: ({ branch, commit }) => [trace(repository, "pushed", branch, commit)],
    // one that is open already is changed instead
    open_pull_request: ({ head }) => [trace(repository, "edited", head)],
    update_pull_request: () => [trace(here, "edited")],
    // a verdict is shown as a check of this name
    review: ({ commit, role }) => [trace(repository, "check", `squadron/${role}`, commit)],
    set_check: ({ commit, name }) => [trace(repository, "check", name, commit)],
    merge: ({ body, title }) => [
      trace(here, "closed"),
      trace(repository, "landed", title),
      ...mentioned(`${title}\n${body}`).map((number) => trace(`${repository}#${number}`, "closed"))
    ],
    delete_branch: ({ branch }) => [trace(repository, "deleted", branch)]
  })
}

/** The trace that a merge leaves once its commit is known. Pure. */
export const landedTrace = (repository: string, commit: string): string => trace(repository, "landed", commit)

const branchOf = (ref: string): string => ref.replace(/^refs\/heads\//, "")

/** The traces that the action behind an event may have left, the surest first; none where no action is looked for. Pure. */
export const tracesIn = ({ detail, subject }: Pick<EventDraft, "detail" | "subject">): ReadonlyArray<string> => {
  const here = Subject.key(subject)
  const { repository } = subject
  switch (detail._tag) {
    case "issue.labeled":
      return [trace(here, "labeled", detail.label), trace(repository, "labeled", detail.label, detail.issue.title)]
    case "pull_request.labeled":
      return [trace(here, "labeled", detail.label)]
    case "issue.unlabeled":
    case "pull_request.unlabeled":
      return [trace(here, "unlabeled", detail.label)]
    case "issue.assigned":
      return [trace(here, "assigned", detail.assignee)]
    case "issue.closed":
    case "pull_request.closed":
      return [trace(here, "closed")]
    case "issue.reopened":
      return [trace(here, "reopened")]
    case "pull_request.edited":
      return [trace(here, "edited"), trace(repository, "edited", detail.pullRequest.head.ref)]
    case "pull_request.synchronized": {
      const { ref, repository: from = repository, sha } = detail.pullRequest.head
      return from.toLowerCase() === repository.toLowerCase() ? [trace(repository, "pushed", ref, sha)] : []
    }
    case "push": {
      if (detail.deleted) return [trace(repository, "deleted", branchOf(detail.ref))]
      const newest = detail.commits.find(({ id }) => id === detail.after)?.message ?? ""
      return [
        trace(repository, "pushed", branchOf(detail.ref), detail.after),
        landedTrace(repository, detail.after),
        trace(repository, "landed", newest.split("\n")[0] ?? "")
      ]
    }
    case "check_run.completed":
      return [trace(repository, "check", detail.name, detail.sha)]
    case "status.changed":
      return [trace(repository, "check", detail.context, detail.sha)]
    default:
      return []
  }
}
