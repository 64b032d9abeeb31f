import { type Duration, Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import type { ActionDraft } from "../../../domain/Action.ts"
import type { ForgeError } from "../../../domain/Errors.ts"
import { Forge } from "../../../services/Forge.ts"
import * as Answers from "./answers.ts"
import { readChecks } from "./checks.ts"
import type { Auth } from "./credentials.ts"
import { GitHubFault, toForgeError } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { makePerform } from "./performAction.ts"
import { makePermissions } from "./permissions.ts"
import { basicHeader } from "./push.ts"
import { installedOn, listIssues, readComments, readIssue } from "./readIssues.ts"
import { listPulls, readPull } from "./readPullRequests.ts"
import { readReviewComments, readReviews } from "./reviews.ts"

export type GitHubOptions = {
  /** https://api.github.com unless told; https://HOST/api/v3 for an Enterprise Server. */
  readonly apiUrl?: string | undefined
  readonly auth: Auth
  /** https://github.com unless told. */
  readonly webUrl?: string | undefined
  /** The absolute path of Squadron's mirror of a repository, from which is pushed. */
  readonly mirror: (repository: string) => string
  /** What `issues` lists where no repository is named; for an app all that it is installed on, unless told. */
  readonly repositories?: ReadonlyArray<string> | undefined
  /** The least time between two writes of one account; 1 s, as GitHub asks, unless told. */
  readonly pause?: Duration.Input | undefined
}

/**
 * The forge that is GitHub.
 *
 * Reads are GitHub's own state, whole or not at all. Texts of ours come without their marks, and say which agent wrote
 * them; who edited a text is asked for by GraphQL, and where that cannot tell it is `?`, whom nobody trusts.
 *
 * An app needs write access to contents, issues, pull requests and checks, and read access to metadata and commit
 * statuses; a token write access to the first three and to commit statuses.
 */
const make = Effect.fnUntraced(function* (options: GitHubOptions) {
  const client = yield* GitHubClient
  const webUrl = (options.webUrl ?? "https://github.com").replace(/\/+$/, "")
  const permissions = yield* makePermissions(client)
  const perform = makePerform({ webUrl, mirror: options.mirror })

  const asked = <A, E>(
    effect: Effect.Effect<A, E, GitHubClient>
  ): Effect.Effect<A, Exclude<E, GitHubFault> | ForgeError> =>
    effect.pipe(
      Effect.mapError((error) =>
        error instanceof GitHubFault ? toForgeError(error) : (error as Exclude<E, GitHubFault>)
      ),
      Effect.provideService(GitHubClient, client)
    )

  const issues = Effect.fnUntraced(function* (query: Parameters<Forge["Service"]["issues"]>[0]) {
    const state = query.state ?? "all"
    if (query.repository !== undefined) return yield* listIssues(query.repository, state, query.limit)
    const repositories = options.repositories ?? (yield* installedOn)
    const all = yield* Effect.forEach(repositories, (repository) => listIssues(repository, state, query.limit))
    return all
      .flat()
      .toSorted((one, other) => other.createdAt - one.createdAt)
      .slice(0, query.limit)
  })

  return Forge.of({
    perform: Effect.fn("GitHubForge.perform")((action: ActionDraft) => asked(perform(action))),
    issue: Effect.fn("GitHubForge.issue")((repository, number) => asked(readIssue(repository, number))),
    issues: Effect.fn("GitHubForge.issues")((query) => asked(issues(query))),
    comments: Effect.fn("GitHubForge.comments")((repository, number) => asked(readComments(repository, number))),
    pullRequest: Effect.fn("GitHubForge.pullRequest")((repository, number) => asked(readPull(repository, number))),
    pullRequests: Effect.fn("GitHubForge.pullRequests")(({ repository, state = "all", ...query }) =>
      asked(listPulls(repository, { ...query, state }))
    ),
    reviews: Effect.fn("GitHubForge.reviews")((repository, number) => asked(readReviews(repository, number))),
    reviewComments: Effect.fn("GitHubForge.reviewComments")((repository, number) =>
      asked(readReviewComments(repository, number))
    ),
    checks: Effect.fn("GitHubForge.checks")((repository, commit) => asked(readChecks(repository, commit))),
    trust: Effect.fn("GitHubForge.trust")((repository, login) => asked(permissions(repository, login))),
    defaultBranch: Effect.fn("GitHubForge.defaultBranch")(function* (repository) {
      const found = yield* asked(client.get(`/repos/${repository}`, Answers.Repository))
      return found.default_branch
    }),
    remote: Effect.fn("GitHubForge.remote")(function* (repository) {
      const token = yield* asked(client.token(repository))
      return { url: `${webUrl}/${repository}.git`, header: basicHeader(token) }
    })
  })
})

/** The port on GitHub, and the client that it asks with, over the platform's own `fetch`. */
export const layer = (options: GitHubOptions): Layer.Layer<Forge | GitHubClient> =>
  Layer.effect(Forge, make(options)).pipe(
    Layer.provideMerge(GitHubClient.layer({ apiUrl: options.apiUrl, auth: options.auth, pause: options.pause })),
    Layer.provide(FetchHttpClient.layer)
  )
