import { assert, describe, it } from "@effect/vitest"
import { outcomeOfError } from "../../../../src/adapters/harness/acp/outcomes.ts"
import { allowedByPerson, makePermissions } from "../../../../src/adapters/harness/acp/permissions.ts"
import { presets } from "../../../../src/adapters/harness/acp/presets.ts"
import { makeTail } from "../../../../src/adapters/harness/acp/Tail.ts"
import { makeTurnTranscript } from "../../../../src/adapters/harness/acp/TurnTranscript.ts"
import { makeUsageMeter } from "../../../../src/adapters/harness/acp/usage.ts"
import { RpcFailed } from "../../../../src/adapters/harness/acp/Wire.ts"
import { parseRule } from "../../../../src/adapters/sandbox/hostRules.ts"
import { answer } from "./Agents.ts"

const now = 1_800_000_000_000

describe("what an agent's error means", () => {
  const means = (text: string, data: unknown, code = -32_603) =>
    outcomeOfError(new RpcFailed({ method: "session/prompt", code, text, data }), now, "Sign in.")

  it("only what says so is a limit", () => {
    assert.deepStrictEqual(means("Internal error", { error: { status: 429 } }), {
      _tag: "RateLimited",
      retryAfter: 60_000
    })
    assert.deepStrictEqual(means("Too many requests, retry after 12", undefined), {
      _tag: "RateLimited",
      retryAfter: 12_000
    })
    assert.deepStrictEqual(means("rate_limit_error", { headers: { "Retry-After": "2.5" } }), {
      _tag: "RateLimited",
      retryAfter: 2500
    })
    assert.deepStrictEqual(means("slow down", { code: 429, retryAfterMs: 1500 }), {
      _tag: "RateLimited",
      retryAfter: 1500
    })
    // a number that happens to be there
    assert.strictEqual(means("cannot read line 429", undefined)._tag, "Crashed")
  })

  it("a quota needs the time when it is there again", () => {
    const resetAt = now + 3_600_000
    const quota: ReadonlyArray<unknown> = [
      { resets_at: resetAt / 1000 },
      { quota: { resetAt: new Date(resetAt).toISOString() } },
      { details: [{ reset_time: resetAt }] }
    ]
    for (const data of quota) {
      assert.deepStrictEqual(means("Usage limit reached", data), { _tag: "QuotaLimited", resetAt })
    }
    assert.deepStrictEqual(means(`Usage limit reached|${resetAt / 1000}`, null), { _tag: "QuotaLimited", resetAt })
    assert.strictEqual(means("Usage limit reached", {})._tag, "Crashed")
    assert.strictEqual(means("Usage limit reached", { resetAt: now - 1 })._tag, "Crashed")
    assert.strictEqual(means("insufficient_quota", { status: 429 })._tag, "RateLimited")
  })

  it("who has to sign in is told so", () => {
    assert.strictEqual(means("whatever", undefined, -32_000)._tag, "NotAuthorized")
    assert.strictEqual(means("API Error", { status: 401 })._tag, "NotAuthorized")
    assert.strictEqual(means("Invalid API key", undefined)._tag, "NotAuthorized")
    assert.deepStrictEqual(means("Not logged in", undefined), {
      _tag: "NotAuthorized",
      reason: "the agent answered `session/prompt` with: Not logged in. Sign in."
    })
    assert.strictEqual(means("I read about authentication", undefined)._tag, "Crashed")
  })

  it("data without bounds does not take for ever", () => {
    const deep: { a?: unknown } = {}
    let inner = deep
    for (let depth = 0; depth < 10_000; depth++) inner = inner.a = {}
    assert.strictEqual(means("odd", [deep, Array.from({ length: 100_000 }, () => ({ status: 1 }))])._tag, "Crashed")
  })
})

describe("a transcript", () => {
  const made = (limit = 1_000_000) => {
    const violations: Array<string> = []
    const progress: Array<string> = []
    const transcript = makeTurnTranscript({
      limit,
      onProgress: (line) => progress.push(line),
      onViolation: (sentence) => violations.push(sentence)
    })
    const text = (sessionUpdate: string, text: string) =>
      transcript.update({ sessionUpdate, content: { type: "text", text } })
    return { transcript, violations, progress, text }
  }

  it("keeps words together that belong together", () => {
    const { text, transcript } = made()
    text("agent_message_chunk", "One")
    text("agent_message_chunk", " two.")
    text("agent_thought_chunk", "Hm")
    text("agent_thought_chunk", "m.")
    text("agent_message_chunk", "Three.")
    assert.strictEqual(transcript.text, "One two.\n[thought] Hmm.\nThree.")
  })

  it("says once what a tool call has come to", () => {
    const { progress, transcript } = made()
    const call = { sessionUpdate: "tool_call", toolCallId: "a", title: "Run\nthe tests", kind: "execute" }
    transcript.update(call)
    transcript.update({ sessionUpdate: "tool_call_update", toolCallId: "a", content: [] })
    transcript.update({ sessionUpdate: "tool_call_update", toolCallId: "a", status: "failed" })
    transcript.update({ sessionUpdate: "tool_call_update", toolCallId: "b", status: "completed" })
    assert.strictEqual(
      transcript.text,
      "[tool] Run the tests (execute): pending\n[tool] Run the tests: failed\n[tool] a tool: completed"
    )
    assert.deepStrictEqual(progress, ["Run the tests", "a tool"])
  })

  it("names what is no text, and survives what is nothing", () => {
    const { transcript } = made()
    transcript.update({ sessionUpdate: "agent_message_chunk", content: { type: "image", data: "AAAA" } })
    transcript.update({ sessionUpdate: "agent_message_chunk", content: { type: "resource_link", uri: "file:///a" } })
    transcript.update({ sessionUpdate: "agent_message_chunk" })
    transcript.update({ sessionUpdate: "plan", entries: [null, { content: 5 }, "x"] })
    transcript.update({ sessionUpdate: "tool_call", title: { a: 1 } })
    transcript.update({})
    assert.strictEqual(
      transcript.text,
      "[image][resource_link file:///a][content]\n[plan]\n  [ ]\n[tool] a tool: pending\n[skipped 1 updates of unknown kinds]".replace(
        "  [ ]\n",
        "  [ ] \n"
      )
    )
  })

  it("keeps the newest 64 KiB, and more than the limit is a violation, told once", () => {
    const { text, transcript, violations } = made(200_000)
    for (let count = 0; count < 2500; count++) text("agent_message_chunk", `${"x".repeat(95)}${count}\n`)
    assert.strictEqual(violations.length, 1)
    assert.match(violations[0] ?? "", /more than 200000 bytes/)
    assert.isAtMost(Buffer.byteLength(transcript.text), 65_536)
  })
})

describe("a tail", () => {
  it("begins with a whole character and has no NUL", () => {
    const tail = makeTail(5)
    tail.add("äöü\0")
    assert.strictEqual(tail.text(), "öü\ufffd")
    tail.add("a".repeat(1000))
    assert.strictEqual(tail.text(), "aaaaa")
  })
})

describe("what a session uses", () => {
  const used = (used: number, cost?: object) => ({ sessionUpdate: "usage_update", used, size: 1, cost })

  it("counters that go back are added, never subtracted", () => {
    const meter = makeUsageMeter()
    meter.begin()
    meter.update(used(100, { amount: 1, currency: "USD" }))
    meter.update(used(150, { amount: 1.5, currency: "USD" }))
    meter.update(used(40, { amount: 0.25, currency: "USD" }))
    meter.update(used(60, { amount: 0.5, currency: "USD" }))
    assert.deepStrictEqual(meter.end({}), {
      source: "estimated",
      inputTokens: 210,
      outputTokens: null,
      cost: { amount: 2, currency: "USD" }
    })
  })

  it("each turn has its own; what was there before the first is nobody's", () => {
    const meter = makeUsageMeter()
    meter.update(used(1000, { amount: 3, currency: "EUR" }))
    meter.begin()
    meter.update(used(1200, { amount: 3.5, currency: "EUR" }))
    assert.deepStrictEqual(meter.end(null), {
      source: "estimated",
      inputTokens: 200,
      outputTokens: null,
      cost: { amount: 0.5, currency: "EUR" }
    })
    meter.begin()
    assert.deepStrictEqual(meter.end(null), {
      source: "unmeasured",
      inputTokens: null,
      outputTokens: null,
      cost: null
    })
  })

  it("nonsense is not counted", () => {
    const meter = makeUsageMeter()
    meter.begin()
    meter.update(used(-5, { amount: -1, currency: "USD" }))
    meter.update(used(Number.NaN, { amount: 1 }))
    meter.update({ used: "many", cost: { amount: "1", currency: "USD" } })
    assert.strictEqual(meter.end({ usage: { inputTokens: -1, outputTokens: 1.5 } }).source, "unmeasured")
    assert.deepStrictEqual(meter.end({ usage: { inputTokens: 3 } }), {
      source: "measured",
      inputTokens: 3,
      outputTokens: null,
      cost: null
    })
  })
})

describe("permissions", () => {
  it("a person's yes is the beginning of the newest answer", () => {
    for (const text of ["allow", "Allow it", "yes", " YES!"]) assert.isTrue(allowedByPerson([answer(text)]), text)
    for (const text of ["", "no", "yesterday", "I allow", "allowance"]) {
      assert.isFalse(allowedByPerson([answer("yes"), answer(text)]), text)
    }
    assert.isFalse(allowedByPerson([{ ...answer("yes"), kind: "command" }]))
  })

  const asked = (policy: "deny" | "ask", toolCall: object, told: object | null = null) => {
    const permissions = makePermissions({ policy, allowed: false, onFlood: () => {} })
    if (told !== null) permissions.update({ sessionUpdate: "tool_call", toolCallId: "1", ...told })
    const options = [
      { optionId: "no", name: "A", kind: "reject_once" },
      { optionId: "yes", name: "B", kind: "allow_once" }
    ]
    const answer = permissions.answer({ options, toolCall: { toolCallId: "1", ...toolCall } })
    return [answer.outcome === "selected" ? answer.optionId : "cancelled", permissions.question !== null]
  }

  it("Squadron's own tools are permitted whatever the policy, as agents ask for them", () => {
    const prefixes = [
      "mcp__squadron__",
      "mcp_squadron_",
      "squadron__",
      "squadron_",
      "squadron-",
      "squadron.",
      "squadron/"
    ]
    const titles = [...prefixes.map((prefix) => `${prefix}report_done`), "report_done (squadron MCP Server)"]
    const ways: ReadonlyArray<readonly [call: object, told: object | null]> = [
      ...titles.flatMap((title) => [[{ title, kind: "other" }, null] as const, [{ title }, null] as const]),
      // claude-agent-acp 0.101.0
      [
        {
          title: "mcp__squadron__report_done",
          kind: "other",
          content: [],
          rawInput: { summary: "a" },
          _meta: { claudeCode: { toolName: "mcp__squadron__report_done" } }
        },
        { title: "mcp__squadron__report_done", kind: "other" }
      ],
      // qwen-code 0.24.4
      [
        { title: '{"summary":"a"}', kind: "other", locations: [], _meta: { toolName: "mcp__squadron__report_done" } },
        { title: "report_done (squadron MCP Server)", kind: "other", locations: [] }
      ],
      // gemini-cli 0.61.0
      [{ title: "report_done (squadron MCP Server)", kind: "other", locations: [] }, null],
      // copilot 1.0.102
      [
        { title: "report_done", kind: "other", rawInput: { summary: "a" } },
        { title: "squadron-report_done", kind: "other" }
      ],
      // codex-acp 0.16.0
      [{ title: "Approve MCP tool call", content: [] }, { title: "Tool: squadron/report_done" }],
      // opencode 1.18.33
      [
        { title: "squadron_report_done", kind: "other", locations: [], rawInput: {} },
        { title: "squadron_report_done", kind: "other", locations: [] }
      ]
    ]
    for (const [call, told] of ways) {
      for (const policy of ["deny", "ask"] as const) {
        assert.deepStrictEqual(asked(policy, call, told), ["yes", false], JSON.stringify([call, told]))
      }
    }
  })

  it("what only looks like one of Squadron's tools is not permitted", () => {
    const title = "mcp__squadron__report_done"
    const others: ReadonlyArray<readonly [call: object, told?: object]> = [
      ...["execute", "edit", "delete", "move", "fetch", "read", "think", "switch_mode"].map(
        (kind) => [{ title, kind }] as const
      ),
      [{ title, locations: [{ path: "/etc/passwd" }] }],
      [{ title: `${title}; rm -rf .` }],
      [{ title: `Run ${title}` }],
      [{ title: "mcp__squadron__fly" }],
      [{ title: "mcp__other__report_done" }],
      [{ title: "report_done" }],
      [{ title: "Approve MCP tool call" }],
      [{ title: " (squadron MCP Server)" }],
      [{ title: "fly (squadron MCP Server)" }],
      [{ title: "report_done (other MCP Server)" }],
      [{}],
      // the program's own word goes before its model's
      [{ title, _meta: { toolName: "run_shell_command" } }],
      [{ title }, { title: "Bash" }],
      [{ title: "report_done" }, { title: "github-report_done" }],
      [{ title: "Approve MCP tool call" }, { title: "squadron/report_done", kind: "execute" }],
      [{ title: "Approve MCP tool call" }, { title: "squadron/report_done", locations: [{ path: "a" }] }],
      // told of another call
      [{ title: "report_done", toolCallId: "2" }, { title: "squadron-report_done" }],
      [{ title: "report_done" }, { title: "squadron-report_done", sessionUpdate: "tool_call_update" }]
    ]
    for (const [call, told] of others) {
      assert.deepStrictEqual(asked("deny", call, told), ["no", false], JSON.stringify([call, told]))
      assert.deepStrictEqual(asked("ask", call, told), ["no", true], JSON.stringify([call, told]))
    }
  })

  it("of the tool calls that were told, the newest 100 are remembered", () => {
    const permissions = makePermissions({ policy: "deny", allowed: false, onFlood: () => {} })
    for (let count = 0; count <= 100; count++) {
      permissions.update({ sessionUpdate: "tool_call", toolCallId: `${count}`, title: "squadron-report_done" })
    }
    const options = [{ optionId: "yes", name: "B", kind: "allow_once" }]
    const answer = (toolCallId: string) =>
      permissions.answer({ options, toolCall: { toolCallId, title: "report_done" } })
    assert.deepStrictEqual(answer("0"), { outcome: "cancelled" })
    assert.deepStrictEqual(answer("1"), { outcome: "selected", optionId: "yes" })
  })

  it("a cancelled turn permits nothing, and a flood is told once", () => {
    const floods: Array<string> = []
    const options = [{ optionId: "a", name: "A", kind: "allow_once" }]
    const permissions = makePermissions({ policy: "allow", allowed: false, onFlood: (text) => floods.push(text) })
    for (let count = 0; count < 1000; count++) {
      assert.deepStrictEqual(permissions.answer({ options }), { outcome: "selected", optionId: "a" })
    }
    assert.deepStrictEqual(floods, [])
    assert.deepStrictEqual(permissions.answer({ options }), { outcome: "cancelled" })
    permissions.answer({ options })
    assert.strictEqual(floods.length, 1)
    const cancelled = makePermissions({ policy: "allow", allowed: false, onFlood: () => {} })
    cancelled.cancel()
    assert.deepStrictEqual(cancelled.answer({ options }), { outcome: "cancelled" })
  })
})

describe("presets", () => {
  it("name programs, variables and hosts as they must be written", () => {
    for (const [name, preset] of Object.entries(presets)) {
      assert.match(name, /^[a-z]+$/)
      assert.isNotEmpty(preset.run[0])
      for (const variable of [...preset.env, ...Object.keys(preset.settings)])
        assert.match(variable, /^[A-Z][A-Z0-9_]*$/)
      for (const host of preset.hosts) assert.isDefined(parseRule(host), host)
      assert.isNotEmpty(preset.install)
    }
  })
})
