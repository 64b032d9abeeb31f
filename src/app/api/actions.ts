import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Squadron } from "../../services/Squadron.ts"
import { Store } from "../../services/Store.ts"
import { Api } from "../Api.ts"
import { pageOf } from "./page.ts"

export const actions = HttpApiBuilder.group(
  Api,
  "actions",
  Effect.fnUntraced(function* (handlers) {
    const squadron = yield* Squadron
    const store = yield* Store
    return handlers.handleAll({
      list: ({ query }) => store.actions({ ...pageOf(query), agent: query.agent, status: query.status }),
      retry: ({ params }) => squadron.retryAction(params.id)
    })
  })
)
