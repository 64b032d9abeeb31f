import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Squadron } from "../../services/Squadron.ts"
import { Store } from "../../services/Store.ts"
import { Api } from "../Api.ts"
import { pageOf } from "./page.ts"

const reasonOf = (payload: { readonly reason?: string } | null): string => payload?.reason ?? "asked by a person"

export const agents = HttpApiBuilder.group(
  Api,
  "agents",
  Effect.fnUntraced(function* (handlers) {
    const squadron = yield* Squadron
    const store = yield* Store
    return handlers.handleAll({
      list: ({ query }) =>
        store.agents({ limit: query.limit ?? 50, status: query.status, role: query.role, live: query.live }),
      get: ({ params }) => store.agent(params.id),
      inbox: ({ params, query }) => Effect.andThen(store.agent(params.id), store.inbox(params.id, pageOf(query))),
      runs: ({ params }) => Effect.andThen(store.agent(params.id), store.runs(params.id)),
      explanation: ({ params }) => squadron.explainAgent(params.id),
      cancel: ({ params, payload }) => squadron.cancel(params.id, reasonOf(payload)),
      pause: ({ params, payload }) => squadron.pause(params.id, reasonOf(payload)),
      resume: ({ params }) => squadron.resume(params.id),
      retry: ({ params }) => squadron.retry(params.id),
      approve: ({ params, payload }) => squadron.approve(params.id, payload.paths),
      answer: ({ params, payload }) => squadron.answer(params.id, payload.answer)
    })
  })
)
