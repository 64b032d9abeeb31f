import { Context, Effect, Layer } from "effect"
import type { ActionDraft, ActionResult } from "../domain/Action.ts"
import { ForgeError, IssueNotFound } from "../domain/Errors.ts"

export type Issue = {
  readonly repository: string
  readonly number: number
  readonly title: string
  readonly body: string
  readonly state: "open" | "closed"
  readonly author: string
  readonly labels: ReadonlyArray<string>
  readonly assignees: ReadonlyArray<string>
  readonly createdAt: number
  readonly updatedAt: number
  readonly comments: number
}

export type Comment = {
  readonly id: number
  readonly body: string
  readonly author: string
  readonly createdAt: number
}

/** Where issues live. Reads are the forge's own state; every write is an action with a key. */
export class Forge extends Context.Service<
  Forge,
  {
    /**
     * Does it, once per key: an action whose key was done before returns that result and changes nothing. The change
     * and the mark that it was done become durable together, so a crash between doing and noting is harmless.
     */
    perform(action: ActionDraft): Effect.Effect<ActionResult, ForgeError>
    issue(repository: string, number: number): Effect.Effect<Issue, IssueNotFound | ForgeError>
    issues(query: {
      readonly repository?: string | undefined
      readonly state?: "open" | "closed" | undefined
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<Issue>, ForgeError>
    comments(repository: string, number: number): Effect.Effect<ReadonlyArray<Comment>, IssueNotFound | ForgeError>
  }
>()("squadron/services/Forge") {
  /** No forge at all: there are no issues, and an action fails for good. For programs whose agents do all by themselves. */
  static readonly layerNone = Layer.succeed(
    Forge,
    Forge.of({
      perform: ({ action }) =>
        Effect.fail(
          new ForgeError({ reason: `there is no forge to ${action._tag} in`, retryable: false, retryAfter: null })
        ),
      issue: (repository, number) => Effect.fail(new IssueNotFound({ issue: `${repository}#${number}` })),
      issues: () => Effect.succeed([]),
      comments: (repository, number) => Effect.fail(new IssueNotFound({ issue: `${repository}#${number}` }))
    })
  )
}
