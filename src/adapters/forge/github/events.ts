import { Effect, Result, Schema } from "effect"
import type { Actor, Detail, EventDraft } from "../../../domain/Event.ts"
import * as Subject from "../../../domain/Subject.ts"
import { invalidAt, PayloadInvalid, problemOf } from "./errors.ts"
import { attributed } from "./ownWords.ts"
import * as Payload from "./payload.ts"
import { commentOf, issueOf, names, pullOf, reviewOf } from "./snapshots.ts"

/** One delivery, its signature checked and its body parsed. */
export type Delivery = {
  /** The header X-GitHub-Event. */
  readonly event: string
  /** The header X-GitHub-Delivery. */
  readonly delivery: string
  readonly payload: unknown
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  /** Accounts that are bots although GitHub says they are users. */
  readonly botLogins: ReadonlyArray<string>
}

/**
 * Stands for "no repository" in events that name none, such as `installation`. It can be no real one: GitHub's
 * owners never begin with a hyphen.
 */
export const noRepository = "-/github"

type Mapped = { readonly origin: Payload.Origin; readonly subject: Subject.Subject; readonly detail: Detail }
type Mapping = (name: string, payload: unknown) => Result.Result<Mapped, PayloadInvalid>

const on = <A extends Payload.Origin>(
  schema: Schema.ConstraintDecoder<A>,
  map: (payload: A) => { readonly subject: Subject.Subject; readonly detail: Detail }
): Mapping => {
  const decode = Schema.decodeUnknownResult(schema)
  return (name, payload) =>
    decode(payload).pipe(
      Result.map((decoded) => ({ origin: decoded, ...map(decoded) })),
      Result.mapError((error) => invalidAt(name, payload, error.issue))
    )
}

const onIssue = (origin: Payload.Origin, issue: Payload.Issue) =>
  (issue.pull_request ?? null) === null
    ? Subject.issue(origin.repository.full_name, issue.number)
    : Subject.pullRequest(origin.repository.full_name, issue.number)

const onPull = (origin: Payload.Origin, pull: Payload.PullRequest) =>
  Subject.pullRequest(origin.repository.full_name, pull.number)

const onRepository = (origin: Payload.Origin) => Subject.repository(origin.repository.full_name)

/** A check of exactly one pull request concerns that one; any other concerns the repository. */
const onCheck = (origin: Payload.Origin, pullRequests: ReadonlyArray<number>) => {
  const [only, ...others] = pullRequests
  return only === undefined || others.length > 0
    ? onRepository(origin)
    : Subject.pullRequest(origin.repository.full_name, only)
}

const issueChanged = (_tag: "issue.opened" | "issue.reopened" | "issue.closed" | "issue.edited") =>
  on(Payload.OfIssue, (p) => ({ subject: onIssue(p, p.issue), detail: { _tag, issue: issueOf(p.issue) } }))

const issueLabel = (_tag: "issue.labeled" | "issue.unlabeled") =>
  on(Payload.OfIssueLabel, (p) => ({
    subject: onIssue(p, p.issue),
    detail: { _tag, issue: issueOf(p.issue), label: p.label.name }
  }))

const pullChanged = (
  _tag: "pull_request.opened" | "pull_request.edited" | "pull_request.closed" | "pull_request.synchronized"
) =>
  on(Payload.OfPullRequest, (p) => ({
    subject: onPull(p, p.pull_request),
    detail: { _tag, pullRequest: pullOf(p.pull_request) }
  }))

const pullLabel = (_tag: "pull_request.labeled" | "pull_request.unlabeled") =>
  on(Payload.OfPullRequestLabel, (p) => ({
    subject: onPull(p, p.pull_request),
    detail: { _tag, pullRequest: pullOf(p.pull_request), label: p.label.name }
  }))

const reviewed = (_tag: "review.submitted" | "review.dismissed") =>
  on(Payload.OfReview, (p) => ({
    subject: onPull(p, p.pull_request),
    detail: { _tag, pullRequest: pullOf(p.pull_request), review: reviewOf(p.review) }
  }))

const mappings: ReadonlyMap<string, Mapping> = new Map([
  ["issues.opened", issueChanged("issue.opened")],
  ["issues.reopened", issueChanged("issue.reopened")],
  ["issues.closed", issueChanged("issue.closed")],
  ["issues.edited", issueChanged("issue.edited")],
  [
    "issues.assigned",
    on(Payload.OfAssignee, (p) => ({
      subject: onIssue(p, p.issue),
      detail: { _tag: "issue.assigned", issue: issueOf(p.issue), assignee: p.assignee.login }
    }))
  ],
  ["issues.labeled", issueLabel("issue.labeled")],
  ["issues.unlabeled", issueLabel("issue.unlabeled")],
  [
    "issue_comment.created",
    on(Payload.OfComment, (p) => ({
      subject: onIssue(p, p.issue),
      detail: {
        _tag: "comment.created",
        comment: commentOf(p.comment),
        title: p.issue.title,
        labels: names(p.issue.labels)
      }
    }))
  ],
  [
    "issue_comment.edited",
    on(Payload.OfComment, (p) => ({
      subject: onIssue(p, p.issue),
      detail: {
        _tag: "comment.edited",
        comment: commentOf(p.comment),
        title: p.issue.title,
        labels: names(p.issue.labels)
      }
    }))
  ],
  ["pull_request.opened", pullChanged("pull_request.opened")],
  ["pull_request.edited", pullChanged("pull_request.edited")],
  ["pull_request.closed", pullChanged("pull_request.closed")],
  ["pull_request.synchronize", pullChanged("pull_request.synchronized")],
  ["pull_request.labeled", pullLabel("pull_request.labeled")],
  ["pull_request.unlabeled", pullLabel("pull_request.unlabeled")],
  ["pull_request_review.submitted", reviewed("review.submitted")],
  ["pull_request_review.dismissed", reviewed("review.dismissed")],
  [
    "pull_request_review_comment.created",
    on(Payload.OfReviewComment, (p) => ({
      subject: onPull(p, p.pull_request),
      detail: {
        _tag: "review_comment.created",
        pullRequest: pullOf(p.pull_request),
        comment: commentOf(p.comment),
        path: p.comment.path,
        line: p.comment.line ?? null
      }
    }))
  ],
  [
    "push",
    on(Payload.OfPush, (p) => ({
      subject: onRepository(p),
      detail: {
        _tag: "push",
        ref: p.ref,
        before: p.before,
        after: p.after,
        forced: p.forced,
        deleted: p.deleted,
        commits: p.commits.map(({ id, message, added, modified, removed }) => ({
          id,
          message,
          added: added ?? [],
          modified: modified ?? [],
          removed: removed ?? []
        }))
      }
    }))
  ],
  [
    "check_suite.completed",
    on(Payload.OfCheckSuite, ({ check_suite: suite, ...p }) => {
      const pullRequests = (suite.pull_requests ?? []).map((pull) => pull.number)
      const check = {
        name: suite.app?.name ?? "",
        sha: suite.head_sha,
        conclusion: suite.conclusion ?? "",
        pullRequests
      }
      return { subject: onCheck(p, pullRequests), detail: { _tag: "check_suite.completed", ...check } }
    })
  ],
  [
    "check_run.completed",
    on(Payload.OfCheckRun, ({ check_run: run, ...p }) => {
      const pullRequests = (run.pull_requests ?? []).map((pull) => pull.number)
      const check = { name: run.name, sha: run.head_sha, conclusion: run.conclusion ?? "", pullRequests }
      return { subject: onCheck(p, pullRequests), detail: { _tag: "check_run.completed", ...check } }
    })
  ],
  [
    "status",
    on(Payload.OfStatus, (p) => ({
      subject: onRepository(p),
      detail: { _tag: "status.changed", context: p.context, sha: p.sha, state: p.state, branches: names(p.branches) }
    }))
  ]
])

/** Kinds of event of which some action is mapped: without an action they are broken, not unknown. */
const withActions: ReadonlySet<string> = new Set(
  [...mappings.keys()].filter((name) => name.includes(".")).map((name) => name.slice(0, name.indexOf(".")))
)

const actorOf = (sender: Payload.Sender | null, botLogins: ReadonlyArray<string>): Actor => {
  if (sender === null) return { login: "github", kind: "bot" }
  const login = sender.login.toLowerCase()
  // what Squadron did itself is no bot's word: whose it is says the text that it is about
  if (botLogins.some((name) => name.toLowerCase() === login)) return { login: sender.login, kind: "agent" }
  return { login: sender.login, kind: sender.type === "Bot" ? "bot" : "person" }
}

const other = (event: string, payload: unknown) => ({
  sender: Payload.senderOf(payload),
  subject: Subject.repository(Payload.repositoryOf(payload) ?? noRepository),
  detail: { _tag: "other", name: event, action: Payload.actionOf(payload) } as const
})

type Read = {
  readonly sender: Payload.Sender | null
  readonly subject: Subject.Subject
  readonly detail: Detail
}

const read = ({ event, payload }: Delivery): Result.Result<Read, PayloadInvalid> => {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    return Result.fail(
      new PayloadInvalid({ event, path: "payload", problem: problemOf(payload), expected: "an object" })
    )
  }
  const action = Schema.decodeUnknownResult(Payload.OfAction)(payload)
  if (Result.isFailure(action) && withActions.has(event)) {
    return Result.fail(invalidAt(event, payload, action.failure.issue))
  }
  const name = Result.isSuccess(action) && withActions.has(event) ? `${event}.${action.success.action}` : event
  const mapping = mappings.get(name)
  if (mapping === undefined) return Result.succeed(other(event, payload))
  return Result.map(mapping(name, payload), ({ origin, ...rest }) => ({ sender: origin.sender, ...rest }))
}

/**
 * Turns a GitHub delivery into an event. Kinds and actions that Squadron has no use for become `other`, with the
 * repository as their subject, or `noRepository` where they name none; their sender may be missing too.
 *
 * Fails with `PayloadInvalid` when a delivery of a mapped kind lacks a field, or is no object at all.
 */
export const toEvent = Effect.fnUntraced(function* (delivery: Delivery): Effect.fn.Return<EventDraft, PayloadInvalid> {
  const { detail, sender, subject } = yield* Effect.fromResult(read(delivery))
  const own = new Set(delivery.botLogins.map((login) => login.toLowerCase()))
  const draft: EventDraft = {
    key: `github:${delivery.delivery}`,
    source: "github",
    at: delivery.receivedAt,
    actor: actorOf(sender, delivery.botLogins),
    subject,
    causedBy: null,
    depth: 0,
    detail
  }
  return attributed(draft, (login) => own.has(login.toLowerCase()))
})
