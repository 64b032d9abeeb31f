import { Clock, Effect, Layer, Option } from "effect"
import { Action, type ActionDraft, type ActionResult } from "../../../src/domain/Action.ts"
import { ForgeError, IssueNotFound, PullRequestNotFound, type StoreUnavailable } from "../../../src/domain/Errors.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import type { Trust } from "../../../src/domain/Trust.ts"
import {
  type Check,
  type Comment,
  Forge,
  type Issue,
  type PullRequest,
  type Review,
  type ReviewComment,
  type Written
} from "../../../src/services/Forge.ts"

/** A forge in memory, for a test to fill and to look at. */
export type Told = {
  readonly issues: Map<number, Issue>
  readonly comments: Map<number, Array<Comment>>
  readonly pulls: Map<number, PullRequest>
  readonly reviews: Map<number, Array<Review>>
  readonly threads: Map<number, Array<ReviewComment>>
  readonly checks: Array<Check>
  readonly trust: Map<string, Trust>
  /** Logins whose trust was asked for, in order. */
  readonly asked: Array<string>
  readonly performed: Array<ActionDraft>
  /** Where it pushes to; and how. */
  push: (branch: string, commit: string, expected: string | null) => Effect.Effect<void, ForgeError>
  /** Comes before whatever is done. */
  before: Effect.Effect<void, ForgeError>
  /** Comes before whatever is read. */
  reading: Effect.Effect<void, ForgeError>
  /** Comes before anybody's trust is told. */
  trusting: Effect.Effect<void, ForgeError>
  /** Comes before whatever is written to the store. */
  storing: Effect.Effect<void, StoreUnavailable>
  remote: string
}

export const repository = "acme/shop"

export const refused = (reason: string) => new ForgeError({ reason, retryable: false, retryAfter: null })

const written = (words: Partial<Written> & Pick<Written, "author" | "body">): Written => ({
  createdAt: 1000,
  editor: null,
  editedAt: null,
  ...words
})

export const makeTold = (): Told => ({
  issues: new Map(),
  comments: new Map(),
  pulls: new Map(),
  reviews: new Map(),
  threads: new Map(),
  checks: [],
  trust: new Map([["ada", "admin"]]),
  asked: [],
  performed: [],
  push: () => Effect.void,
  before: Effect.void,
  reading: Effect.void,
  trusting: Effect.void,
  storing: Effect.void,
  remote: "/nonexistent"
})

export const someIssue = (told: Told, number: number, words: Partial<Issue> & Pick<Issue, "author" | "body">): void => {
  told.issues.set(number, {
    repository,
    number,
    title: `Issue ${number}`,
    state: "open",
    labels: [],
    assignees: [],
    updatedAt: 1000,
    comments: 0,
    pullRequest: false,
    ...written(words),
    ...words
  })
}

export const someComment = (
  told: Told,
  number: number,
  words: Partial<Comment> & Pick<Comment, "author" | "body">
): void => {
  const all = told.comments.get(number) ?? []
  told.comments.set(number, [...all, { id: 100 * number + all.length, ...written(words), ...words }])
}

export const somePull = (
  told: Told,
  number: number,
  words: Partial<PullRequest> & Pick<PullRequest, "author" | "body" | "head">
): void => {
  const pull: PullRequest = {
    repository,
    number,
    title: `Pull request ${number}`,
    state: "open",
    draft: false,
    merged: false,
    mergeCommit: null,
    base: { ref: "main", sha: "b".repeat(40) },
    mergeable: true,
    labels: [],
    updatedAt: 1000,
    ...written(words),
    ...words
  }
  told.pulls.set(number, pull)
  someIssue(told, number, { title: pull.title, author: pull.author, body: pull.body, pullRequest: true })
}

const numberOf = (told: Told): number => Math.max(0, ...told.issues.keys()) + 1

const perform = Effect.fnUntraced(function* (told: Told, draft: ActionDraft) {
  const { action, agent, subject } = draft
  const { number } = subject
  const createdAt = yield* Clock.currentTimeMillis
  const by = { author: "squadron[bot]", createdAt, ...(agent === null ? {} : { agent }) }
  const change = (with_: (issue: Issue) => Partial<Issue>) => {
    const issue = told.issues.get(number)
    if (issue !== undefined) told.issues.set(number, { ...issue, ...with_(issue) })
  }
  const none = (): ActionResult => ({})
  return yield* Action.match(action, {
    comment: ({ body }) => Effect.sync(() => (someComment(told, number, { ...by, body }), none())),
    add_labels: ({ labels }) =>
      Effect.sync(() => (change((issue) => ({ labels: [...new Set([...issue.labels, ...labels])] })), none())),
    remove_labels: ({ labels }) =>
      Effect.sync(() => (change((issue) => ({ labels: issue.labels.filter((one) => !labels.includes(one)) })), none())),
    assign: ({ assignees }) => Effect.sync(() => (change(() => ({ assignees })), none())),
    open_issue: ({ body, labels, title }) =>
      Effect.sync(() => (someIssue(told, numberOf(told), { ...by, title, body, labels }), none())),
    close_issue: () => Effect.sync(() => (change(() => ({ state: "closed" })), none())),
    reopen_issue: () => Effect.sync(() => (change(() => ({ state: "open" })), none())),
    push: ({ branch, commit, expected }) =>
      Effect.map(told.push(branch, commit, expected), () => {
        for (const pull of told.pulls.values()) {
          if (pull.head.ref === branch) told.pulls.set(pull.number, { ...pull, head: { ...pull.head, sha: commit } })
        }
        return { commit }
      }),
    open_pull_request: ({ base, body, draft, head, title }) =>
      Effect.sync(() => {
        const sha = told.performed.findLast((one) => one.action._tag === "push")?.action
        const pushed = sha?._tag === "push" ? sha.commit : "a".repeat(40)
        const to = { ref: base, sha: "b".repeat(40) }
        const from = { ref: head, sha: pushed, repository }
        somePull(told, numberOf(told), { ...by, title, body, draft, head: from, base: to })
        return none()
      }),
    update_pull_request: ({ body, draft, title }) =>
      Effect.sync(() => {
        const pull = told.pulls.get(number)
        if (pull === undefined) return none()
        told.pulls.set(number, {
          ...pull,
          title: title ?? pull.title,
          body: body ?? pull.body,
          draft: draft ?? pull.draft
        })
        return none()
      }),
    review: ({ body, commit, role, verdict }) =>
      Effect.sync(() => {
        const review: Review = { id: 1, role, verdict, commit, dismissed: false, ...written({ ...by, body }) }
        told.reviews.set(number, [...(told.reviews.get(number) ?? []), review])
        return none()
      }),
    reply_review: () => Effect.succeed(none()),
    set_check: () => Effect.succeed(none()),
    merge: () => Effect.succeed(none()),
    delete_branch: () => Effect.succeed(none())
  })
})

const found = <A, E>(value: A | undefined, error: () => E): Effect.Effect<A, E> =>
  Effect.mapError(Effect.fromOption(Option.fromUndefinedOr(value)), error)

const newest = <A extends { readonly number: number }>(all: Iterable<A>): ReadonlyArray<A> =>
  [...all].toSorted((a, b) => b.number - a.number)

export const layerTest = (told: Told): Layer.Layer<Forge> => {
  const reading = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | ForgeError> =>
    Effect.andThen(
      Effect.suspend(() => told.reading),
      effect
    )
  const here = (name: string, number: number) => (name === repository ? told.issues.get(number) : undefined)
  const pull = (name: string, number: number) =>
    found(
      name === repository ? told.pulls.get(number) : undefined,
      () => new PullRequestNotFound({ pullRequest: Subject.key(Subject.pullRequest(name, number)) })
    )
  return Layer.succeed(
    Forge,
    Forge.of({
      perform: (draft) =>
        Effect.suspend(() => told.before).pipe(
          Effect.andThen(perform(told, draft)),
          Effect.tap(() => Effect.sync(() => told.performed.push(draft)))
        ),
      issue: (name, number) =>
        reading(found(here(name, number), () => new IssueNotFound({ issue: `${name}#${number}` }))),
      issues: (query) =>
        reading(
          Effect.sync(() =>
            newest(told.issues.values())
              .filter(
                (issue) =>
                  !issue.pullRequest &&
                  issue.repository === (query.repository ?? repository) &&
                  issue.state === (query.state ?? issue.state)
              )
              .slice(0, query.limit)
          )
        ),
      comments: (_, number) => reading(Effect.sync(() => told.comments.get(number) ?? [])),
      pullRequest: (name, number) => reading(pull(name, number)),
      pullRequests: (query) =>
        reading(
          Effect.sync(() =>
            newest(told.pulls.values())
              .filter(
                (one) =>
                  one.repository === query.repository &&
                  one.state === (query.state ?? one.state) &&
                  (query.head === undefined || (one.head.ref === query.head && one.head.repository === repository))
              )
              .slice(0, query.limit)
          )
        ),
      reviews: (name, number) => reading(Effect.map(pull(name, number), () => told.reviews.get(number) ?? [])),
      reviewComments: (name, number) => reading(Effect.map(pull(name, number), () => told.threads.get(number) ?? [])),
      checks: (_, commit) => reading(Effect.sync(() => told.checks.filter((check) => check.commit === commit))),
      trust: (_, login) => {
        told.asked.push(login)
        return Effect.as(
          Effect.suspend(() => told.trusting),
          told.trust.get(login) ?? "none"
        )
      },
      defaultBranch: () => Effect.succeed("main"),
      remote: () => Effect.sync(() => ({ url: told.remote, header: null }))
    })
  )
}
