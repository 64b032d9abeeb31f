import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { LocalForge } from "../../adapters/forge/local/LocalForge.ts"
import { Api } from "../Api.ts"
import { ServerSettings } from "../serverAddress.ts"

type Params = { readonly owner: string; readonly name: string; readonly number: number }

/** Which issue is meant, and who speaks: the operator unless told. */
const by = (params: Params, payload: { readonly author?: string } | null) => ({
  repository: `${params.owner}/${params.name}`,
  number: params.number,
  author: payload?.author ?? "operator"
})

export const issues = HttpApiBuilder.group(
  Api,
  "issues",
  Effect.fnUntraced(function* (handlers) {
    const forge = yield* LocalForge
    const settings = yield* ServerSettings
    return handlers.handleAll({
      list: ({ query }) => forge.issues({ repository: query.repository, state: query.state, limit: query.limit ?? 50 }),
      get: ({ params: { name, number, owner } }) =>
        Effect.all({
          issue: forge.issue(`${owner}/${name}`, number),
          comments: forge.comments(`${owner}/${name}`, number)
        }),
      create: ({ payload: { author = "operator", body = "", labels = [], repository, title } }) =>
        forge.open({ repository: repository ?? settings.repository, title, body, labels, author }),
      comment: ({ params, payload }) => forge.comment({ ...by(params, payload), body: payload.body }),
      label: ({ params, payload: { add = [], remove = [], ...payload } }) =>
        forge.label({ ...by(params, payload), add, remove }),
      assign: ({ params, payload }) => forge.assign({ ...by(params, payload), assignees: payload.assignees }),
      edit: ({ params, payload }) => forge.edit({ ...by(params, payload), title: payload.title, body: payload.body }),
      close: ({ params, payload }) => forge.close({ ...by(params, payload), reason: payload?.reason ?? "completed" }),
      reopen: ({ params, payload }) => forge.reopen(by(params, payload))
    })
  })
)
