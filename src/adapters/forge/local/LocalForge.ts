import { Clock, Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql"
import { Action, type ActionDraft, type ActionResult } from "../../../domain/Action.ts"
import { ForgeError, IssueNotFound, type StoreUnavailable } from "../../../domain/Errors.ts"
import { type Comment, Forge, type Issue } from "../../../services/Forge.ts"
import { SqlWriter, unavailable } from "../../sql/SqlWriter.ts"
import * as IssueChange from "./IssueChange.ts"
import { IssueInvalid } from "./IssueInvalid.ts"
import * as IssueLimits from "./IssueLimits.ts"
import * as IssueTable from "./IssueTable.ts"
import * as IssueWrites from "./IssueWrites.ts"
import type { At, Body } from "./IssueWrites.ts"

type Author = { readonly author: string }
type Labels = { readonly add: ReadonlyArray<string>; readonly remove: ReadonlyArray<string> }
type Edit = { readonly title?: string | undefined; readonly body?: string | undefined }
type NewIssue = {
  readonly repository: string
  readonly title: string
  readonly body: string
  readonly labels: ReadonlyArray<string>
}

type ChangeError = IssueInvalid | IssueNotFound | StoreUnavailable

/**
 * The forge that Squadron keeps itself, in its own database.
 *
 * Besides the port it has what a person can do. Every change appends its events in its own transaction, attributed
 * to who made it; a change that changes nothing appends none.
 */
export class LocalForge extends Context.Service<
  LocalForge,
  Forge["Service"] & {
    /** Opens an issue; its number was never used in this repository. */
    open(issue: NewIssue & Author): Effect.Effect<Issue, IssueInvalid | StoreUnavailable>
    comment(comment: At & Author & { readonly body: string }): Effect.Effect<Comment, ChangeError>
    /** A label cannot be both added and removed. */
    label(change: At & Author & Labels): Effect.Effect<Issue, ChangeError>
    /** Adds assignees; those that are there stay. */
    assign(change: At & Author & { readonly assignees: ReadonlyArray<string> }): Effect.Effect<Issue, ChangeError>
    close(change: At & Author & { readonly reason: IssueChange.CloseReason }): Effect.Effect<Issue, ChangeError>
    reopen(change: At & Author): Effect.Effect<Issue, ChangeError>
    /** What is not given stays. */
    edit(change: At & Author & Edit): Effect.Effect<Issue, ChangeError>
  }
>()("squadron/adapters/forge/local/LocalForge") {
  /** Needs the tables of `migration`. */
  static readonly layer: Layer.Layer<LocalForge, never, SqlClient.SqlClient | SqlWriter> = Layer.effect(
    LocalForge,
    Effect.suspend(() => make)
  )

  /** The port alone. */
  static readonly layerForge: Layer.Layer<Forge, never, LocalForge> = Layer.effect(
    Forge,
    Effect.map(LocalForge, ({ comments, issue, issues, perform }) => Forge.of({ comments, issue, issues, perform }))
  )
}

const relabel = Effect.fnUntraced(function* (at: At, by: IssueWrites.By, change: Labels) {
  const add = yield* IssueLimits.labels(change.add)
  const both = add.find((label) => change.remove.includes(label))
  if (both !== undefined) {
    return yield* new IssueInvalid({ field: "label", problem: `${JSON.stringify(both)} is both added and removed` })
  }
  return yield* IssueWrites.change(at, by, (issue) => IssueChange.relabel(issue, add, change.remove))
})

const assign = Effect.fnUntraced(function* (at: At, by: IssueWrites.By, names: ReadonlyArray<string>) {
  const assignees = yield* IssueLimits.assignees(names)
  return yield* IssueWrites.change(at, by, (issue) => IssueChange.assign(issue, assignees))
})

const edit = Effect.fnUntraced(function* (at: At, by: IssueWrites.By, change: Edit) {
  const title = change.title === undefined ? null : yield* IssueLimits.title(change.title)
  const body = change.body === undefined ? null : yield* IssueLimits.body(change.body)
  return yield* IssueWrites.change(at, by, (issue) => IssueChange.edit(issue, title, body))
})

const close = (at: At, by: IssueWrites.By, reason: IssueChange.CloseReason) =>
  IssueWrites.change(at, by, (issue) => IssueChange.close(issue, reason))

const reopen = (at: At, by: IssueWrites.By) => IssueWrites.change(at, by, (issue) => IssueChange.reopen(issue))

const naming = <E>(body: Body<Issue, E>): Body<ActionResult, E> =>
  Effect.map(body, ({ events, value }) => ({ value: { issue: value.number }, events }))

/** Does what the action says, as its agent. */
const act = (draft: ActionDraft): Body<ActionResult, IssueInvalid | IssueNotFound> => {
  const { kind, number, repository } = draft.subject
  const at = { repository, number }
  const by = IssueWrites.performer(draft)
  if (kind === "repository" && draft.action._tag !== "open_issue") {
    const problem = `${draft.action._tag} needs an issue, and ${repository} is a repository`
    return Effect.fail(new IssueInvalid({ field: "subject", problem }))
  }
  return Action.match(draft.action, {
    open_issue: (issue): Body<ActionResult, IssueInvalid | IssueNotFound> =>
      naming(IssueWrites.open({ ...issue, repository }, by)),
    comment: ({ body }) =>
      Effect.map(IssueWrites.comment(at, by, body), ({ events, value }) => ({
        value: { issue: number, comment: value.id },
        events
      })),
    add_labels: ({ labels }) => naming(relabel(at, by, { add: labels, remove: [] })),
    remove_labels: ({ labels }) => naming(relabel(at, by, { add: [], remove: labels })),
    assign: ({ assignees }) => naming(assign(at, by, assignees)),
    close_issue: ({ reason }) => naming(close(at, by, reason)),
    reopen_issue: () => naming(reopen(at, by))
  })
}

const refusal = (error: IssueInvalid | IssueNotFound | StoreUnavailable): ForgeError =>
  new ForgeError({ reason: error.message, retryable: error._tag === "StoreUnavailable", retryAfter: null })

/** A fault that may pass is the caller's to see; any other is a mistake of ours. */
const readFault = (error: SqlError.SqlError): Effect.Effect<never, ForgeError> =>
  error.isRetryable ? Effect.fail(refusal(unavailable(error))) : Effect.die(error)

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const writer = yield* SqlWriter

  const read = <A>(query: Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>): Effect.Effect<A, ForgeError> =>
    query.pipe(Effect.provideService(SqlClient.SqlClient, sql), Effect.catch(readFault))
  const writeAs = <A, E extends IssueInvalid | IssueNotFound>(
    { author }: Author,
    body: (by: IssueWrites.By) => Body<A, E>
  ): Effect.Effect<A, E | IssueInvalid | StoreUnavailable> =>
    Effect.flatMap(IssueWrites.person(author), (by) => writer.write(body(by)))

  const issue = Effect.fn("LocalForge.issue")(function* (repository: string, number: number) {
    const record = yield* read(IssueTable.find(repository, number))
    if (record === null) return yield* new IssueNotFound({ issue: `${repository}#${number}` })
    return IssueTable.visible(record.issue)
  })

  return LocalForge.of({
    perform: Effect.fn("LocalForge.perform")(function* (action: ActionDraft) {
      const now = yield* Clock.currentTimeMillis
      return yield* Effect.mapError(writer.write(IssueTable.once(action.key, now, act(action))), refusal)
    }),
    issue,
    issues: Effect.fn("LocalForge.issues")((query) => read(IssueTable.list(query))),
    comments: Effect.fn("LocalForge.comments")(function* (repository: string, number: number) {
      yield* issue(repository, number)
      return yield* read(IssueTable.comments(repository, number))
    }),
    open: Effect.fn("LocalForge.open")((change) => writeAs(change, (by) => IssueWrites.open(change, by))),
    comment: Effect.fn("LocalForge.comment")((change) =>
      writeAs(change, (by) => IssueWrites.comment(change, by, change.body))
    ),
    label: Effect.fn("LocalForge.label")((change) => writeAs(change, (by) => relabel(change, by, change))),
    assign: Effect.fn("LocalForge.assign")((change) => writeAs(change, (by) => assign(change, by, change.assignees))),
    close: Effect.fn("LocalForge.close")((change) => writeAs(change, (by) => close(change, by, change.reason))),
    reopen: Effect.fn("LocalForge.reopen")((change) => writeAs(change, (by) => reopen(change, by))),
    edit: Effect.fn("LocalForge.edit")((change) => writeAs(change, (by) => edit(change, by, change)))
  })
})
