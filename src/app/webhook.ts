import { Clock, Duration, Effect, Layer, Redacted, Stream } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { RateLimiter } from "effect/persistence"
import { toEvent } from "../adapters/forge/github/events.ts"
import { installationOf, repositoryOf } from "../adapters/forge/github/payload.ts"
import { isSignature, textOf, verifySignature } from "../adapters/forge/github/signature.ts"
import type { BusFull, StoreUnavailable } from "../domain/Errors.ts"
import type { EventDraft, Published } from "../domain/Event.ts"
import { EventBus } from "../services/EventBus.ts"
import { withTrust } from "../services/eventTrust.ts"
import type { Forge } from "../services/Forge.ts"
import type { RecentActions } from "../services/RecentActions.ts"
import {
  refuse,
  WebhookBodyIncomplete,
  WebhookBodyInvalid,
  WebhookContentTypeInvalid,
  WebhookHeaderInvalid,
  WebhookMethodInvalid,
  WebhookNotAllowed,
  WebhookRateLimited,
  WebhookSecretMissing,
  WebhookSignatureInvalid,
  WebhookTooLarge,
  WebhookTrustUnknown
} from "./webhook-errors.ts"

/** The `github` part of the settings. */
export type WebhookOptions = {
  /** Null, or an empty one, refuses everything. */
  readonly secret: Redacted.Redacted<string> | null
  /** The environment variable to name when there is no secret; SQUADRON_GITHUB_WEBHOOK_SECRET without it. */
  readonly secretEnv?: string | undefined
  /** Signed deliveries that may come in a minute, as a token bucket; 0 for any number. */
  readonly ratePerMinute: number
  /** Full names, in any case, of the only repositories that are listened to; all where there are none. */
  readonly repositories?: ReadonlyArray<string> | undefined
  /** Ids of the only app installations that are listened to; all, and deliveries without one, where there are none. */
  readonly installations?: ReadonlyArray<number> | undefined
  /** Accounts that are bots although GitHub says they are users. */
  readonly botLogins: ReadonlyArray<string>
}

/** Takes an event and answers when it is durable, or at once when there is no room. */
export type Offer = (event: EventDraft) => Effect.Effect<Published, BusFull | StoreUnavailable | WebhookTrustUnknown>

/** GitHub caps payloads at 25 MB; in bytes. */
const maxBody = 25 * 1024 * 1024
const bodyTime = Duration.seconds(30)

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const headerOf = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest,
  header: string,
  pattern: RegExp,
  expected: string
) {
  const value = request.headers[header.toLowerCase()]
  if (value === undefined || value === "") return yield* new WebhookHeaderInvalid({ header, problem: "is missing" })
  if (pattern.test(value)) return value
  return yield* new WebhookHeaderInvalid({ header, problem: `is malformed; expected ${expected}` })
})

/** All that can be said of a delivery before its body is read. */
const readHeaders = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest,
  { secret, secretEnv = "SQUADRON_GITHUB_WEBHOOK_SECRET" }: WebhookOptions
) {
  if (request.method !== "POST") return yield* new WebhookMethodInvalid({ method: request.method })
  const contentType = request.headers["content-type"] ?? ""
  if (contentType.split(";")[0]?.trim().toLowerCase() !== "application/json") {
    return yield* new WebhookContentTypeInvalid({ contentType })
  }
  if (Number(request.headers["content-length"] ?? 0) > maxBody) return yield* new WebhookTooLarge({ limit: maxBody })
  const event = yield* headerOf(request, "X-GitHub-Event", /^[a-z0-9_]{1,64}$/, "an event's name such as issues")
  const delivery = yield* headerOf(request, "X-GitHub-Delivery", uuid, "a UUID")
  if (secret === null || Redacted.value(secret) === "") {
    return yield* new WebhookSecretMissing({ variable: secretEnv })
  }
  const signature = request.headers["x-hub-signature-256"]
  if (signature === undefined) return yield* new WebhookSignatureInvalid({ problem: "missing" })
  if (!isSignature(signature)) return yield* new WebhookSignatureInvalid({ problem: "malformed" })
  return { event, delivery, signature, secret }
})

/** The whole body; holds no more than the cap, whatever the sender announces. */
const readBody = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const chunks: Array<Uint8Array> = []
  let size = 0
  yield* request.stream.pipe(
    Stream.runForEach((chunk) => {
      size += chunk.length
      if (size > maxBody) return Effect.fail(new WebhookTooLarge({ limit: maxBody }))
      chunks.push(chunk)
      return Effect.void
    }),
    Effect.catchTag("HttpServerError", () => Effect.fail(new WebhookBodyIncomplete({ problem: "broke off" }))),
    Effect.timeoutOrElse({
      duration: bodyTime,
      orElse: () => Effect.fail(new WebhookBodyIncomplete({ problem: "did not arrive within 30 s" }))
    })
  )
  return Buffer.concat(chunks, size)
})

/** The engine's words, without the piece of the body that they quote. */
const faultOf = (text: string, cause: unknown): WebhookBodyInvalid => {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const found = /^(.*?) in JSON at position (\d+)|^(.*?) after JSON at position (\d+)/.exec(reason)
  const position = found?.[2] ?? found?.[4] ?? (reason.includes("end of JSON") ? String(text.length) : null)
  if (position !== null && Number(position) >= text.length) {
    return new WebhookBodyInvalid({ problem: "is not JSON: it ends too early", position: text.length })
  }
  const words = found?.[1] ?? found?.[3] ?? reason.split(", ")[0] ?? ""
  const problem = `is not JSON: ${words.slice(0, 1).toLowerCase()}${words.slice(1)}`
  return new WebhookBodyInvalid({ problem, position: position === null ? null : Number(position) })
}

const parse = (body: Uint8Array): Effect.Effect<unknown, WebhookBodyInvalid> => {
  const text = textOf(body)
  if (text === null) return Effect.fail(new WebhookBodyInvalid({ problem: "is not UTF-8", position: null }))
  return Effect.try({ try: (): unknown => JSON.parse(text), catch: (cause) => faultOf(text, cause) })
}

const checkAllowed = Effect.fnUntraced(function* (
  payload: unknown,
  { installations = [], repositories = [] }: WebhookOptions
) {
  if (installations.length > 0) {
    const id = installationOf(payload)
    if (id === null || !installations.includes(id)) {
      return yield* new WebhookNotAllowed({ what: "installation", given: id === null ? null : String(id) })
    }
  }
  if (repositories.length > 0) {
    const name = repositoryOf(payload)
    const same = (other: string) => other.toLowerCase() === name?.toLowerCase()
    if (!repositories.some(same)) return yield* new WebhookNotAllowed({ what: "repository", given: name })
  }
})

const makeLimit = Effect.fnUntraced(function* (perMinute: number) {
  if (perMinute <= 0) return Effect.void
  const limiter = yield* RateLimiter.make
  const limit = { algorithm: "token-bucket", window: "1 minute", limit: perMinute, key: "github" } as const
  return limiter.consume(limit).pipe(
    Effect.asVoid,
    Effect.catchTag("RateLimiterError", ({ reason }) => {
      if (reason._tag !== "RateLimitExceeded") return Effect.die(reason)
      const retryAfter = Math.max(1, Math.ceil(Duration.toSeconds(reason.retryAfter)))
      return Effect.fail(new WebhookRateLimited({ perMinute, retryAfter }))
    })
  )
})

/**
 * `POST /webhooks/github`: 202 with `{ seq, duplicate, type }` once the event is durable.
 *
 * Checks in this order, and nothing is published before all have passed: method (405), content type (415), announced
 * length (413), headers (422), our own secret (503), the signature's form (401), the body's length as it arrives
 * (413), the signature over the raw bytes (401), the rate of signed deliveries (429), UTF-8, JSON and the fields
 * (422), installation and repository (403), room on the bus (503). Every refusal is JSON with `_tag` and `message`.
 */
export const makeWebhook = (options: WebhookOptions & { readonly offer: Offer }) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const limit = yield* makeLimit(options.ratePerMinute).pipe(
        Effect.provide(RateLimiter.layerStoreMemory, { local: true })
      )

      const receive = Effect.fn("webhook.receive")(function* (request: HttpServerRequest.HttpServerRequest) {
        const { delivery, event, secret, signature } = yield* readHeaders(request, options)
        const body = yield* readBody(request)
        if (!(yield* verifySignature(secret, body, signature))) {
          return yield* new WebhookSignatureInvalid({ problem: "wrong" })
        }
        const take = Effect.gen(function* () {
          yield* limit
          const payload = yield* parse(body)
          const receivedAt = yield* Clock.currentTimeMillis
          const draft = yield* toEvent({ event, delivery, payload, receivedAt, botLogins: options.botLogins })
          yield* checkAllowed(payload, options)
          const published = yield* options.offer(draft)
          return { seq: published.seq, duplicate: published._tag === "Duplicate", type: draft.detail._tag }
        })
        return yield* take.pipe(
          // who sends too fast is told, and would fill the log
          Effect.tapError((error) =>
            Effect.logWithLevel(error._tag === "WebhookRateLimited" ? "Debug" : "Warn")(
              `Delivery refused: ${error.message}`
            )
          ),
          Effect.annotateLogs({ event, delivery })
        )
      })

      yield* router.add("*", "/webhooks/github", (request) =>
        receive(request).pipe(
          Effect.map((answer) => HttpServerResponse.jsonUnsafe(answer, { status: 202 })),
          Effect.catch((error) => Effect.succeed(refuse(error)))
        )
      )
    })
  )

/** GitHub wants its answer within 10 s. */
const trustTime = Duration.seconds(5)
const noAnswer = new WebhookTrustUnknown({ reason: "GitHub did not answer within 5 s." })

/**
 * `makeWebhook` in front of the running squadron's `EventBus`, whose answer does not wait when the bus is full. With a
 * `forge`, each event is stored with what that lets its people do; without one, nobody may do anything. With `recent`,
 * Squadron's own doings are stored with the agent that caused them.
 */
export const layer = (
  options: WebhookOptions & {
    readonly forge?: Pick<Forge["Service"], "trust"> | undefined
    readonly recent?: Pick<RecentActions["Service"], "attribute"> | undefined
  }
) =>
  Layer.unwrap(
    Effect.map(EventBus, (bus) => {
      const { forge, recent } = options
      const caused = (draft: EventDraft): EventDraft => recent?.attribute(draft) ?? draft
      const offer: Offer =
        forge === undefined
          ? (draft) => bus.offer(caused(draft))
          : (draft) =>
              withTrust(forge, caused(draft)).pipe(
                Effect.mapError((error) => new WebhookTrustUnknown({ reason: error.message })),
                Effect.timeoutOrElse({ duration: trustTime, orElse: () => Effect.fail(noAnswer) }),
                Effect.flatMap(bus.offer)
              )
      return makeWebhook({ ...options, offer })
    })
  )
