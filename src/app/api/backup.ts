import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { isAbsolute } from "node:path"
import { Backup } from "../../services/Backup.ts"
import { Api } from "../Api.ts"
import { InvalidRequest } from "../ApiGuards.ts"

export const backup = HttpApiBuilder.group(
  Api,
  "backup",
  Effect.fnUntraced(function* (handlers) {
    const backup = yield* Backup
    const create = Effect.fn("api.backup.create")(function* ({ payload: { path } }: { payload: { path: string } }) {
      if (!isAbsolute(path)) {
        return yield* new InvalidRequest({ field: "payload.path", problem: `${path} is not an absolute path` })
      }
      const { bytes } = yield* backup.to(path)
      return { path, bytes }
    })
    return handlers.handleAll({ create })
  })
)
