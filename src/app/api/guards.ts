import { Cause, Effect, Layer, Redacted, Result, Schema, SchemaIssue } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { type HttpApiEndpoint, HttpApiError } from "effect/http-api"
import { createHash, timingSafeEqual } from "node:crypto"
import { Authorization, Explained, InvalidRequest, Unauthorized } from "../ApiGuards.ts"
import { isLoopback, ServerSettings } from "../serverAddress.ts"

const digest = (text: string) => createHash("sha256").update(text).digest()

/** Takes the same time whatever the difference. */
const sameToken = (given: string, wanted: Redacted.Redacted<string>): boolean =>
  timingSafeEqual(digest(given), digest(Redacted.value(wanted)))

export const authorization = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const { token } = yield* ServerSettings
    return Authorization.of({
      bearer: Effect.fnUntraced(function* (handler, { credential }) {
        if (token !== null && !sameToken(Redacted.value(credential), token)) return yield* new Unauthorized()
        return yield* handler
      })
    })
  })
)

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const pathOf = (segment: PropertyKey | { readonly key: PropertyKey }): string =>
  String(typeof segment === "object" ? segment.key : segment)

const invalid = (error: HttpApiError.HttpApiSchemaError): InvalidRequest => {
  const slot = error.kind.toLowerCase()
  const [first] = issuesOf(error.cause.issue).issues
  return new InvalidRequest({
    field: [slot, ...(first?.path ?? []).map(pathOf)].join("."),
    problem: first?.message ?? "is not valid"
  })
}

const declared = (endpoint: HttpApiEndpoint.Top): ReadonlyArray<Schema.Top> => [
  ...endpoint.error,
  InvalidRequest,
  Unauthorized
]

const explain = (error: unknown, endpoint: HttpApiEndpoint.Top) => {
  const schema = declared(endpoint).find((schema) => Schema.is(schema)(error))
  if (schema === undefined || !(error instanceof Error)) return null
  const body = { ...error, message: error.message }
  const status = Schema.resolveAnnotations(schema)?.["httpApiStatus"]
  return HttpServerResponse.jsonUnsafe(body, { status: typeof status === "number" ? status : 500 })
}

/** Faults of our own in a response stay faults; everything else gets its words. */
export const explained = Layer.succeed(Explained, (handler, { endpoint }) =>
  Effect.catch(handler, (error) => {
    const isRequest = HttpApiError.HttpApiSchemaError.is(error)
    if (isRequest && (error.kind === "Body" || error.kind === "ResponseHeaders")) return Effect.fail(error)
    const response = explain(isRequest ? invalid(error) : error, endpoint)
    return response === null ? Effect.fail(error) : Effect.succeed(response)
  })
)

const refused = (reason: string) =>
  HttpServerResponse.jsonUnsafe({ _tag: "Forbidden", message: reason }, { status: 403 })

const hostOf = (authority: string): string => authority.replace(/:\d+$/, "").toLowerCase()

const reads: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

/** Why a browser's request must not pass, or null. Webhooks are signed, and may come through a tunnel. */
const objection = (request: HttpServerRequest.HttpServerRequest, loopback: boolean): string | null => {
  if (request.url.startsWith("/webhooks/")) return null
  const { host = "", origin } = request.headers
  if (loopback && !isLoopback(hostOf(host))) return `This squadron does not go by the name ${host}; use 127.0.0.1.`
  if (origin === undefined || reads.has(request.method)) return null
  const url = URL.canParse(origin) ? new URL(origin) : null
  return url !== null && url.host === host ? null : `Pages from ${origin} may not change anything here.`
}

/** Keeps pages of other sites from acting here: a foreign `Origin`, or a foreign name for a loopback address. */
export const originCheck = HttpRouter.middleware(
  Effect.gen(function* () {
    const { host } = yield* ServerSettings
    const loopback = isLoopback(host)
    return (handler) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const reason = objection(request, loopback)
        return reason === null ? handler : Effect.succeed(refused(reason))
      })
  }),
  { global: true }
)

const faulted = HttpServerResponse.jsonUnsafe(
  { _tag: "InternalError", message: "Squadron failed at this request; its log says why." },
  { status: 500 }
)

/** Writes our own faults into the log with their cause; the client learns that there is one. */
export const faultLog = HttpRouter.middleware(
  (handler) =>
    Effect.catchCauseFilter(
      handler,
      (cause) => (Cause.hasDies(cause) ? Result.succeed(cause) : Result.fail(cause)),
      (cause) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) =>
          Effect.as(Effect.annotateLogs(Effect.logError("A request failed", cause), { method, url }), faulted)
        )
    ),
  { global: true }
)

/** Puts the token check before routes outside the typed API. */
export const withToken = Effect.fnUntraced(function* <E, R>(
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) {
  const { token } = yield* ServerSettings
  const request = yield* HttpServerRequest.HttpServerRequest
  const given = /^Bearer +(.+)$/i.exec(request.headers["authorization"] ?? "")?.[1] ?? ""
  if (token === null || sameToken(given, token)) return yield* handler
  const error = new Unauthorized()
  return HttpServerResponse.jsonUnsafe({ _tag: error._tag, message: error.message }, { status: 401 })
})
