import { ByteSize, Effect, Redacted } from "effect"
import { HttpEffect, HttpIncomingMessage, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Capabilities, Grant } from "../../services/Capabilities.ts"

/** Bytes of one request. */
const bodyLimit = ByteSize.mebibytes(1)

const sessionHeader = "mcp-session-id"

const answer = (status: number, _tag: string, message: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.jsonUnsafe({ _tag, message }, { status, headers })

const unauthorized = answer(
  401,
  "Unauthorized",
  "These are the tools of running agents: send the header Authorization: Bearer <token> with the token of a run that has not ended.",
  { "www-authenticate": "Bearer" }
)

const tooLarge = answer(413, "TooLarge", "A request to the tools has 1 MiB at most.")

const noSession = answer(404, "SessionNotFound", "This session is not one of this run's; initialize a new one.")

/** The run that a request's token is for. */
const grantOf = (
  capabilities: Capabilities["Service"],
  request: HttpServerRequest.HttpServerRequest
): Grant | undefined => {
  const token = /^Bearer +(\S+) *$/i.exec(request.headers["authorization"] ?? "")?.[1]
  return token === undefined ? undefined : capabilities.find(token)
}

type Handler<R> = Effect.Effect<HttpServerResponse.HttpServerResponse, never, R | HttpServerRequest.HttpServerRequest>

/**
 * Lets requests of runs through, each with a body of bounded length and with sessions of its own run only. Sessions of
 * runs that have ended are ended, too. `use` gets the run and the request's text.
 */
export const makeGuard = (capabilities: Capabilities["Service"]) => {
  const owners = new Map<string, Grant>()
  const isOver = (grant: Grant) => capabilities.find(Redacted.value(grant.token)) !== grant

  /** Ends the sessions that nobody can use any more. */
  const sweep = <R>(handler: Handler<R>) =>
    Effect.suspend(() =>
      Effect.forEach(
        [...owners].filter(([, grant]) => isOver(grant)),
        ([session]) => {
          owners.delete(session)
          const request = new Request("http://localhost/mcp", {
            method: "DELETE",
            headers: { [sessionHeader]: session }
          })
          return Effect.provideService(handler, HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request))
        },
        { discard: true }
      )
    )

  /** Notes whose session it is, once the answer to `initialize` names one. */
  const claim = <R>(grant: Grant, handler: Handler<R>) =>
    HttpEffect.appendPreResponseHandler((_request, response) =>
      Effect.sync(() => {
        const session = response.headers[sessionHeader]
        if (session !== undefined) owners.set(session, grant)
        return response
      })
    ).pipe(Effect.andThen(sweep(handler)))

  return <R>(handler: Handler<R>, use: (grant: Grant, text: string, handler: Handler<R>) => Handler<R>) =>
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const grant = grantOf(capabilities, request)
      if (grant === undefined) return unauthorized
      const session = request.headers[sessionHeader]
      if (session !== undefined && owners.get(session) !== grant) return noSession
      const text = yield* Effect.result(request.method === "POST" ? request.text : Effect.succeed(""))
      if (text._tag === "Failure") return tooLarge
      const response = yield* use(grant, text.success, handler)
      if (request.method === "DELETE" && session !== undefined) owners.delete(session)
      else if (session === undefined && request.method === "POST") yield* claim(grant, handler)
      return response
    }).pipe(Effect.provideService(HttpIncomingMessage.MaxBodySize, bodyLimit))
}
