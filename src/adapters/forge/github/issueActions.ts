/** What is done to issues; pull requests are issues too, as GitHub has it. Each looks first whether it was done. */
import { Effect, Schema } from "effect"
import type { Action, ActionDraft, ActionResult } from "../../../domain/Action.ts"
import { type ForgeError, IssueNotFound } from "../../../domain/Errors.ts"
import * as Answers from "./answers.ts"
import { type GitHubFault, refused } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { hashOf, markFor, marksOf, withMarks } from "./mark.ts"

export type Doing = Effect.Effect<ActionResult, GitHubFault | ForgeError, GitHubClient>

/** One kind of action. */
export type Of<Tag extends Action["_tag"]> = Extract<Action, { readonly _tag: Tag }>

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

/** Of these, what is not among those, each once; GitHub takes no account of case in names. */
const without = (wanted: ReadonlyArray<string>, there: ReadonlyArray<string>): ReadonlyArray<string> =>
  wanted.filter(
    (name, index) => !there.some((one) => same(one, name)) && wanted.findIndex((one) => same(one, name)) === index
  )

const path = ({ subject }: ActionDraft): string => `/repos/${subject.repository}/issues/${subject.number}`

/** GitHub answers 404 for what is not there, and 410 for what was deleted. */
const missing = (draft: ActionDraft) => {
  const { message } = new IssueNotFound({ issue: `${draft.subject.repository}#${draft.subject.number}` })
  return <A, R>(effect: Effect.Effect<A, GitHubFault, R>): Effect.Effect<A, GitHubFault | ForgeError, R> =>
    Effect.catchIf(
      effect,
      (fault) => fault.status === 404 || fault.status === 410,
      () => Effect.fail(refused(message))
    )
}

const issueOf = Effect.fnUntraced(function* (draft: ActionDraft) {
  const client = yield* GitHubClient
  return yield* missing(draft)(client.get(path(draft), Answers.Issue))
})

/** Whether our own account wrote it, in answer to this action. */
export const isMarked =
  (own: string, key: string) =>
  (text: { readonly body?: string | null; readonly user?: { readonly login: string } | null }): boolean =>
    same(text.user?.login ?? "", own) && marksOf(text.body ?? "").some(({ hash }) => hash === hashOf(key))

export const comment = Effect.fnUntraced(function* (draft: ActionDraft, { body }: Of<"comment">) {
  const client = yield* GitHubClient
  const { number, repository } = draft.subject
  const list = { page: Schema.Array(Answers.Comment), entries: (page: ReadonlyArray<Answers.Comment>) => page }
  const there = yield* missing(draft)(client.list(`${path(draft)}/comments`, list))
  const before = there.find(isMarked(yield* client.login(repository), draft.key))
  if (before !== undefined) return { issue: number, comment: before.id }
  const text = { body: withMarks(body, [markFor(draft)]) }
  const { id } = yield* missing(draft)(client.write("POST", `${path(draft)}/comments`, text, Answers.Identified))
  return { issue: number, comment: id }
})

export const addLabels = Effect.fnUntraced(function* (draft: ActionDraft, { labels }: Of<"add_labels">) {
  const client = yield* GitHubClient
  const issue = yield* issueOf(draft)
  const wanted = without(labels, Answers.labelsOf(issue.labels))
  if (wanted.length > 0) yield* client.write("POST", `${path(draft)}/labels`, { labels: wanted }, Schema.Unknown)
  return { issue: issue.number }
})

export const removeLabels = Effect.fnUntraced(function* (draft: ActionDraft, { labels }: Of<"remove_labels">) {
  const client = yield* GitHubClient
  const issue = yield* issueOf(draft)
  for (const label of Answers.labelsOf(issue.labels)) {
    if (!labels.some((one) => same(one, label))) continue
    yield* Effect.catchIf(
      client.write("DELETE", `${path(draft)}/labels/${encodeURIComponent(label)}`, undefined, Schema.Unknown),
      (fault) => fault.status === 404,
      () => Effect.void
    )
  }
  return { issue: issue.number }
})

/** GitHub passes over who may not be assigned without a word, so its answer is looked at. */
export const assign = Effect.fnUntraced(function* (draft: ActionDraft, { assignees }: Of<"assign">) {
  const client = yield* GitHubClient
  const issue = yield* issueOf(draft)
  const logins = (of: Pick<Answers.Issue, "assignees">) => of.assignees.map(({ login }) => login)
  const wanted = without(assignees, logins(issue))
  if (wanted.length === 0) return { issue: issue.number }
  const after = yield* client.write("POST", `${path(draft)}/assignees`, { assignees: wanted }, Answers.Issue)
  const left = without(wanted, logins(after))
  if (left.length > 0) {
    return yield* refused(
      `${left.join(", ")} cannot be assigned in ${draft.subject.repository}: only people with access to it can, ten at most`
    )
  }
  return { issue: issue.number }
})

export const openIssue = Effect.fnUntraced(function* (draft: ActionDraft, { body, labels, title }: Of<"open_issue">) {
  const client = yield* GitHubClient
  const issues = `/repos/${draft.subject.repository}/issues`
  const own = yield* client.login(draft.subject.repository)
  const newest = (creator: string) =>
    client.list(`${issues}?state=all&sort=created&direction=desc${creator}`, {
      page: Schema.Array(Answers.Issue),
      entries: (page) => page,
      more: () => false
    })
  // GitHub refuses to look for an account that it does not know here yet
  const there = yield* Effect.catchIf(
    newest(`&creator=${encodeURIComponent(own)}`),
    (fault) => fault.status === 422,
    () => newest("")
  )
  const before = there.find(isMarked(own, draft.key))
  if (before !== undefined) return { issue: before.number }
  const text = { title, body: withMarks(body, [markFor(draft)]), labels }
  const { number } = yield* client.write("POST", issues, text, Answers.Numbered)
  return { issue: number }
})

const setState = (state: "open" | "closed", reason: string) =>
  Effect.fnUntraced(function* (draft: ActionDraft) {
    const client = yield* GitHubClient
    const issue = yield* issueOf(draft)
    if (issue.state !== state) {
      yield* client.write("PATCH", path(draft), { state, state_reason: reason }, Answers.Numbered)
    }
    return { issue: issue.number }
  })

export const close = (draft: ActionDraft, { reason }: Of<"close_issue">): Doing => setState("closed", reason)(draft)
export const reopen = (draft: ActionDraft): Doing => setState("open", "reopened")(draft)
