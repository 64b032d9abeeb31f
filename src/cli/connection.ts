import { Effect } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../app/Api.ts"
import type { Client, Daemon } from "./client.ts"

/** The typed client of a daemon's API. */
export const open = ({ token, url }: Daemon): Effect.Effect<Client> =>
  HttpApiClient.make(Api, {
    baseUrl: url,
    transformClient: (client) =>
      token === null ? client : HttpClient.mapRequest(client, HttpClientRequest.bearerToken(token))
  }).pipe(Effect.provide(FetchHttpClient.layer))
