import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, PubSub, Redacted, Ref, type Scope, Stream } from "effect"
import { FetchHttpClient, HttpBody, HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../../src/app/Api.ts"
import { checked } from "../../src/app/serverAddress.ts"
import { acted, fixer, repository, routed, serve } from "./ServedSquadron.ts"

const client = (url: string, token?: string) =>
  HttpApiClient.make(Api, {
    baseUrl: url,
    transformClient: (client) =>
      token === undefined ? client : HttpClient.mapRequest(client, HttpClientRequest.bearerToken(token))
  })

const send = Effect.fnUntraced(function* (
  method: "GET" | "POST",
  url: string,
  options: { readonly headers?: Record<string, string>; readonly body?: unknown } = {}
) {
  const request = HttpClientRequest.make(method)(url, {
    headers: options.headers ?? {},
    ...(options.body === undefined ? {} : { body: HttpBody.jsonUnsafe(options.body) })
  })
  const response = yield* HttpClient.execute(request)
  const text = yield* response.text
  return { status: response.status, text, json: () => JSON.parse(text) as Record<string, unknown> }
})

const test = (name: string, body: () => Effect.Effect<void, unknown, HttpClient.HttpClient | Scope.Scope>) =>
  it.effect(name, () => body().pipe(Effect.provide(FetchHttpClient.layer)))

describe("the API", () => {
  test("tells the status with the repository and the name to mention", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const status = yield* (yield* client(url)).status.get()
      assert.strictEqual(status.repository, repository)
      assert.strictEqual(status.mention, "crew")
      assert.deepStrictEqual(status.permits, { held: 1, limit: 10 })
    }))

  test("answers for what is not there with a typed error, in words also for plain clients", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const api = yield* client(url)
      const agent = yield* Effect.flip(api.agents.get({ params: { id: "nobody" } }))
      assert.strictEqual(agent._tag, "AgentNotFound")
      assert.strictEqual(agent.message, "There is no agent nobody. `squadron agents` lists all.")
      const inbox = yield* Effect.flip(api.agents.inbox({ params: { id: "nobody" }, query: {} }))
      assert.strictEqual(inbox._tag, "AgentNotFound")
      const event = yield* Effect.flip(api.events.explanation({ params: { seq: 9 } }))
      assert.strictEqual(event._tag, "EventNotFound")
      const issue = yield* Effect.flip(api.issues.get({ params: { owner: "acme", name: "shop", number: 4 } }))
      assert.strictEqual(issue._tag, "IssueNotFound")
      const plain = yield* send("GET", `${url}/api/v1/agents/nobody`)
      assert.strictEqual(plain.status, 404)
      assert.deepStrictEqual(plain.json(), {
        _tag: "AgentNotFound",
        agent: "nobody",
        message: "There is no agent nobody. `squadron agents` lists all."
      })
    }))

  test("names the field of a request that it cannot read", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const query = yield* send("GET", `${url}/api/v1/events?limit=abc`)
      assert.strictEqual(query.status, 400)
      assert.strictEqual(query.json()["_tag"], "InvalidRequest")
      assert.strictEqual(query.json()["field"], "query.limit")
      const range = yield* send("GET", `${url}/api/v1/journal?limit=0`)
      assert.strictEqual(range.json()["field"], "query.limit")
      const params = yield* send("GET", `${url}/api/v1/events/first`)
      assert.strictEqual(params.json()["field"], "params.seq")
      const payload = yield* send("POST", `${url}/api/v1/issues`, { body: { title: "" } })
      assert.strictEqual(payload.status, 400)
      assert.strictEqual(payload.json()["field"], "payload.title")
      const broken = yield* send("POST", `${url}/api/v1/issues`, { headers: { "content-type": "application/json" } })
      assert.strictEqual(broken.status, 400)
      const nowhere = yield* send("GET", `${url}/api/v1/nowhere`)
      assert.strictEqual(nowhere.status, 404)
      assert.include(String(nowhere.json()["message"]), "/openapi.json")
    }))

  test("lets nobody in without the configured token, but tells health to all", () =>
    Effect.gen(function* () {
      const { url } = yield* serve({ token: "open sesame" })
      const refused = yield* Effect.flip((yield* client(url)).status.get())
      assert.strictEqual(refused._tag, "Unauthorized")
      assert.include(refused.message, "SQUADRON_TOKEN")
      const wrong = yield* Effect.flip((yield* client(url, "open")).status.get())
      assert.strictEqual(wrong._tag, "Unauthorized")
      assert.strictEqual((yield* (yield* client(url, "open sesame")).status.get()).accepting, true)
      assert.strictEqual((yield* send("GET", `${url}/metrics`)).status, 401)
      const authorization = { authorization: "Bearer open sesame" }
      assert.strictEqual((yield* send("GET", `${url}/metrics`, { headers: authorization })).status, 200)
      assert.strictEqual((yield* send("GET", `${url}/healthz`)).status, 200)
    }))

  test("refuses changes that a page of another site asks for", () =>
    Effect.gen(function* () {
      const { url, state } = yield* serve()
      const body = { title: "Owned" }
      for (const origin of ["https://evil.example", "null", url.replace("http:", "https:").replace(/\d+$/, "1")]) {
        const response = yield* send("POST", `${url}/api/v1/issues`, { headers: { origin }, body })
        assert.strictEqual(response.status, 403, origin)
      }
      assert.strictEqual((yield* Ref.get(state.issues)).length, 0)
      const rebound = yield* send("GET", `${url}/api/v1/status`, { headers: { host: "evil.example" } }).pipe(
        // The others do not let a test choose the name.
        Effect.provide(NodeHttpClient.layerNodeHttp)
      )
      assert.strictEqual(rebound.status, 403, "a name that now points here")
      const own = yield* send("POST", `${url}/api/v1/issues`, { headers: { origin: url }, body })
      assert.strictEqual(own.status, 200)
    }))

  test("publishes once per key, and asks the issue's number where it is needed", () =>
    Effect.gen(function* () {
      const { url, state } = yield* serve()
      const api = yield* client(url)
      const event = { type: "custom", name: "deploy.failed", payload: { stage: 2 }, number: 7, key: "k1" } as const
      assert.deepStrictEqual(yield* api.events.publish({ payload: event }), { _tag: "Accepted", seq: 1 })
      assert.deepStrictEqual(yield* api.events.publish({ payload: event }), { _tag: "Duplicate", seq: 1 })
      const [stored] = yield* Ref.get(state.events)
      assert.deepStrictEqual(stored?.subject, { repository, kind: "issue", number: 7 })
      assert.deepStrictEqual(stored?.detail, { _tag: "custom", name: "deploy.failed", payload: { stage: 2 } })
      const missing = yield* Effect.flip(api.events.publish({ payload: { type: "custom", name: "x", kind: "issue" } }))
      assert.strictEqual(missing.message, "payload.number: an event about an issue or a pull request needs its number")
      const internal = yield* Effect.flip(
        api.events.publish({ payload: { detail: { _tag: "agent.resume_requested", agent: fixer.id } } })
      )
      assert.strictEqual(internal._tag, "InvalidRequest")
    }))

  test("acts on agents, and says what their status does not allow", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const api = yield* client(url)
      const params = { id: fixer.id }
      assert.strictEqual((yield* api.agents.pause({ params, payload: null })).note, "asked by a person")
      const error = yield* Effect.flip(api.agents.answer({ params, payload: { answer: "EUR" } }))
      assert.strictEqual(error._tag, "NotPossible")
      assert.strictEqual(error.message, `Agent ${fixer.id} is paused; ready is not possible from there.`)
      assert.deepStrictEqual(yield* api.agents.list({ query: { live: false } }), [])
      const plain = yield* send("POST", `${url}/api/v1/agents/nobody/pause`)
      assert.strictEqual(plain.json()["_tag"], "AgentNotFound", "no body is as good as an empty one")
    }))

  test("lists actions by status, and retries one that failed", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      yield* Ref.set(state.actions, acted("done", "queued", "failed", "failed"))
      const api = yield* client(url)
      const ids = (query: Parameters<typeof api.actions.list>[0]["query"]) =>
        Effect.map(api.actions.list({ query }), (actions) => actions.map(({ id }) => id))
      assert.deepStrictEqual(yield* ids({}), [4, 3, 2, 1])
      assert.deepStrictEqual(yield* ids({ status: "failed", limit: 1 }), [4])
      assert.deepStrictEqual(yield* ids({ status: "failed", agent: "nobody" }), [])
      const unknown = yield* send("GET", `${url}/api/v1/actions?status=broken`)
      assert.strictEqual(unknown.json()["field"], "query.status")

      const { error, id, status } = yield* api.actions.retry({ params: { id: 3 } })
      assert.deepStrictEqual({ error, id, status }, { error: "", id: 3, status: "queued" })
      const again = yield* Effect.flip(api.actions.retry({ params: { id: 3 } }))
      assert.strictEqual(again._tag, "ActionNotFailed")
      assert.include(again.message, "Action 3 is queued")
      const plain = yield* send("POST", `${url}/api/v1/actions/1/retry`)
      assert.strictEqual(plain.status, 409)
      assert.deepStrictEqual(plain.json(), {
        _tag: "ActionNotFailed",
        action: 1,
        status: "done",
        message: "Action 1 is done; it is not done again. Only failed actions are retried."
      })
      const missing = yield* send("POST", `${url}/api/v1/actions/99/retry`)
      assert.strictEqual(missing.status, 404)
      assert.include(String(missing.json()["message"]), "There is no action 99.")
      assert.strictEqual((yield* send("POST", `${url}/api/v1/actions/x/retry`)).json()["field"], "params.id")
    }))

  test("streams the journal to watchers", () =>
    Effect.gen(function* () {
      const { url, state } = yield* serve()
      const api = yield* client(url)
      const seen = yield* api.journal.watch().pipe(
        Effect.flatMap((entries) => Stream.runCollect(Stream.take(entries, 1))),
        Effect.forkChild({ startImmediately: true })
      )
      yield* Effect.repeat(Effect.andThen(PubSub.publish(state.journal, routed), Effect.yieldNow), {
        until: () => seen.pollUnsafe() !== undefined
      })
      assert.deepStrictEqual(yield* Fiber.join(seen), [routed])
    }))

  test("is ready only while it accepts work", () =>
    Effect.gen(function* () {
      const { url, state } = yield* serve()
      assert.strictEqual((yield* send("GET", `${url}/readyz`)).status, 200)
      yield* Ref.set(state.accepting, false)
      assert.strictEqual((yield* send("GET", `${url}/readyz`)).status, 503)
      assert.strictEqual((yield* send("GET", `${url}/healthz`)).status, 200)
      const metrics = yield* send("GET", `${url}/metrics`)
      assert.include(metrics.text, "squadron_accepting 0\n")
      assert.include(metrics.text, 'squadron_agents{status="asking"} 1\n')
    }))

  test("describes itself", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const { json } = yield* send("GET", `${url}/openapi.json`)
      const paths = Object.keys(json()["paths"] as object)
      assert.include(paths, "/api/v1/issues/{owner}/{name}/{number}")
      assert.include(paths, "/api/v1/actions/{id}/retry")
      assert.include(paths, "/api/v1/watch")
    }))

  test("copies the database only to an absolute path", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const api = yield* client(url)
      assert.deepStrictEqual(yield* api.backup.create({ payload: { path: "/tmp/copy.db" } }), {
        path: "/tmp/copy.db",
        bytes: 42
      })
      const relative = yield* Effect.flip(api.backup.create({ payload: { path: "copy.db" } }))
      assert.strictEqual(relative._tag, "InvalidRequest")
      const full = yield* Effect.flip(api.backup.create({ payload: { path: "/full/copy.db" } }))
      assert.strictEqual(full.message, "No backup at /full/copy.db: no space")
    }))
})

describe("the server's address", () => {
  it.effect("may be open to other machines only with a token", () =>
    Effect.gen(function* () {
      const open = { host: "0.0.0.0", port: 7700, token: null, repository }
      const error = yield* Effect.flip(checked(open))
      assert.strictEqual(error._tag, "UnsafeAddress")
      assert.strictEqual((yield* checked({ ...open, token: Redacted.make("t") })).host, "0.0.0.0")
      for (const host of ["127.0.0.1", "localhost", "::1"]) {
        assert.strictEqual((yield* checked({ ...open, host })).host, host)
      }
    })
  )
})
