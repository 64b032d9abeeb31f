import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { randomUUID } from "node:crypto"
import type { Detail, EventDraft } from "../../domain/Event.ts"
import { isInternal } from "../../domain/Role.ts"
import type { Subject } from "../../domain/Subject.ts"
import { Squadron } from "../../services/Squadron.ts"
import { Store } from "../../services/Store.ts"
import { Api, type PublishRequest } from "../Api.ts"
import { InvalidRequest } from "../ApiGuards.ts"
import { ServerSettings } from "../serverAddress.ts"
import { pageOf } from "./page.ts"

const detailOf = (request: PublishRequest): Detail =>
  "detail" in request ? request.detail : { _tag: "custom", name: request.name, payload: request.payload ?? null }

const subjectOf = (request: PublishRequest, detail: Detail, repository: string): Subject | InvalidRequest => {
  const name = request.repository ?? repository
  const kind =
    request.kind ?? (request.number === undefined ? "repository" : "pullRequest" in detail ? "pull_request" : "issue")
  if (kind === "repository") return { repository: name, kind, number: 0 }
  if (request.number !== undefined) return { repository: name, kind, number: request.number }
  return new InvalidRequest({
    field: "payload.number",
    problem: `an event about an issue or a pull request needs its number`
  })
}

const draftOf = Effect.fnUntraced(function* (request: PublishRequest, repository: string) {
  const detail = detailOf(request)
  if (isInternal(detail._tag)) {
    const problem = `${detail._tag} is Squadron's own; to act on an agent use /agents/:id/cancel and its neighbours`
    return yield* new InvalidRequest({ field: "payload.detail._tag", problem })
  }
  const subject = subjectOf(request, detail, repository)
  if (subject instanceof InvalidRequest) return yield* subject
  const draft: EventDraft = {
    key: request.key ?? (yield* Effect.sync(() => randomUUID())),
    source: "person",
    at: yield* Clock.currentTimeMillis,
    actor: request.actor ?? { login: "operator", kind: "person" },
    subject,
    causedBy: null,
    depth: 0,
    detail
  }
  return draft
})

export const events = HttpApiBuilder.group(
  Api,
  "events",
  Effect.fnUntraced(function* (handlers) {
    const squadron = yield* Squadron
    const store = yield* Store
    const { repository } = yield* ServerSettings
    return handlers.handleAll({
      list: ({ query }) => store.events({ ...pageOf(query), type: query.type, subject: query.subject }),
      get: ({ params }) => store.event(params.seq),
      explanation: ({ params }) => squadron.explainEvent(params.seq),
      publish: Effect.fn("api.events.publish")(function* ({ payload }) {
        return yield* squadron.publish(yield* draftOf(payload, repository))
      })
    })
  })
)
