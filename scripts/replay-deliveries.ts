// What `npm run replay` sends: GitHub's own example payloads, signed as GitHub signs, each with an id that follows
// from the event's name and the example's place, so that it is the same in every run.
import { sign } from "@octokit/webhooks-methods"
import { Duration, Effect, Option, Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { createHash } from "node:crypto"
import { createRequire } from "node:module"

export type Delivery = { readonly event: string; readonly id: string; readonly body: string }

/**
 * What became of a post: `accepted` with a type of its own, `ignored` (stored as `other`), `duplicate`, `refused` for
 * what it says, or `lost`: no answer, an answer that means "not now" or "not you", or stored twice.
 */
export type Kind = "accepted" | "ignored" | "duplicate" | "refused" | "lost"

export type Post = {
  readonly event: string
  readonly kind: Kind
  /** 0 where there was no answer. */
  readonly status: number
  /** 0 where nothing was stored. */
  readonly seq: number
  readonly reason: string
  /** How often it was told to come again. */
  readonly held: number
}

const require = createRequire(import.meta.url)

const Corpus = Schema.Array(Schema.Struct({ name: Schema.String, examples: Schema.Array(Schema.Unknown) }))
const Taken = Schema.Struct({ seq: Schema.Int, duplicate: Schema.Boolean, type: Schema.String })
const Refusal = Schema.Struct({ _tag: Schema.String, message: Schema.String })

const idOf = (name: string): string => {
  const hex = createHash("sha1").update(name).digest("hex")
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)]
  return parts.join("-")
}

/** All examples of api.github.com. */
export const deliveries: Effect.Effect<ReadonlyArray<Delivery>> = Effect.suspend(() => {
  const corpus: unknown = require("@octokit/webhooks-examples")
  return Effect.orDie(Schema.decodeUnknownEffect(Corpus)(corpus))
}).pipe(
  Effect.map((corpus) =>
    corpus.flatMap(({ examples, name }) =>
      examples.map((payload, n) => ({ event: name, id: idOf(`${name}/${n}`), body: JSON.stringify(payload) }))
    )
  )
)

const read = Effect.fnUntraced(function* (
  event: string,
  response: HttpClientResponse.HttpClientResponse,
  held: number
) {
  const text = yield* response.text
  const { status } = response
  const taken = Option.getOrNull(Schema.decodeUnknownOption(Schema.fromJsonString(Taken))(text))
  if (status === 202 && taken !== null) {
    const kind = taken.duplicate ? "duplicate" : taken.type === "other" ? "ignored" : "accepted"
    return { event, kind, status, seq: taken.seq, reason: "", held } satisfies Post
  }
  const refusal = Option.getOrNull(Schema.decodeUnknownOption(Schema.fromJsonString(Refusal))(text))
  const said = refusal === null ? text.slice(0, 200) : `${refusal._tag}: ${refusal.message}`
  const kind = status === 403 || status === 422 ? "refused" : "lost"
  return { event, kind, status, seq: 0, reason: `${status} ${said}`, held } satisfies Post
})

/** Comes again, at most 60 times, when it is told that this was too much at once. */
const post = Effect.fnUntraced(function* (
  url: string,
  secret: Redacted.Redacted<string>,
  { body, event, id }: Delivery
) {
  const signature = yield* Effect.promise(() => sign(Redacted.value(secret), body))
  const request = HttpClientRequest.post(`${url}/webhooks/github`).pipe(
    HttpClientRequest.bodyText(body, "application/json"),
    HttpClientRequest.setHeaders({
      "user-agent": "GitHub-Hookshot/replay",
      "x-github-event": event,
      "x-github-delivery": id,
      "x-hub-signature-256": signature
    })
  )
  for (let held = 0; ; held++) {
    const response = yield* HttpClient.execute(request)
    if (response.status !== 429 || held === 60) return yield* read(event, response, held)
    yield* Effect.sleep(Duration.seconds(Number(response.headers["retry-after"] ?? 1)))
  }
})

/** Posts it, and posts it again: the second must be answered as a duplicate of the first. */
export const postTwice = Effect.fnUntraced(function* (
  url: string,
  secret: Redacted.Redacted<string>,
  delivery: Delivery
) {
  const once = post(url, secret, delivery).pipe(
    Effect.catch((error) => {
      const reason = `no answer: ${error.message}`
      return Effect.succeed<Post>({ event: delivery.event, kind: "lost", status: 0, seq: 0, reason, held: 0 })
    })
  )
  const first: Post = yield* once
  const second: Post = yield* once
  const same = first.seq === 0 || second.seq === 0 || (second.kind === "duplicate" && second.seq === first.seq)
  if (same) return [first, second]
  const reason = `stored as event ${first.seq}, and its repetition as event ${second.seq}`
  return [first, { ...second, kind: "lost", reason } satisfies Post]
})
