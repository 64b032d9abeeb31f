import { Context, Effect, Layer, type Redacted } from "effect"
import type { ActionDraft, ActionResult } from "../domain/Action.ts"
import { ForgeError, IssueNotFound, PullRequestNotFound } from "../domain/Errors.ts"
import type { Trust } from "../domain/Trust.ts"

/** Somebody's words. `editor` is who changed them last, null where nobody did. Times in milliseconds since 1970. */
export type Written = {
  readonly body: string
  readonly author: string
  readonly createdAt: number
  readonly editor: string | null
  readonly editedAt: number | null
  /** The agent of ours that wrote it, or `squadron`, where the forge itself knows; never by the author's name alone. */
  readonly agent?: string
}

export type Issue = Written & {
  readonly repository: string
  readonly number: number
  readonly title: string
  readonly state: "open" | "closed"
  readonly labels: ReadonlyArray<string>
  readonly assignees: ReadonlyArray<string>
  readonly updatedAt: number
  readonly comments: number
  /** Whether the number is a pull request's. */
  readonly pullRequest: boolean
}

export type Comment = Written & { readonly id: number }

export type PullRequest = Written & {
  readonly repository: string
  readonly number: number
  readonly title: string
  readonly state: "open" | "closed"
  readonly draft: boolean
  readonly merged: boolean
  /** The commit that the base came to by the merge, or null. */
  readonly mergeCommit: string | null
  /** `repository` is another one for a pull request from a fork. */
  readonly head: { readonly ref: string; readonly sha: string; readonly repository: string }
  readonly base: { readonly ref: string; readonly sha: string }
  /** Whether it can be merged without conflicts; null where the forge does not know yet. */
  readonly mergeable: boolean | null
  readonly labels: ReadonlyArray<string>
  readonly updatedAt: number
}

/** `role` is whose review it is where one of ours wrote it, else null. `dismissed` ones no longer count. */
export type Review = Written & {
  readonly id: number
  readonly role: string | null
  readonly verdict: "approve" | "request_changes" | "comment"
  readonly commit: string
  readonly dismissed: boolean
}

/** A comment on a line; `inReplyTo` is the comment that began its thread, null for that one itself. */
export type ReviewComment = Written & {
  readonly id: number
  readonly review: number | null
  readonly path: string
  readonly line: number | null
  readonly inReplyTo: number | null
}

export type Check = {
  readonly name: string
  readonly commit: string
  readonly conclusion: "pending" | "success" | "failure" | "neutral"
  readonly summary: string
}

/** Where git finds a repository. `header` is a whole HTTP header line for it, and is never on disk or in arguments. */
export type Remote = { readonly url: string; readonly header: Redacted.Redacted<string> | null }

/** Where issues and pull requests live. Reads are the forge's own state; every write is an action with a key. */
export class Forge extends Context.Service<
  Forge,
  {
    /**
     * Does it, once per key: an action whose key was done before returns that result and changes nothing. The change
     * and the mark that it was done become durable together, so a crash between doing and noting is harmless.
     */
    perform(action: ActionDraft): Effect.Effect<ActionResult, ForgeError>
    issue(repository: string, number: number): Effect.Effect<Issue, IssueNotFound | ForgeError>
    /** Newest first; pull requests are not among them. */
    issues(query: {
      readonly repository?: string | undefined
      readonly state?: "open" | "closed" | undefined
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<Issue>, ForgeError>
    /** Of an issue or a pull request, oldest first, all of them. */
    comments(repository: string, number: number): Effect.Effect<ReadonlyArray<Comment>, IssueNotFound | ForgeError>
    pullRequest(repository: string, number: number): Effect.Effect<PullRequest, PullRequestNotFound | ForgeError>
    /** Newest first. `head` is a branch of the same repository. */
    pullRequests(query: {
      readonly repository: string
      readonly state?: "open" | "closed" | undefined
      readonly head?: string | undefined
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<PullRequest>, ForgeError>
    /** Oldest first, all of them. */
    reviews(repository: string, number: number): Effect.Effect<ReadonlyArray<Review>, PullRequestNotFound | ForgeError>
    /** Oldest first, all of them. */
    reviewComments(
      repository: string,
      number: number
    ): Effect.Effect<ReadonlyArray<ReviewComment>, PullRequestNotFound | ForgeError>
    /** The newest of each name. */
    checks(repository: string, commit: string): Effect.Effect<ReadonlyArray<Check>, ForgeError>
    /** What the person may do in the repository, by the forge's permission data. */
    trust(repository: string, login: string): Effect.Effect<Trust, ForgeError>
    defaultBranch(repository: string): Effect.Effect<string, ForgeError>
    remote(repository: string): Effect.Effect<Remote, ForgeError>
  }
>()("squadron/services/Forge") {
  /** No forge at all: there are no issues, and an action fails for good. For programs whose agents do all by themselves. */
  static readonly layerNone = Layer.effect(
    Forge,
    Effect.sync(() => {
      const none = (what: string) =>
        Effect.fail(new ForgeError({ reason: `there is no forge to ${what} in`, retryable: false, retryAfter: null }))
      const noPull = (repository: string, number: number) =>
        Effect.fail(new PullRequestNotFound({ pullRequest: `${repository}#${number}` }))
      return Forge.of({
        perform: ({ action }) => none(action._tag),
        issue: (repository, number) => Effect.fail(new IssueNotFound({ issue: `${repository}#${number}` })),
        issues: () => Effect.succeed([]),
        comments: (repository, number) => Effect.fail(new IssueNotFound({ issue: `${repository}#${number}` })),
        pullRequest: noPull,
        pullRequests: () => Effect.succeed([]),
        reviews: noPull,
        reviewComments: noPull,
        checks: () => Effect.succeed([]),
        trust: () => Effect.succeed("none" as const),
        defaultBranch: () => none("find a branch"),
        remote: () => none("find a repository")
      })
    })
  )
}
