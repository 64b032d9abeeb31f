import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { McpClient, McpProtocol } from "effect/ai"
import { FetchHttpClient } from "effect/http"
import * as Subject from "../../../src/domain/Subject.ts"
import { toolNames, toolsOf } from "../../../src/domain/toolCall.ts"
import { Capabilities } from "../../../src/services/Capabilities.ts"
import { Store } from "../../../src/services/Store.ts"
import {
  bearer,
  connect,
  developer,
  initialize,
  linesOf,
  pm,
  reader,
  reviewer,
  send,
  startAgent,
  startRun,
  urlOf,
  withRig
} from "./Rig.ts"
import { repository, someIssue } from "./TestForge.ts"

const limits = { timeout: 60_000 }

describe("who may call tools", limits, () => {
  it.live(
    "nobody without a token, with a made-up one, or with the squadron's own way to write it",
    withRig(() =>
      Effect.gen(function* () {
        yield* startRun(pm)
        for (const headers of [
          {},
          { authorization: "" },
          { authorization: "Bearer nonsense" },
          { authorization: "Basic run-token-1" },
          { authorization: "Bearer " }
        ]) {
          const { body, headers: answered, status } = yield* send(initialize("2025-06-18"), headers)
          assert.strictEqual(status, 401)
          assert.strictEqual(body._tag, "Unauthorized")
          assert.include(body.message ?? "", "Authorization: Bearer")
          assert.strictEqual(answered.get("www-authenticate"), "Bearer")
        }
        const get = yield* send(null, {}, "GET")
        assert.strictEqual(get.status, 401)
      })
    )
  )

  it.live(
    "not a run that has ended, on a session that it began",
    withRig(() =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const grant = yield* Scope.provide(startRun(pm), scope)
        const client = yield* connect(grant)
        assert.include(yield* client.names, "comment")
        yield* Scope.close(scope, Exit.void)
        const { body, status } = yield* client.request("tools/call", {
          name: "report_done",
          arguments: { summary: "x" }
        })
        assert.strictEqual(status, 401)
        assert.strictEqual(body._tag, "Unauthorized")
        assert.isNull(grant.reported)
      })
    )
  )

  it.live(
    "a run acts as itself whatever session it names, and another run's session is not there for it",
    withRig(() =>
      Effect.gen(function* () {
        const one = yield* startRun(pm)
        const other = yield* startRun(reader, { id: "reader-9-e2", subject: Subject.issue(repository, 9) })
        const client = yield* connect(one)
        const stolen = { ...client.headers, ...bearer(other) }
        const call = {
          jsonrpc: "2.0",
          id: 9,
          method: "tools/call",
          params: { name: "report_done", arguments: { summary: "x" } }
        }
        const { body, status } = yield* send(call, stolen)
        assert.strictEqual(status, 404)
        assert.strictEqual(body._tag, "SessionNotFound")
        const ended = yield* send(null, stolen, "DELETE")
        assert.strictEqual(ended.status, 404)
        assert.deepStrictEqual(
          [one, other].map(({ reported }) => reported),
          [null, null]
        )
        const own = yield* connect(other)
        yield* own.call("report_done", { summary: "mine" })
        assert.deepStrictEqual(
          [one, other].map(({ reported }) => reported?._tag),
          [undefined, "Completed"]
        )
        assert.isFalse((yield* client.call("report_no_work", { reason: "still there" })).isError)
      })
    )
  )

  it.live(
    "sessions end with their runs, and on request",
    withRig(() =>
      Effect.gen(function* () {
        const capabilities = yield* Capabilities
        const scope = yield* Scope.make()
        const first = yield* Scope.provide(startRun(pm), scope)
        const client = yield* connect(first)
        yield* Scope.close(scope, Exit.void)
        // another run's beginning sweeps it; its id is unknown afterwards, even to a run that has the same token
        const agent = yield* startAgent(pm, { id: "pm-7-e3", subject: Subject.issue(repository, 11) })
        const next = yield* capabilities.grant({ agent, role: pm, run: "pm-7-e3/1", workspace: null })
        const later = yield* connect(next)
        const gone = yield* send(null, { ...client.headers, ...bearer(next) }, "DELETE")
        assert.strictEqual(gone.status, 404)
        const { status } = yield* send(null, later.headers, "DELETE")
        assert.strictEqual(status, 204)
        const after = yield* later.request("tools/list", {})
        assert.strictEqual(after.status, 404)
      })
    )
  )

  it.live(
    "no page of another site, and no body that is too large",
    withRig(() =>
      Effect.gen(function* () {
        const grant = yield* startRun(pm)
        const page = yield* send(initialize("2025-06-18"), { ...bearer(grant), origin: "https://evil.example" })
        assert.strictEqual(page.status, 403)
        const client = yield* connect(grant)
        const large = yield* client.request("tools/call", { name: "comment", arguments: { body: "x".repeat(2 ** 21) } })
        assert.strictEqual(large.status, 413)
        assert.strictEqual(large.body._tag, "TooLarge")
      })
    )
  )
})

describe("which tools there are", limits, () => {
  it.live(
    "those of the role, on this kind of subject, and asking for them is noticed",
    withRig(() =>
      Effect.gen(function* () {
        const basic = ["read_subject", "list_issues", "read_issue", "read_checks"]
        const reports = ["report_done", "report_no_work", "report_blocked", "ask_person"]
        const grant = yield* startRun(reader)
        assert.isFalse(yield* Deferred.isDone(grant.listed))
        const client = yield* connect(grant)
        assert.isFalse(yield* Deferred.isDone(grant.listed))
        assert.deepStrictEqual(yield* client.names, [...basic, ...reports])
        assert.isTrue(yield* Deferred.isDone(grant.listed))

        const onIssue = yield* startRun(reviewer)
        assert.deepStrictEqual(yield* (yield* connect(onIssue)).names, [...basic, ...reports, "reply_review"])
        const onPull = yield* startRun(reviewer, { id: "reviewer-8-e2", subject: Subject.pullRequest(repository, 8) })
        assert.deepStrictEqual(yield* (yield* connect(onPull)).names, [...basic, ...reports, "review", "reply_review"])
        // without its workspace a developer has nothing to push
        const lost = yield* startRun(developer)
        assert.deepStrictEqual(yield* (yield* connect(lost)).names, [...basic, ...reports, "comment", "reply_review"])
      })
    )
  )

  it.live(
    "each says what it takes, as an object, and takes nothing else",
    withRig(() =>
      Effect.gen(function* () {
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        const { body } = yield* client.request("tools/list", {})
        const tools = body.result?.tools ?? []
        assert.deepStrictEqual(
          tools.map(({ name }) => name),
          [...toolsOf({ role: pm, kind: "issue", workspace: false })]
        )
        for (const { inputSchema } of tools) assert.strictEqual(inputSchema.type, "object")
        const answer = yield* client.call("comment", { body: "x", repository: "other/repo" })
        assert.isTrue(answer.isError)
        assert.include(answer.text, "repository")
        assert.include(answer.text, "It takes body, issue (may be left out).")
      })
    )
  )

  it.live(
    "a tool that is not the role's is denied and counted, with what may be used instead",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        const grant = yield* startRun(reader)
        const client = yield* connect(grant)
        for (const name of ["comment", "push_work", "merge", "comment"]) {
          const { isError, text } = yield* client.call(name, { body: "x" })
          assert.isTrue(isError)
          assert.include(text, `The role reader may not use ${name}.`)
          assert.include(text, "You may use: read_subject,")
        }
        assert.deepStrictEqual(grant.denied, ["comment", "push_work", "merge"])
        assert.deepStrictEqual(told.performed, [])
        assert.deepStrictEqual(yield* (yield* Store).actions({ limit: 10 }), [])
        const lines = yield* linesOf(grant.agent.id)
        assert.strictEqual(lines.length, 4)
        for (const line of lines)
          assert.match(line, /^refused (?:comment|push_work|merge): The role reader may not use/)
      })
    )
  )

  it.live(
    "what the role has and the agent cannot use here is refused without counting",
    withRig(() =>
      Effect.gen(function* () {
        const grant = yield* startRun(reviewer)
        const client = yield* connect(grant)
        const review = yield* client.call("review", { verdict: "approve", body: "", comments: [] })
        assert.isTrue(review.isError)
        assert.include(review.text, "needs a pull request")
        const save = yield* client.call("save_work")
        assert.include(save.text, "needs a workspace")
        assert.deepStrictEqual(grant.denied, [])
      })
    )
  )

  it.live(
    "a name that no tool has is the protocol's error, counts for nothing, and is in the journal",
    withRig(() =>
      Effect.gen(function* () {
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        const { error } = yield* client.call(`no_such_tool${"y".repeat(500)}`)
        assert.strictEqual(error?.code, -32_602)
        assert.deepStrictEqual(grant.denied, [])
        const [line = "", ...more] = yield* linesOf(grant.agent.id)
        assert.strictEqual(more.length, 0)
        assert.match(line, /^refused "no_such_tooly+": there is no such tool$/)
        assert.isBelow(line.length, 200)
      })
    )
  )
})

describe("clients", limits, () => {
  for (const version of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
    it.live(
      `of protocol ${version} list and call`,
      withRig(() =>
        Effect.gen(function* () {
          const grant = yield* startRun(pm)
          const client = yield* connect(grant, version)
          assert.strictEqual(client.hello.status, 200)
          assert.strictEqual(client.hello.body.result?.protocolVersion, version)
          assert.include(yield* client.names, "report_done")
          const { isError, text } = yield* client.call("report_done", { summary: "all of it" })
          assert.isFalse(isError)
          assert.include(text, "End your turn now.")
          assert.deepStrictEqual(grant.reported, { _tag: "Completed", evidence: { summary: "all of it" } })
        })
      )
    )
  }

  for (const protocol of [McpProtocol.v2025_11_25, McpProtocol.v2026_07_28] as const) {
    it.live(
      `of Effect's own, with ${protocol.protocolVersion}, list and call`,
      withRig((told) =>
        Effect.gen(function* () {
          someIssue(told, 7, { author: "ada", body: "Totals are off by a cent." })
          const grant = yield* startRun(pm)
          const connection = McpClient.layerHttp({
            name: "test",
            version: "0",
            protocol,
            url: yield* urlOf,
            headers: { authorization: `Bearer ${Redacted.value(grant.token)}` }
          }).pipe(Layer.provide(FetchHttpClient.layer))
          yield* Effect.gen(function* () {
            const client = yield* McpClient.McpClient
            const tools = yield* client.listTools()
            assert.sameMembers(
              tools.map(({ name }) => name),
              toolNames.filter((name) => toolsOf({ role: pm, kind: "issue", workspace: false }).includes(name))
            )
            const tool = tools.find(({ name }) => name === "read_subject")
            assert.isDefined(tool)
            const { content } = yield* client.callTool({ tool, arguments: {} })
            const [block] = content
            assert.include(block?.type === "text" ? block.text : "", "Totals are off by a cent.")
          }).pipe(Effect.provide(connection))
        })
      )
    )
  }

  it.live(
    "twenty calls at once are all answered, each acts once, and each has its line",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ada", body: "x" })
        const grant = yield* startRun(pm)
        const client = yield* connect(grant)
        const answers = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, i) => i),
          (i) => client.call("comment", { body: `comment ${i}` }),
          { concurrency: "unbounded" }
        )
        for (const { isError, text } of answers) {
          assert.isFalse(isError)
          assert.strictEqual(text, `The comment on ${repository}#7 is written.`)
        }
        assert.strictEqual(new Set(told.performed.map(({ key }) => key)).size, 20)
        assert.sameMembers(
          (told.comments.get(7) ?? []).map(({ body }) => body),
          Array.from({ length: 20 }, (_, i) => `comment ${i}`)
        )
        assert.strictEqual((yield* linesOf(grant.agent.id)).length, 20)
        assert.strictEqual(grant.calls, 20)
      })
    )
  )
})
