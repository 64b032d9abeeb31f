import { createHmac } from "node:crypto"
import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter } from "effect/http"
import { layer } from "../../src/app/webhook.ts"
import type { ActionDraft } from "../../src/domain/Action.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { RecentActions } from "../../src/services/RecentActions.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { scriptedAgent, testSquadronLayer } from "../../src/testing.ts"

const secret = "It's a secret to everybody"
const labeled = (number: number, login: string) =>
  JSON.stringify({
    action: "labeled",
    label: { name: "ready" },
    issue: { number, title: "Crash", body: null, state: "open", labels: [], assignees: [], user: { login: "mona" } },
    repository: { full_name: "octo/app" },
    sender: { login, type: "Bot" }
  })

let deliveries = 0

const deliver = (body: string) =>
  HttpClientRequest.post("/webhooks/github").pipe(
    HttpClientRequest.bodyText(body, "application/json"),
    HttpClientRequest.setHeaders({
      "x-github-event": "issues",
      "x-github-delivery": `72d3162e-cc78-11e3-81ab-${String(++deliveries).padStart(12, "0")}`,
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`
    }),
    HttpClient.execute,
    Effect.map(({ status }) => assert.strictEqual(status, 202))
  )

const label = (number: number, depth: number): ActionDraft => ({
  key: `pm-${number}-e1/1/c1`,
  subject: Subject.issue("octo/app", number),
  agent: `pm-${number}-e1`,
  depth,
  action: { _tag: "add_labels", labels: ["ready"] }
})

/** GitHub's delivery comes while the action waits for its answer. */
const labels = Effect.fnUntraced(function* (number: number, depth: number) {
  const recent = yield* RecentActions
  const squadron = yield* Squadron
  const [begun, answer] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
  const doing = Effect.as(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(answer)), { issue: number })
  const fiber = yield* Effect.forkChild(recent.during(label(number, depth), doing))
  yield* Deferred.await(begun)
  yield* deliver(labeled(number, "squadron-app[bot]"))
  yield* Deferred.succeed(answer, undefined)
  yield* Fiber.join(fiber)
  yield* squadron.idle
})

describe("a label that an agent of ours set on GitHub", () => {
  it.effect("does not wake the agent's own role, wakes others, and nobody at the end of a chain", () =>
    Effect.gen(function* () {
      const worker = yield* scriptedAgent([])
      const on = [{ event: "issue.labeled" as const }]
      yield* Effect.gen(function* () {
        const woken = Effect.map(worker.turns, (turns) =>
          turns.map(({ agent }) => [agent.role, agent.subject.number, agent.depth])
        )
        yield* labels(7, 2)
        assert.deepStrictEqual(yield* woken, [["dev", 7, 2]])
        const [event] = yield* Store.use((store) => store.events({ limit: 1 }))
        assert.deepInclude(event, { causedBy: "pm-7-e1", depth: 2 })
        // more agents than may wake each other in a row
        yield* labels(8, 99)
        assert.strictEqual((yield* woken).length, 1)
        // the same from anybody else is what it was
        yield* deliver(labeled(7, "mona[bot]"))
        yield* Squadron.use((squadron) => squadron.idle)
        assert.sameDeepMembers(
          (yield* woken).map(([role, number]) => [role, number]),
          [
            ["dev", 7],
            ["dev", 7],
            ["pm", 7]
          ]
        )
      }).pipe(
        Effect.provide(
          HttpRouter.serve(
            Layer.unwrap(
              Effect.map(RecentActions, (recent) =>
                layer({
                  secret: Redacted.make(secret),
                  ratePerMinute: 0,
                  botLogins: ["squadron-app[bot]"],
                  recent
                })
              )
            ),
            { disableLogger: true, disableListenLog: true }
          ).pipe(
            Layer.provideMerge(RecentActions.layer),
            Layer.provideMerge(
              testSquadronLayer({
                agents: { pm: worker.agent, dev: worker.agent },
                roles: [
                  { name: "pm", on },
                  { name: "dev", on }
                ]
              })
            ),
            Layer.provideMerge(NodeHttpServer.layerTest)
          )
        )
      )
    })
  )
})
