import { createHmac } from "node:crypto"
import { request as httpRequest } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Ref } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter, HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { layer, makeWebhook, type Offer, type WebhookOptions } from "../../src/app/webhook.ts"
import { BusFull, StoreUnavailable } from "../../src/domain/Errors.ts"
import { type EventDraft, Published } from "../../src/domain/Event.ts"
import { EventBus } from "../../src/services/EventBus.ts"
import { Store } from "../../src/services/Store.ts"

const secret = "It's a secret to everybody"
const delivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
const MiB = 1024 * 1024

const issue = {
  number: 7,
  title: "Crash",
  body: null,
  state: "open",
  labels: [],
  assignees: [],
  user: { login: "mona" }
}
const opened = {
  action: "opened",
  issue,
  repository: { full_name: "octo/app" },
  sender: { login: "mona", type: "User" },
  installation: { id: 42 }
}
const body = JSON.stringify(opened)

const sign = (bytes: string | Uint8Array, key = secret) =>
  `sha256=${createHmac("sha256", key).update(bytes).digest("hex")}`

type Delivery = {
  readonly body?: string | Uint8Array
  readonly contentType?: string
  readonly headers?: { readonly [name: string]: string | undefined }
}
type Answer = { readonly status: number; readonly headers: { readonly [name: string]: string }; readonly json: unknown }

const headersOf = (given: Delivery["headers"], bytes: string | Uint8Array): Record<string, string> => {
  const all = {
    "x-github-event": "issues",
    "x-github-delivery": delivery,
    "x-hub-signature-256": sign(bytes),
    ...given
  }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** Posts a delivery that is right in all that the test does not change. */
const post = Effect.fnUntraced(function* (given: Delivery = {}) {
  const text = given.body ?? body
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text
  const response = yield* HttpClientRequest.post("/webhooks/github").pipe(
    HttpClientRequest.bodyUint8Array(bytes, given.contentType ?? "application/json"),
    HttpClientRequest.setHeaders(headersOf(given.headers, bytes)),
    HttpClient.execute
  )
  const answer: Answer = { status: response.status, headers: response.headers, json: yield* response.json }
  return answer
})

/** Events by key, as the store keeps them. */
const makeBus = Effect.gen(function* () {
  const events = yield* Ref.make<ReadonlyArray<EventDraft>>([])
  const offer: Offer = (event) =>
    Ref.modify(events, (all): [Published, ReadonlyArray<EventDraft>] => {
      const seq = all.findIndex((other) => other.key === event.key) + 1
      return seq > 0
        ? [Published.cases.Duplicate.make({ seq }), all]
        : [Published.cases.Accepted.make({ seq: all.length + 1 }), [...all, event]]
    })
  return { offer, events: Ref.get(events) }
})

type Bus = Effect.Success<typeof makeBus>

/** Runs the test against a server of its own. */
const serving = <A, E>(
  options: Partial<WebhookOptions & { readonly offer: Offer }>,
  use: (bus: Bus) => Effect.Effect<A, E, HttpClient.HttpClient | HttpServer.HttpServer>
) =>
  Effect.flatMap(makeBus, (bus) =>
    use(bus).pipe(
      Effect.provide(
        HttpRouter.serve(
          makeWebhook({
            secret: Redacted.make(secret),
            ratePerMinute: 0,
            botLogins: [],
            offer: bus.offer,
            ...options
          }),
          { disableLogger: true, disableListenLog: true }
        ).pipe(Layer.provideMerge(NodeHttpServer.layerTest))
      )
    )
  )

/** The delivery is answered so, and nothing was published. */
const refused = (
  given: Delivery,
  status: number,
  expected: { readonly _tag: string; readonly message: string; readonly [field: string]: unknown },
  options: Partial<WebhookOptions> = {}
) =>
  serving(options, (bus) =>
    Effect.gen(function* () {
      const answer = yield* post(given)
      assert.deepStrictEqual({ status: answer.status, json: answer.json }, { status, json: expected })
      assert.deepStrictEqual(yield* bus.events, [])
      return answer
    })
  )

/** Sends zeros without end, until there is an answer or the connection is closed. */
const flood = (port: number, headers: Record<string, string>) =>
  Effect.callback<{ readonly status: number; readonly body: string; readonly sent: number }, Error>((resume) => {
    const chunk = Buffer.alloc(MiB)
    let sent = 0
    let answered = false
    const request = httpRequest({ port, host: "localhost", path: "/webhooks/github", method: "POST", headers })
    const write = () => {
      if (answered || sent >= 64 * MiB) return
      sent += chunk.length
      request.write(chunk, write)
    }
    request.on("response", (response) => {
      answered = true
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (part: string) => (text += part))
      response.on("close", () => {
        request.destroy()
        resume(Effect.succeed({ status: response.statusCode ?? 0, body: text, sent }))
      })
    })
    request.on("error", (error) => {
      if (!answered) resume(Effect.fail(error))
    })
    write()
  })

const portOf = Effect.map(HttpServer.HttpServer, ({ address }) => ("port" in address ? address.port : 0))

describe("POST /webhooks/github", () => {
  it.effect("answers a signed delivery with 202 and the number of its one event", () =>
    serving({}, (bus) =>
      Effect.gen(function* () {
        const answer = yield* post()
        assert.strictEqual(answer.status, 202)
        assert.deepStrictEqual(answer.json, { seq: 1, duplicate: false, type: "issue.opened" })
        const events = yield* bus.events
        assert.strictEqual(events.length, 1)
        assert.strictEqual(events[0]?.key, `github:${delivery}`)
        assert.strictEqual(events[0]?.subject.number, 7)
      })
    )
  )

  it.effect("stores a delivery that comes twice once, and says so", () =>
    serving({}, (bus) =>
      Effect.gen(function* () {
        yield* post()
        const again = yield* post()
        assert.strictEqual(again.status, 202)
        assert.deepStrictEqual(again.json, { seq: 1, duplicate: true, type: "issue.opened" })
        assert.strictEqual((yield* bus.events).length, 1)
      })
    )
  )

  it.effect("takes a content type with parameters, and text beyond ASCII", () =>
    serving({}, (bus) =>
      Effect.gen(function* () {
        const text = JSON.stringify({ ...opened, issue: { ...issue, title: "Żółw 🐢" } })
        const answer = yield* post({ body: text, contentType: "Application/JSON; charset=utf-8" })
        assert.strictEqual(answer.status, 202)
        const [event] = yield* bus.events
        assert.isTrue(event?.detail._tag === "issue.opened" && event.detail.issue.title === "Żółw 🐢")
      })
    )
  )
})

describe("what is refused before its body is read", () => {
  it.effect("another method: 405", () =>
    serving({}, () =>
      Effect.gen(function* () {
        const response = yield* HttpClient.get("/webhooks/github")
        assert.strictEqual(response.status, 405)
        assert.strictEqual(response.headers["allow"], "POST")
      })
    )
  )

  it.effect("a form, with the setting to change: 415", () =>
    refused({ body: `payload=${encodeURIComponent(body)}`, contentType: "application/x-www-form-urlencoded" }, 415, {
      _tag: "WebhookContentTypeInvalid",
      contentType: "application/x-www-form-urlencoded",
      message:
        "The content type is application/x-www-form-urlencoded. Set the webhook's content type to application/json, " +
        "in the repository's settings under Webhooks."
    })
  )

  it.effect("no event name: 422", () =>
    refused({ headers: { "x-github-event": undefined } }, 422, {
      _tag: "WebhookHeaderInvalid",
      header: "X-GitHub-Event",
      problem: "is missing",
      message: "The header X-GitHub-Event is missing."
    })
  )

  it.effect("no delivery id: 422", () =>
    refused({ headers: { "x-github-delivery": undefined } }, 422, {
      _tag: "WebhookHeaderInvalid",
      header: "X-GitHub-Delivery",
      problem: "is missing",
      message: "The header X-GitHub-Delivery is missing."
    })
  )

  it.effect("a delivery id that is no UUID: 422", () =>
    refused({ headers: { "x-github-delivery": "7" } }, 422, {
      _tag: "WebhookHeaderInvalid",
      header: "X-GitHub-Delivery",
      problem: "is malformed; expected a UUID",
      message: "The header X-GitHub-Delivery is malformed; expected a UUID."
    })
  )

  const withoutSecret = {
    _tag: "WebhookSecretMissing",
    variable: "SQUADRON_GITHUB_WEBHOOK_SECRET",
    message:
      "Webhooks are refused, since this squadron has no secret to check them with. " +
      "Set SQUADRON_GITHUB_WEBHOOK_SECRET to the secret of the webhook's settings and start squadron again."
  }

  it.effect("everything while there is no secret: 503", () => refused({}, 503, withoutSecret, { secret: null }))

  it.effect("everything while the secret is empty, also what is signed with it: 503", () =>
    refused({ headers: { "x-hub-signature-256": sign(body, "") } }, 503, withoutSecret, { secret: Redacted.make("") })
  )

  it.effect("no signature: 401", () =>
    refused({ headers: { "x-hub-signature-256": undefined } }, 401, {
      _tag: "WebhookSignatureInvalid",
      problem: "missing",
      message:
        "The header X-Hub-Signature-256 is missing. Give the webhook a secret. " +
        "The secret in the webhook's settings and squadron's own must be the same text."
    })
  )

  for (const signature of ["sha256=", "sha1=abc", sign(body).slice(0, -1), `${sign(body)}0`, sign(body).slice(7)]) {
    it.effect(`a malformed signature (${signature.slice(0, 12)}, ${signature.length}): 401`, () =>
      refused({ headers: { "x-hub-signature-256": signature } }, 401, {
        _tag: "WebhookSignatureInvalid",
        problem: "malformed",
        message: "The header X-Hub-Signature-256 is malformed; expected sha256= and 64 hexadecimal digits."
      })
    )
  }

  it.effect("26 MiB that are announced: 413, at once", () =>
    serving({}, (bus) =>
      Effect.gen(function* () {
        const headers = {
          ...headersOf({}, body),
          "content-type": "application/json",
          "content-length": String(26 * MiB)
        }
        const answer = yield* flood(yield* portOf, headers)
        assert.strictEqual(answer.status, 413)
        assert.deepStrictEqual(JSON.parse(answer.body), {
          _tag: "WebhookTooLarge",
          limit: 25 * MiB,
          message: "The body is larger than 25 MiB; GitHub itself sends no more than that."
        })
        assert.isBelow(answer.sent, 26 * MiB)
        assert.deepStrictEqual(yield* bus.events, [])
      })
    )
  )
})

describe("what is refused by its body", () => {
  it.effect("26 MiB that come in chunks: 413, without waiting for the end", () =>
    serving({}, (bus) =>
      Effect.gen(function* () {
        const headers = { ...headersOf({}, body), "content-type": "application/json", "transfer-encoding": "chunked" }
        const answer = yield* flood(yield* portOf, headers)
        assert.strictEqual(answer.status, 413)
        assert.strictEqual(JSON.parse(answer.body)._tag, "WebhookTooLarge")
        assert.isBelow(answer.sent, 64 * MiB)
        assert.deepStrictEqual(yield* bus.events, [])
      })
    )
  )

  const wrong = {
    _tag: "WebhookSignatureInvalid",
    problem: "wrong",
    message:
      "The header X-Hub-Signature-256 does not fit the body. " +
      "The secret in the webhook's settings and squadron's own must be the same text."
  }

  it.effect("a signature by another secret: 401", () =>
    refused({ headers: { "x-hub-signature-256": sign(body, "another") } }, 401, wrong)
  )

  it.effect("a body that was changed after it was signed: 401", () =>
    refused({ body: body.replace("Crash", "Smash"), headers: { "x-hub-signature-256": sign(body) } }, 401, wrong)
  )

  it.effect("an unsigned body that is no text: 401, not a word about the text", () =>
    refused({ body: Uint8Array.of(0xff, 0xfe), headers: { "x-hub-signature-256": sign("x") } }, 401, wrong)
  )

  it.effect("a signed body that is not UTF-8: 422", () =>
    refused({ body: Uint8Array.of(0x7b, 0xff, 0x7d) }, 422, {
      _tag: "WebhookBodyInvalid",
      problem: "is not UTF-8",
      position: null,
      message: "The body is not UTF-8."
    })
  )

  for (const length of [body.length - 1, 40, 20, 0]) {
    it.effect(`a signed body that is cut off at ${length}: 422, with the position`, () =>
      refused({ body: body.slice(0, length) }, 422, {
        _tag: "WebhookBodyInvalid",
        problem: "is not JSON: it ends too early",
        position: length,
        message: `The body is not JSON: it ends too early (at position ${length}).`
      })
    )
  }

  it.effect("a signed body that is other text: 422", () =>
    refused({ body: '{"action":}' }, 422, {
      _tag: "WebhookBodyInvalid",
      problem: "is not JSON: unexpected token '}'",
      position: null,
      message: "The body is not JSON: unexpected token '}'."
    })
  )

  it.effect("a payload that lacks a field: 422, with its name", () =>
    refused({ body: JSON.stringify({ ...opened, issue: { ...issue, number: undefined } }) }, 422, {
      _tag: "PayloadInvalid",
      event: "issues.opened",
      path: "payload.issue.number",
      problem: "is missing",
      expected: "an integer",
      message: "issues.opened: payload.issue.number is missing; expected an integer"
    })
  )
})

describe("limits of what is signed", () => {
  it.effect("lets the rate through per minute, and says with 429 when to come again", () =>
    serving({ ratePerMinute: 2 }, (bus) =>
      Effect.gen(function* () {
        const id = (n: number) => ({ headers: { "x-github-delivery": `${delivery.slice(0, -1)}${n}` } })
        for (let n = 0; n < 20; n++) {
          const forged = yield* post({ headers: { "x-hub-signature-256": sign(body, "another") } })
          assert.strictEqual(forged.status, 401, "an unsigned flood uses nothing up")
        }
        assert.strictEqual((yield* post(id(1))).status, 202)
        assert.strictEqual((yield* post(id(2))).status, 202)
        const third = yield* post(id(3))
        assert.strictEqual(third.status, 429)
        assert.strictEqual(third.headers["retry-after"], "30")
        assert.deepStrictEqual(third.json, {
          _tag: "WebhookRateLimited",
          perMinute: 2,
          retryAfter: 30,
          message: "More than 2 deliveries in a minute. Send this one again in 30 s."
        })
        assert.strictEqual((yield* bus.events).length, 2)
        yield* TestClock.adjust("29999 millis")
        assert.strictEqual((yield* post(id(3))).status, 429)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* post(id(3))).status, 202)
      })
    )
  )

  it.effect("a rate of 0 is no limit", () =>
    serving({ ratePerMinute: 0 }, (bus) =>
      Effect.gen(function* () {
        // more in one moment than the default lets through in a minute
        const deliveries = Array.from(
          { length: 700 },
          (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`
        )
        const answers = yield* Effect.forEach(deliveries, (id) => post({ headers: { "x-github-delivery": id } }), {
          concurrency: 20
        })
        assert.deepStrictEqual([...new Set(answers.map(({ status }) => status))], [202])
        assert.strictEqual((yield* bus.events).length, 700)
      })
    )
  )

  it.effect("takes only configured repositories, in any case: 403", () =>
    Effect.gen(function* () {
      const repositories = ["Octo/Other"]
      yield* refused(
        {},
        403,
        {
          _tag: "WebhookNotAllowed",
          what: "repository",
          given: "octo/app",
          message:
            "The delivery is for the repository octo/app; this squadron takes those of its configured repositories only."
        },
        { repositories }
      )
      yield* refused(
        { body: "{}", headers: { "x-github-event": "ping" } },
        403,
        {
          _tag: "WebhookNotAllowed",
          what: "repository",
          given: null,
          message: "The delivery names no repository; this squadron takes those of its configured repositories only."
        },
        { repositories }
      )
      for (const repositories of [["OCTO/App"], []]) {
        const answer = yield* serving({ repositories }, () => post())
        assert.strictEqual(answer.status, 202)
      }
    })
  )

  it.effect("takes only configured installations: 403", () =>
    Effect.gen(function* () {
      const message = (given: string) =>
        `The delivery ${given}; this squadron takes those of its configured app installations only.`
      const installations = [41]
      const refusal = { _tag: "WebhookNotAllowed", what: "installation" }
      yield* refused(
        {},
        403,
        { ...refusal, given: "42", message: message("is for the installation 42") },
        { installations }
      )
      yield* refused(
        { body: JSON.stringify({ ...opened, installation: undefined }) },
        403,
        { ...refusal, given: null, message: message("names no installation") },
        { installations }
      )
      const answer = yield* serving({ installations: [41, 42] }, () => post())
      assert.strictEqual(answer.status, 202)
    })
  )

  it.effect("answers 503 with the time to come again when the bus is full or the store is gone", () =>
    Effect.gen(function* () {
      const full = yield* serving({ offer: () => Effect.fail(new BusFull({ capacity: 2 })) }, () => post())
      assert.strictEqual(full.status, 503)
      assert.strictEqual(full.headers["retry-after"], "5")
      assert.deepStrictEqual(full.json, {
        _tag: "BusFull",
        capacity: 2,
        message: "The event bus is full (2 events wait to be written). Try again in a few seconds."
      })
      const gone = yield* serving({ offer: () => Effect.fail(new StoreUnavailable({ reason: "disk full" })) }, () =>
        post()
      )
      assert.strictEqual(gone.status, 503)
      assert.strictEqual(gone.headers["retry-after"], "30")
      assert.deepStrictEqual(gone.json, {
        _tag: "StoreUnavailable",
        reason: "disk full",
        message: "The store cannot be used: disk full"
      })
    })
  )

  it.effect("does not wait at a full EventBus", () =>
    Effect.gen(function* () {
      const answer = yield* post()
      assert.strictEqual(answer.status, 503)
      assert.isTrue(String(Reflect.get(Object(answer.json), "message")).startsWith("The event bus is full (0 events"))
    }).pipe(
      Effect.provide(
        HttpRouter.serve(layer({ secret: Redacted.make(secret), ratePerMinute: 0, botLogins: [] }), {
          disableLogger: true,
          disableListenLog: true
        }).pipe(
          Layer.provide(EventBus.layerCapacity(0)),
          Layer.provide(Layer.mock(Store, {})),
          Layer.provideMerge(NodeHttpServer.layerTest)
        )
      )
    )
  )
})
