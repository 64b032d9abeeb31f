import { Effect } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../app/Api.ts"

export type Client = HttpApiClient.ForApi<typeof Api>

/** Where the daemon is, and what it asks to be let in. */
export type Daemon = { readonly url: string; readonly token: string | null }

/** The typed client of a daemon's API. */
export const open = ({ token, url }: Daemon): Effect.Effect<Client> =>
  HttpApiClient.make(Api, {
    baseUrl: url,
    transformClient: (client) =>
      token === null ? client : HttpClient.mapRequest(client, HttpClientRequest.bearerToken(token))
  }).pipe(Effect.provide(FetchHttpClient.layer))
