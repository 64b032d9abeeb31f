import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { IssueInvalid } from "../adapters/forge/local/IssueInvalid.ts"
import { ActionStatus, MergeMethod, QueuedAction } from "../domain/Action.ts"
import { Agent, AgentStatus } from "../domain/Agent.ts"
import {
  ActionNotFailed,
  ActionNotFound,
  AgentNotFound,
  BusFull,
  EventNotFound,
  ForgeError,
  IssueNotFound,
  NotPossible,
  PullRequestNotFound,
  StoreUnavailable
} from "../domain/Errors.ts"
import { Actor, Detail, Event, Published } from "../domain/Event.ts"
import { AgentExplanation, EventExplanation, Status } from "../domain/Explanation.ts"
import { JournalEntry, JournalHead, JournalVerdict } from "../domain/Journal.ts"
import { Message } from "../domain/Message.ts"
import { Run } from "../domain/Run.ts"
import { Repository, SubjectKind } from "../domain/Subject.ts"
import { BackupFailed } from "../services/Backup.ts"
import { Comment, Issue, PullRequest, PullRequestInFull, Review, Verdict } from "./forgeShapes.ts"
import { Authorization, Explained, InvalidRequest } from "./ApiGuards.ts"

const { get, patch, post } = HttpApiEndpoint

const limit = Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })))
const number = Schema.Int.check(Schema.isGreaterThan(0))
const text = Schema.optionalKey(Schema.String)
const page = { limit, before: Schema.optionalKey(number) }

/** What the squadron is about and how it fares. */
export const StatusReport = Schema.Struct({ ...Status.fields, repository: Schema.String, mention: Schema.String })
export type StatusReport = typeof StatusReport.Type

const IssueWithComments = Schema.Struct({ issue: Issue, comments: Schema.Array(Comment) })

const about = {
  /** The configured one unless told. */
  repository: Schema.optionalKey(Repository),
  /** The issue or pull request that it is about; about the repository without one. */
  number: Schema.optionalKey(number),
  kind: Schema.optionalKey(SubjectKind),
  /** Makes a repeated request harmless: the same key is accepted once. */
  key: Schema.optionalKey(Schema.NonEmptyString),
  actor: Schema.optionalKey(Actor)
}

/** An event to publish: one's own, or any that a forge could send. */
export const PublishRequest = Schema.Union([
  Schema.Struct({
    type: Schema.tag("custom"),
    name: Schema.NonEmptyString,
    payload: Schema.optionalKey(Schema.Json),
    ...about
  }),
  Schema.Struct({ detail: Detail, ...about })
])
export type PublishRequest = typeof PublishRequest.Type

const status = HttpApiGroup.make("status").add(get("get", "/status", { success: StatusReport }))

const events = HttpApiGroup.make("events").add(
  get("list", "/events", {
    query: { ...page, type: text, subject: text },
    success: Schema.Array(Event)
  }),
  post("publish", "/events", {
    payload: PublishRequest,
    success: Published,
    error: [InvalidRequest, BusFull, StoreUnavailable]
  }),
  get("get", "/events/:seq", { params: { seq: number }, success: Event, error: EventNotFound }),
  get("explanation", "/events/:seq/explanation", {
    params: { seq: number },
    success: EventExplanation,
    error: EventNotFound
  })
)

const agentParams = { params: { id: Schema.String } }
const changed = { ...agentParams, success: Agent, error: [AgentNotFound, NotPossible, BusFull, StoreUnavailable] }
const Reason = Schema.Struct({ reason: text })

const agents = HttpApiGroup.make("agents").add(
  get("list", "/agents", {
    query: {
      status: Schema.optionalKey(AgentStatus),
      role: text,
      live: Schema.optionalKey(Schema.Boolean),
      limit
    },
    success: Schema.Array(Agent)
  }),
  get("get", "/agents/:id", { ...agentParams, success: Agent, error: AgentNotFound }),
  get("inbox", "/agents/:id/inbox", {
    ...agentParams,
    query: page,
    success: Schema.Array(Message),
    error: AgentNotFound
  }),
  get("runs", "/agents/:id/runs", { ...agentParams, success: Schema.Array(Run), error: AgentNotFound }),
  get("explanation", "/agents/:id/explanation", { ...agentParams, success: AgentExplanation, error: AgentNotFound }),
  post("cancel", "/agents/:id/cancel", { ...changed, payload: [Reason, Schema.Null] }),
  post("pause", "/agents/:id/pause", { ...changed, payload: [Reason, Schema.Null] }),
  post("resume", "/agents/:id/resume", changed),
  post("retry", "/agents/:id/retry", changed),
  post("approve", "/agents/:id/approve", {
    ...changed,
    payload: Schema.Struct({ paths: Schema.NonEmptyArray(Schema.NonEmptyString) })
  }),
  post("answer", "/agents/:id/answer", { ...changed, payload: Schema.Struct({ answer: Schema.NonEmptyString }) })
)

const author = { author: Schema.optionalKey(Schema.NonEmptyString) }
const labels = Schema.optionalKey(Schema.Array(Schema.NonEmptyString))
const issueParams = { params: { owner: Schema.String, name: Schema.String, number } }
const issueWritten = { ...issueParams, success: Issue, error: [IssueInvalid, IssueNotFound, StoreUnavailable] }

const issues = HttpApiGroup.make("issues").add(
  get("list", "/issues", {
    query: {
      repository: Schema.optionalKey(Repository),
      state: Schema.optionalKey(Schema.Literals(["open", "closed"])),
      limit
    },
    success: Schema.Array(Issue),
    error: ForgeError
  }),
  post("create", "/issues", {
    payload: Schema.Struct({
      repository: Schema.optionalKey(Repository),
      title: Schema.NonEmptyString,
      body: text,
      labels,
      ...author
    }),
    success: Issue,
    error: [IssueInvalid, StoreUnavailable]
  }),
  get("get", "/issues/:owner/:name/:number", {
    ...issueParams,
    success: IssueWithComments,
    error: [IssueNotFound, ForgeError]
  }),
  post("comment", "/issues/:owner/:name/:number/comments", {
    ...issueWritten,
    success: Comment,
    payload: Schema.Struct({ body: Schema.NonEmptyString, ...author })
  }),
  post("label", "/issues/:owner/:name/:number/labels", {
    ...issueWritten,
    payload: Schema.Struct({ add: labels, remove: labels, ...author })
  }),
  post("assign", "/issues/:owner/:name/:number/assignees", {
    ...issueWritten,
    payload: Schema.Struct({ assignees: Schema.Array(Schema.NonEmptyString), ...author })
  }),
  patch("edit", "/issues/:owner/:name/:number", {
    ...issueWritten,
    payload: Schema.Struct({ title: Schema.optionalKey(Schema.NonEmptyString), body: text, ...author })
  }),
  post("close", "/issues/:owner/:name/:number/close", {
    ...issueWritten,
    payload: [
      Schema.Struct({ reason: Schema.optionalKey(Schema.Literals(["completed", "not_planned"])), ...author }),
      Schema.Null
    ]
  }),
  post("reopen", "/issues/:owner/:name/:number/reopen", {
    ...issueWritten,
    payload: [Schema.Struct(author), Schema.Null]
  })
)

const pullWritten = {
  ...issueParams,
  success: PullRequest,
  error: [IssueInvalid, PullRequestNotFound, ForgeError, StoreUnavailable]
}

const pulls = HttpApiGroup.make("pulls").add(
  get("list", "/pulls", {
    query: {
      repository: Schema.optionalKey(Repository),
      state: Schema.optionalKey(Schema.Literals(["open", "closed"])),
      limit
    },
    success: Schema.Array(PullRequest),
    error: ForgeError
  }),
  get("get", "/pulls/:owner/:name/:number", {
    ...issueParams,
    success: PullRequestInFull,
    error: [IssueNotFound, PullRequestNotFound, ForgeError]
  }),
  post("review", "/pulls/:owner/:name/:number/reviews", {
    ...pullWritten,
    success: Review,
    payload: Schema.Struct({ verdict: Verdict, body: text, ...author })
  }),
  post("merge", "/pulls/:owner/:name/:number/merge", {
    ...pullWritten,
    payload: Schema.Struct({ method: Schema.optionalKey(MergeMethod), ...author })
  }),
  post("close", "/pulls/:owner/:name/:number/close", {
    ...pullWritten,
    payload: [Schema.Struct(author), Schema.Null]
  })
)

const actions = HttpApiGroup.make("actions").add(
  get("list", "/actions", {
    query: { ...page, agent: text, status: Schema.optionalKey(ActionStatus) },
    success: Schema.Array(QueuedAction)
  }),
  post("retry", "/actions/:id/retry", {
    params: { id: number },
    success: QueuedAction,
    error: [ActionNotFound, ActionNotFailed, StoreUnavailable]
  })
)

const journal = HttpApiGroup.make("journal").add(
  get("list", "/journal", {
    query: { ...page, agent: text, event: Schema.optionalKey(number) },
    success: Schema.Array(JournalEntry)
  }),
  get("verify", "/journal/verify", { query: { head: Schema.optionalKey(JournalHead) }, success: JournalVerdict }),
  get("watch", "/watch", { success: HttpApiSchema.StreamSse({ data: JournalEntry }) })
)

const backup = HttpApiGroup.make("backup").add(
  post("create", "/backup", {
    payload: Schema.Struct({ path: Schema.NonEmptyString }),
    success: Schema.Struct({ path: Schema.String, bytes: Schema.Int }),
    error: [InvalidRequest, BackupFailed]
  })
)

/** Everything under `/api/v1`. Lists come newest first; times are milliseconds since 1970. */
export class Api extends HttpApi.make("squadron")
  .add(status, events, agents, issues, pulls, actions, journal, backup)
  .middleware(Authorization)
  .middleware(Explained)
  .prefix("/api/v1")
  .annotateMerge(
    OpenApi.annotations({
      title: "Squadron",
      version: "1",
      description: "Events, agents and issues of one squadron. Every error is JSON with `_tag` and a `message`."
    })
  ) {}
