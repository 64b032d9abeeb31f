import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Squadron } from "../../services/Squadron.ts"
import { Squads } from "../../services/Squads.ts"
import { Api } from "../Api.ts"
import { ServerSettings } from "../serverAddress.ts"

export const status = HttpApiBuilder.group(
  Api,
  "status",
  Effect.fnUntraced(function* (handlers) {
    const squadron = yield* Squadron
    const squads = yield* Squads
    const { repository } = yield* ServerSettings
    const get = Effect.fn("api.status.get")(function* () {
      const [status, squad] = yield* Effect.all([squadron.status, squads.current])
      return { ...status, repository, mention: squad.mention }
    })
    return handlers.handleAll({ get })
  })
)
