import { createHmac } from "node:crypto"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter } from "effect/http"
import { layer } from "../../src/app/webhook.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer } from "../../src/testing.ts"

const secret = "It's a secret to everybody"
const opened = (number: number) =>
  JSON.stringify({
    action: "opened",
    issue: { number, title: "Crash", body: null, state: "open", labels: [], assignees: [], user: { login: "mona" } },
    repository: { full_name: "octo/app" },
    sender: { login: "mona", type: "User" }
  })

const deliver = (body: string, delivery: string, key = secret) =>
  HttpClientRequest.post("/webhooks/github").pipe(
    HttpClientRequest.bodyText(body, "application/json"),
    HttpClientRequest.setHeaders({
      "x-github-event": "issues",
      "x-github-delivery": delivery,
      "x-hub-signature-256": `sha256=${createHmac("sha256", key).update(body).digest("hex")}`
    }),
    HttpClient.execute,
    Effect.map(({ status }) => status)
  )

describe("a delivery", () => {
  it.effect("a signed delivery reaches its agent once, however often it is sent, and a forged one reaches nobody", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      yield* Effect.gen(function* () {
        const squadron = yield* Squadron
        const [first, second] = ["72d3162e-cc78-11e3-81ab-4c9367dc0958", "72d3162e-cc78-11e3-81ab-4c9367dc0959"]
        const again = Effect.all(
          [1, 2, 3].map(() => deliver(opened(7), first)),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(yield* again, [202, 202, 202])
        assert.strictEqual(yield* deliver(opened(8), second, "guessed"), 401)
        yield* squadron.idle
        assert.deepStrictEqual(yield* again, [202, 202, 202])
        yield* squadron.idle
        assert.deepStrictEqual(
          (yield* worker.turns).map(({ agent, messages }) => [agent.subject.number, messages.length]),
          [[7, 1]]
        )
        const events = yield* Store.use((store) => store.events({ limit: 10 }))
        assert.deepStrictEqual(
          events.map(({ key }) => key),
          [`github:${first}`]
        )
        // a delivery that was forged spoils nothing for the true one
        assert.strictEqual(yield* deliver(opened(8), second), 202)
        yield* squadron.idle
        assert.strictEqual((yield* worker.turns).length, 2)
      }).pipe(
        Effect.provide(
          HttpRouter.serve(layer({ secret: Redacted.make(secret), ratePerMinute: 0, botLogins: [] }), {
            disableLogger: true,
            disableListenLog: true
          }).pipe(
            Layer.provideMerge(
              testSquadronLayer({
                agents: { worker: worker.agent },
                roles: [{ name: "worker", on: [{ event: "issue.opened" }] }]
              })
            ),
            Layer.provideMerge(NodeHttpServer.layerTest)
          )
        )
      )
    })
  )
})
