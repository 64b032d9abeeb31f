/** What is done to pull requests and branches over GitHub's API. Each looks first whether it was done. */
import { Effect, Schema } from "effect"
import type { ActionDraft } from "../../../domain/Action.ts"
import { ForgeError, PullRequestNotFound } from "../../../domain/Errors.ts"
import * as Answers from "./answers.ts"
import { type GitHubFault, refused } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { type Of, isMarked } from "./issueActions.ts"
import { markFor, marksOf, withMarks } from "./mark.ts"

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

/** The pull request that the action is on. */
const pullOf = Effect.fnUntraced(function* ({ subject: { number, repository } }: ActionDraft) {
  const client = yield* GitHubClient
  return yield* Effect.catchIf(
    client.get(`/repos/${repository}/pulls/${number}`, Answers.PullRequest),
    (fault): fault is GitHubFault => fault.status === 404,
    () => Effect.fail(refused(new PullRequestNotFound({ pullRequest: `${repository}#${number}` }).message))
  )
})

/** REST cannot make a draft of a pull request, nor the other way round. */
const setDraft = Effect.fnUntraced(function* (repository: string, pull: Answers.PullRequest, draft: boolean) {
  if ((pull.draft ?? false) === draft) return
  const client = yield* GitHubClient
  const name = draft ? "convertPullRequestToDraft" : "markPullRequestReadyForReview"
  const id = pull.node_id ?? null
  if (id === null) return yield* refused(`GitHub does not tell the node id of ${repository}#${pull.number}`)
  yield* client.mutate(
    repository,
    `mutation ($id: ID!) { ${name}(input: { pullRequestId: $id }) { clientMutationId } }`,
    { id }
  )
})

/** A text on an existing pull request; one of ours keeps the marks of what was done to it before. */
const bodyFor = (draft: ActionDraft, pull: Answers.PullRequest, own: string, body: string): string =>
  same(pull.user?.login ?? "", own) ? withMarks(body, [...marksOf(pull.body ?? ""), markFor(draft)]) : body

export const openPullRequest = Effect.fnUntraced(function* (draft: ActionDraft, action: Of<"open_pull_request">) {
  const client = yield* GitHubClient
  const { repository } = draft.subject
  const own = yield* client.login(repository)
  const pulls = `/repos/${repository}/pulls`
  const head = `${repository.slice(0, repository.indexOf("/"))}:${action.head}`
  const all = yield* client.list(`${pulls}?state=all&sort=created&direction=desc&head=${encodeURIComponent(head)}`, {
    page: Schema.Array(Answers.PullRequest),
    entries: (page) => page
  })
  const ofHead = all.filter(
    (pull) => pull.head.ref === action.head && same(pull.head.repo?.full_name ?? "", repository)
  )
  const before = ofHead.find(isMarked(own, draft.key))
  if (before !== undefined) return { pullRequest: before.number }
  const open = ofHead.find((pull) => pull.state === "open" && pull.base.ref === action.base)
  const { title } = action
  if (open !== undefined) {
    yield* setDraft(repository, open, action.draft)
    const body = bodyFor(draft, open, own, action.body)
    yield* client.write("PATCH", `${pulls}/${open.number}`, { title, body }, Answers.Numbered)
    return { pullRequest: open.number }
  }
  const body = withMarks(action.body, [markFor(draft)])
  const { number } = yield* Effect.catchIf(
    client.write(
      "POST",
      pulls,
      { title, body, head: action.head, base: action.base, draft: action.draft },
      Answers.Numbered
    ),
    // somebody else opened it since it was looked for
    (fault) => fault.status === 422 && fault.reason.includes("already exists"),
    (fault) => Effect.fail(new ForgeError({ reason: fault.message, retryable: true, retryAfter: 1000 }))
  )
  return { pullRequest: number }
})

export const updatePullRequest = Effect.fnUntraced(function* (draft: ActionDraft, action: Of<"update_pull_request">) {
  const client = yield* GitHubClient
  const { repository } = draft.subject
  const pull = yield* pullOf(draft)
  const own = yield* client.login(repository)
  const result = { pullRequest: pull.number }
  if (action.body !== null && isMarked(own, draft.key)(pull)) return result
  if (action.draft !== null) yield* setDraft(repository, pull, action.draft)
  const body = action.body === null ? (pull.body ?? "") : bodyFor(draft, pull, own, action.body)
  const change = {
    ...(action.title === null || action.title === pull.title ? {} : { title: action.title }),
    ...(body === (pull.body ?? "") ? {} : { body })
  }
  if (Object.keys(change).length > 0) {
    yield* client.write("PATCH", `/repos/${repository}/pulls/${pull.number}`, change, Answers.Numbered)
  }
  return result
})

/** GitHub's words for what may go well a moment later. */
const passing = /try (?:the merge )?again|base branch was modified|still being (?:checked|calculated)/i

export const merge = Effect.fnUntraced(function* (draft: ActionDraft, { body, commit, method, title }: Of<"merge">) {
  const client = yield* GitHubClient
  const pull = yield* pullOf(draft)
  const what = `${draft.subject.repository}#${pull.number}`
  if (pull.head.sha !== commit) {
    return yield* refused(`${what} is at ${pull.head.sha} and not at ${commit}; it is not merged`)
  }
  if (pull.merged === true) return { pullRequest: pull.number, commit: pull.merge_commit_sha ?? commit }
  if (pull.state === "closed") return yield* refused(`${what} is closed; reopen it to merge it`)
  if (pull.draft === true) return yield* refused(`${what} is a draft; it is merged once it is none`)
  const { sha } = yield* Effect.catchIf(
    client.write(
      "PUT",
      `/repos/${draft.subject.repository}/pulls/${pull.number}/merge`,
      {
        sha: commit,
        merge_method: method,
        ...(method === "rebase" ? {} : { commit_title: title, commit_message: body })
      },
      Answers.Merged
    ),
    (fault) => fault.status === 405 || fault.status === 409,
    (fault) =>
      Effect.fail(new ForgeError({ reason: fault.message, retryable: passing.test(fault.reason), retryAfter: null }))
  )
  return { pullRequest: pull.number, commit: sha }
})

export const deleteBranch = Effect.fnUntraced(function* (draft: ActionDraft, { branch, commit }: Of<"delete_branch">) {
  const client = yield* GitHubClient
  const { repository } = draft.subject
  const name = branch.split("/").map(encodeURIComponent).join("/")
  const there = yield* Effect.catchIf(
    client.get(`/repos/${repository}/git/ref/heads/${name}`, Answers.Reference),
    (fault) => fault.status === 404,
    () => Effect.succeed(null)
  )
  if (there === null) return {}
  if (there.object.sha !== commit) {
    return yield* refused(`the branch ${branch} is at ${there.object.sha} and not at ${commit}; it is not deleted`)
  }
  yield* Effect.catchIf(
    client.write("DELETE", `/repos/${repository}/git/refs/heads/${name}`, undefined, Schema.Unknown),
    (fault) => fault.status === 404 || (fault.status === 422 && fault.reason.includes("does not exist")),
    () => Effect.void
  )
  return {}
})
