import { Effect, type Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../Api.ts"
import { type Check, ok, warning } from "./Check.ts"

/** More lines than these take the daemon longer than a glance may. */
const few = 100_000

const verify = "`squadron journal verify`"

/** Whether the journal of a running daemon is whole; nothing where it does not let us ask, or not soon. */
export const journal = (url: string, token: Redacted.Redacted<string> | null) =>
  Effect.gen(function* () {
    const client = yield* HttpApiClient.make(Api, {
      baseUrl: url,
      transformClient: (one) =>
        token === null ? one : HttpClient.mapRequest(one, HttpClientRequest.bearerToken(token))
    })
    const [newest] = yield* client.journal.list({ query: { limit: 1 } })
    if ((newest?.id ?? 0) > few) return [ok("journal", `too long for a glance; ${verify} reads it`)]
    const { broken, lines } = yield* client.journal.verify({ query: {} })
    return [
      broken === null
        ? ok("journal", `whole: ${lines} ${lines === 1 ? "line" : "lines"}`)
        : warning(
            "journal",
            `broken: something between lines ${broken.from} and ${broken.to} is not what was written`,
            `${verify} says more. See who can write the database, and compare with a backup.`
          )
    ]
  }).pipe(
    Effect.timeout("5 seconds"),
    Effect.orElseSucceed((): ReadonlyArray<Check> => []),
    Effect.provide(FetchHttpClient.layer)
  )
