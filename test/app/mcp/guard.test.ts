import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import { makeGuard } from "../../../src/app/mcp/guard.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import { Capabilities } from "../../../src/services/Capabilities.ts"
import { someAgent } from "../../support/someAgent.ts"
import { bearer, pm, send } from "./Rig.ts"
import { repository } from "./TestForge.ts"

/** A server behind the guard that gives out sessions and writes down which were ended. */
const guarded = (ended: Array<string>) => {
  let sessions = 0
  const handler = Effect.map(HttpServerRequest.HttpServerRequest, ({ headers, method }) => {
    const session = headers["mcp-session-id"]
    if (method === "DELETE" && session !== undefined) ended.push(session)
    const given = method === "POST" && session === undefined ? { "mcp-session-id": `s${++sessions}` } : {}
    return HttpServerResponse.jsonUnsafe({ method }, { headers: given })
  })
  let tokens = 0
  return HttpRouter.serve(
    Layer.effectDiscard(
      Effect.gen(function* () {
        const guard = makeGuard(yield* Capabilities)
        const router = yield* HttpRouter.HttpRouter
        yield* router.add(
          "*",
          "/mcp",
          guard(handler, (_grant, _text, next) => next)
        )
      })
    ),
    { disableListenLog: true, disableLogger: true }
  ).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
    Layer.provideMerge(Capabilities.layer(Effect.sync(() => `token-${++tokens}`)))
  )
}

const run = Effect.fnUntraced(function* (id: string) {
  const subject = Subject.issue(repository, 7)
  const agent = someAgent({ id, role: "pm", subject, status: "running", version: 1 })
  return yield* (yield* Capabilities).grant({ agent, role: pm, run: `${id}/1`, workspace: null })
})

describe("sessions", { timeout: 60_000 }, () => {
  it.live("of runs that are over are ended when the next one begins, and no others", () => {
    const ended: Array<string> = []
    return Effect.gen(function* () {
      const scopes = [yield* Scope.make(), yield* Scope.make()] as const
      const first = yield* Scope.provide(run("one"), scopes[0])
      const second = yield* Scope.provide(run("two"), scopes[1])
      for (const grant of [first, first, second]) yield* send({}, bearer(grant))
      assert.deepStrictEqual(ended, [])
      yield* Scope.close(scopes[0], Exit.void)
      yield* send({}, { ...bearer(second), "mcp-session-id": "s3" })
      assert.deepStrictEqual(ended, [])
      yield* send({}, bearer(second))
      assert.deepStrictEqual(ended, ["s1", "s2"])
      yield* send(null, { ...bearer(second), "mcp-session-id": "s4" }, "DELETE")
      assert.deepStrictEqual(ended, ["s1", "s2", "s4"])
      yield* Scope.close(scopes[1], Exit.void)
      yield* send({}, bearer(yield* run("three")))
      assert.deepStrictEqual(ended, ["s1", "s2", "s4", "s3"])
    }).pipe(Effect.provide(guarded(ended)))
  })
})
