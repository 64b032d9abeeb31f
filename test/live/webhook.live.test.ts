import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { request } from "node:http"
import {
  type Answer,
  commented,
  deliver,
  deliveryHeaders,
  deliveryId,
  idle,
  issueOpened,
  read,
  secret,
  type Status
} from "./support/Client.ts"
import { copySquad, ready, start } from "./support/Daemon.ts"

const MiB = 1024 * 1024
const within = 60_000
const delivery = issueOpened(deliveryId(1), "acme/widgets", 1)
const body = Buffer.from(JSON.stringify(delivery.payload))

type Given = {
  readonly method?: string
  readonly body?: Buffer
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Without an announced length. */
  readonly chunked?: boolean
  /** So many bytes, then the connection breaks. */
  readonly cutAt?: number
}

/** Sends a delivery as no client with manners would; null where no answer came. */
const send = (url: string, given: Given) =>
  Effect.callback<Answer | null>((resume) => {
    const bytes = given.body ?? body
    const all = {
      ...deliveryHeaders(delivery, bytes),
      ...(given.chunked === true ? { "transfer-encoding": "chunked" } : { "content-length": String(bytes.length) }),
      ...given.headers
    }
    const headers = Object.fromEntries(Object.entries(all).flatMap(([name, value]) => (value ? [[name, value]] : [])))
    const sent = request(`${url}/webhooks/github`, { method: given.method ?? "POST", headers, agent: false })
    sent.on("response", (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (part: string) => (text += part))
      response.on("end", () => {
        resume(Effect.succeed({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown }))
        sent.destroy()
      })
    })
    // after an answer that came before the body's end, there is nothing left to write to
    sent.on("error", () => resume(Effect.succeed(null)))
    if (given.cutAt === undefined) {
      sent.end(bytes)
      return
    }
    sent.write(bytes.subarray(0, given.cutAt), () => sent.destroy())
  }).pipe(Effect.timeout("20 seconds"))

const padded = (size: number) => Buffer.concat([body, Buffer.alloc(size - body.length, " ")])

/** What is wrong, the delivery, the status and the error's name. */
const wrong: ReadonlyArray<readonly [string, Given, number, string]> = [
  ["a GET", { method: "GET", body: Buffer.alloc(0) }, 405, "WebhookMethodInvalid"],
  ["a form", { headers: { "content-type": "application/x-www-form-urlencoded" } }, 415, "WebhookContentTypeInvalid"],
  ["no event name", { headers: { "x-github-event": undefined } }, 422, "WebhookHeaderInvalid"],
  ["an id that is none", { headers: { "x-github-delivery": "../../etc/passwd" } }, 422, "WebhookHeaderInvalid"],
  ["no signature", { headers: { "x-hub-signature-256": undefined } }, 401, "WebhookSignatureInvalid"],
  ["a forged signature", { headers: deliveryHeaders(delivery, body, "a guess") }, 401, "WebhookSignatureInvalid"],
  [
    "another body than the signed one",
    { body: Buffer.from(body.toString().replace("octocat", "mallory")), headers: deliveryHeaders(delivery, body) },
    401,
    "WebhookSignatureInvalid"
  ],
  ["a signed body that was truncated", { body: body.subarray(0, 100) }, 422, "WebhookBodyInvalid"],
  [
    "bytes that are not UTF-8",
    { body: Buffer.from(body.toString("latin1").replace("octocat", "\xff\xfe"), "latin1") },
    422,
    "WebhookBodyInvalid"
  ],
  ["no JSON", { body: Buffer.from("payload=1") }, 422, "WebhookBodyInvalid"],
  ["JSON that is no delivery", { body: Buffer.from("[[[]]]") }, 422, "PayloadInvalid"],
  ["26 MiB", { body: padded(26 * MiB) }, 413, "WebhookTooLarge"],
  ["26 MiB without an announced length", { body: padded(26 * MiB), chunked: true }, 413, "WebhookTooLarge"],
  ["one byte more than 25 MiB", { body: padded(25 * MiB + 1) }, 413, "WebhookTooLarge"]
]

describe("the webhook of a running daemon", () => {
  it.live(
    "refuses what is wrong by its name, keeps nothing of it, and takes the right one after it",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const daemon = yield* start(folder, { env: { SQUADRON_GITHUB_WEBHOOK_SECRET: secret } })
        const url = yield* ready(folder, daemon)
        for (const [what, given, status, tag] of wrong) {
          const answer = yield* send(url, given)
          assert.deepInclude(answer, { status }, what)
          assert.deepInclude(answer?.body, { _tag: tag }, what)
        }
        assert.isNull(yield* send(url, { body: padded(5 * MiB), cutAt: 1 * MiB }), "a body that broke off")
        assert.strictEqual((yield* read<Status>(url, "/status")).events, 0)

        const taken = yield* send(url, { body: padded(25 * MiB) })
        assert.deepInclude(taken, { status: 202 }, "as much as GitHub sends at most")
        assert.deepInclude(taken?.body, { duplicate: false, type: "issue.opened" })
        const again = yield* send(url, {})
        assert.deepInclude(again?.body, { duplicate: true })
        const status = yield* idle(url)
        assert.strictEqual(status.events, 1)
        assert.strictEqual(status.agents["done"], 1)
        assert.isTrue(daemon.isAlive())
        assert.notInclude(daemon.out() + daemon.err(), "    at ", "no stack is printed")
      }),
    within
  )

  it.live(
    "refuses everything without a secret, and says how to set one",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const daemon = yield* start(folder)
        const url = yield* ready(folder, daemon)
        const answer = yield* deliver(url, commented(deliveryId(2), "acme/widgets", 1, "hello"))
        assert.strictEqual(answer.status, 503)
        assert.deepInclude(answer.body as object, { _tag: "WebhookSecretMissing" })
        assert.include((answer.body as { message: string }).message, "Set SQUADRON_GITHUB_WEBHOOK_SECRET")
        assert.strictEqual((yield* send(url, { headers: deliveryHeaders(delivery, body, "") }))?.status, 503)
        assert.strictEqual((yield* read<Status>(url, "/status")).events, 0)
      }),
    within
  )

  it.live(
    "takes up with the next daemon what the last one had no time to work on",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const env = { SQUADRON_GITHUB_WEBHOOK_SECRET: secret }
        const ids = Array.from({ length: 20 }, (_, n) => deliveryId(n + 1))
        yield* Effect.scoped(
          Effect.gen(function* () {
            const daemon = yield* start(folder, { env })
            const url = yield* ready(folder, daemon)
            yield* Effect.forEach(ids, (id, n) => deliver(url, issueOpened(id, "acme/widgets", n + 1)), {
              concurrency: 4
            })
            yield* daemon.signal("SIGTERM")
            assert.strictEqual((yield* daemon.ended).code, 130)
          })
        )
        const url = yield* ready(folder, yield* start(folder, { env }))
        const duplicates = yield* Effect.forEach(ids, (id, n) =>
          Effect.map(deliver(url, issueOpened(id, "acme/widgets", n + 1)), ({ body }) => body)
        )
        assert.isTrue(duplicates.every((answer) => (answer as { duplicate: boolean }).duplicate))
        const status = yield* idle(url)
        assert.strictEqual(status.events, ids.length)
        assert.strictEqual(status.agents["done"], ids.length)
      }),
    within
  )
})
