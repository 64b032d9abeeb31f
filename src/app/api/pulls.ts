import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { LocalForge } from "../../adapters/forge/local/LocalForge.ts"
import { Forge } from "../../services/Forge.ts"
import { Workspaces } from "../../services/Workspaces.ts"
import { Api } from "../Api.ts"
import { ServerSettings } from "../serverAddress.ts"

type Params = { readonly owner: string; readonly name: string; readonly number: number }

/** Bytes of a diff that are shown. */
const shown = 256 * 1024

/** Which pull request is meant, and who speaks: the operator unless told. */
const by = (params: Params, payload: { readonly author?: string } | null) => ({
  repository: `${params.owner}/${params.name}`,
  number: params.number,
  author: payload?.author ?? "operator"
})

export const pulls = HttpApiBuilder.group(
  Api,
  "pulls",
  Effect.fnUntraced(function* (handlers) {
    const forge = yield* Forge
    const local = yield* LocalForge
    const workspaces = yield* Workspaces
    const settings = yield* ServerSettings
    return handlers.handleAll({
      list: ({ query }) =>
        forge.pullRequests({
          repository: query.repository ?? settings.repository,
          state: query.state,
          limit: query.limit ?? 50
        }),
      get: Effect.fnUntraced(function* ({ params: { name, number, owner } }) {
        const repository = `${owner}/${name}`
        const pullRequest = yield* forge.pullRequest(repository, number)
        const { base, head } = pullRequest
        return yield* Effect.all({
          pullRequest: Effect.succeed(pullRequest),
          comments: forge.comments(repository, number),
          reviews: forge.reviews(repository, number),
          reviewComments: forge.reviewComments(repository, number),
          checks: forge.checks(repository, head.sha),
          diff: Effect.catch(workspaces.diff(repository, base.sha, head.sha, shown), () => Effect.succeed(null))
        })
      }),
      review: ({ params, payload }) =>
        local.review({ ...by(params, payload), verdict: payload.verdict, body: payload.body ?? "", comments: [] }),
      merge: ({ params, payload }) => local.mergePull({ ...by(params, payload), method: payload.method ?? "squash" }),
      close: ({ params, payload }) => local.closePull(by(params, payload))
    })
  })
)
