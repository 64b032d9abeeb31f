import { Option, Schema } from "effect"
import { Repository } from "../../../domain/Subject.ts"

// Only the fields that are read. What GitHub adds, renames or leaves out elsewhere is none of our business.
// `message` and `messageMissingKey` say what was expected, in the words of the refusal.

const described = <S extends Schema.Top>(expected: string, schema: S) =>
  schema.annotate({ message: expected }).annotateKey({ messageMissingKey: expected })

const integer = Schema.Number.annotate({ message: "an integer" })
  .check(Schema.isInt({ message: "an integer" }))
  .annotateKey({ messageMissingKey: "an integer" })
const number = Schema.Number.annotate({ message: "an integer" })
  .check(Schema.isInt({ message: "an integer" }), Schema.isGreaterThan(0, { message: "a positive integer" }))
  .annotateKey({ messageMissingKey: "an integer" })
const text = described("a string", Schema.String)
const flag = described("true or false", Schema.Boolean)
const object = <const F extends Schema.Struct.Fields>(fields: F) => described("an object", Schema.Struct(fields))
const list = <S extends Schema.Top>(item: S) => described("a list", Schema.Array(item))
const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const User = object({ login: text })
const Label = object({ name: text })
const openOrClosed = described('"open" or "closed"', Schema.Literals(["open", "closed"]))

/** Bodies are null when a person wrote nothing, authors are null when their account is gone. */
const written = { body: nullable(text), user: nullable(User) }

export const Issue = object({
  number,
  title: text,
  state: openOrClosed,
  labels: list(Label),
  assignees: list(User),
  /** There on a pull request's comments, whose subject GitHub calls an issue too. */
  pull_request: nullable(Schema.Unknown),
  ...written
})
export type Issue = typeof Issue.Type

/** Its repository is gone where a fork was deleted. */
const Revision = object({ ref: text, sha: text, repo: nullable(object({ full_name: text })) })

export const PullRequest = object({
  number,
  title: text,
  state: openOrClosed,
  labels: list(Label),
  draft: nullable(flag),
  /** Only in `pull_request` events; a review's pull request has `merged_at` alone. */
  merged: nullable(flag),
  merged_at: nullable(text),
  head: Revision,
  base: Revision,
  ...written
})
export type PullRequest = typeof PullRequest.Type

export const Comment = object({ id: integer, author_association: text, ...written })
export type Comment = typeof Comment.Type

const ReviewComment = object({ id: integer, author_association: text, path: text, line: nullable(integer), ...written })
export const Review = object({ id: integer, state: text, ...written })
export type Review = typeof Review.Type

const Commit = object({
  id: text,
  message: text,
  added: nullable(list(text)),
  modified: nullable(list(text)),
  removed: nullable(list(text))
})

const check = { head_sha: text, conclusion: nullable(text), pull_requests: nullable(list(object({ number }))) }

const Sender = object({ login: text, type: nullable(text) })
export type Sender = typeof Sender.Type

const FullName = object({ full_name: described("a repository's full name, owner/name", Repository) })

/** In every event that maps to one of ours. */
const origin = { repository: FullName, sender: Sender }
export type Origin = Schema.Struct.Type<typeof origin>

export const OfIssue = Schema.Struct({ ...origin, issue: Issue })
export const OfAssignee = Schema.Struct({ ...origin, issue: Issue, assignee: User })
export const OfIssueLabel = Schema.Struct({ ...origin, issue: Issue, label: Label })
export const OfComment = Schema.Struct({ ...origin, issue: Issue, comment: Comment })
export const OfPullRequest = Schema.Struct({ ...origin, pull_request: PullRequest })
export const OfPullRequestLabel = Schema.Struct({ ...origin, pull_request: PullRequest, label: Label })
export const OfReview = Schema.Struct({ ...origin, pull_request: PullRequest, review: Review })
export const OfReviewComment = Schema.Struct({ ...origin, pull_request: PullRequest, comment: ReviewComment })
export const OfPush = Schema.Struct({
  ...origin,
  ref: text,
  before: text,
  after: text,
  forced: flag,
  deleted: flag,
  commits: list(Commit)
})
export const OfCheckSuite = Schema.Struct({
  ...origin,
  check_suite: object({ ...check, app: nullable(object({ name: text })) })
})
export const OfCheckRun = Schema.Struct({ ...origin, check_run: object({ ...check, name: text }) })
export const OfStatus = Schema.Struct({ ...origin, context: text, sha: text, state: text, branches: list(Label) })

/** An event of a kind that has actions. */
export const OfAction = Schema.Struct({ action: text })

const readAction = Schema.decodeUnknownOption(OfAction)
const readRepository = Schema.decodeUnknownOption(Schema.Struct({ repository: FullName }))
const readSender = Schema.decodeUnknownOption(Schema.Struct({ sender: Sender }))
const readInstallation = Schema.decodeUnknownOption(Schema.Struct({ installation: object({ id: integer }) }))

/** The payload's action, or the empty string where it has none. */
export const actionOf = (payload: unknown): string =>
  Option.getOrElse(
    Option.map(readAction(payload), ({ action }) => action),
    () => ""
  )

/** The full name of the payload's repository, or null where it names none. */
export const repositoryOf = (payload: unknown): string | null =>
  Option.getOrNull(Option.map(readRepository(payload), ({ repository }) => repository.full_name))

/** Who did it, or null where the payload does not say. */
export const senderOf = (payload: unknown): Sender | null =>
  Option.getOrNull(Option.map(readSender(payload), ({ sender }) => sender))

/** The id of the app installation that the delivery was made for, or null without one. */
export const installationOf = (payload: unknown): number | null =>
  Option.getOrNull(Option.map(readInstallation(payload), ({ installation }) => installation.id))
