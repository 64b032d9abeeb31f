import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { presets } from "../../../src/adapters/harness/acp/presets.ts"
import { agent, config, fails, load } from "./projectFolder.ts"

const role = (...lines: ReadonlyArray<string>) => ["---", ...lines, "---", "Work on {{ repository }}."].join("\n")

describe("a role that is a coding agent", () => {
  it.effect("is a preset by its name, with what the file says instead", () =>
    Effect.gen(function* () {
      const { squad } = yield* load({
        [agent]: role(
          "agent: claude",
          "mode: plan",
          "permissions: ask",
          "hosts: [proxy.acme.com]",
          "env: [ANTHROPIC_API_KEY]"
        )
      })
      const preset = presets["claude"]
      assert(preset !== undefined)
      const harness = squad.roles[0]?.harness
      assert(harness?._tag === "acp")
      assert.deepInclude(harness, {
        _tag: "acp",
        run: preset.run,
        env: ["ANTHROPIC_API_KEY"],
        optionalEnv: preset.env,
        settings: preset.settings,
        mode: "plan",
        permissions: "ask",
        hosts: ["proxy.acme.com"]
      })
    })
  )

  it.effect("is any command line, and another agent takes the place of what files say", () =>
    Effect.gen(function* () {
      const files = {
        [agent]: role("agent: my-agent --acp 'a b'"),
        ".squadron/agents/b.md": role("run: [git, status]")
      }
      const { squad } = yield* load(files)
      const own = squad.roles[0]?.harness
      assert(own?._tag === "acp")
      assert.deepStrictEqual(
        [own.run, own.mode, own.permissions, own.hosts],
        [["my-agent", "--acp", "a b"], null, "allow", []]
      )
      const other = (yield* load(files, {}, "codex")).squad
      const mind = other.roles[0]?.harness
      assert(mind?._tag === "acp")
      assert.deepStrictEqual(mind.run, presets["codex"]?.run)
      assert.strictEqual(other.roles[1]?.harness._tag, "command", "programs stay as they are")
    })
  )

  it.effect("has a workspace, a gate and inputs, and asks for write access of who wakes it", () =>
    Effect.gen(function* () {
      const { squad } = yield* load({
        [config]: "inputs: { test: make check }",
        [agent]: [
          "---",
          "agent: codex",
          "workspace: { base: develop }",
          "gate: npm test",
          "tools: [push, open_pull_request]",
          "inputs:",
          "  test: { default: npm test }",
          "  limit: { type: number, default: 3 }",
          "---",
          "Run {{ test }} at most {{limit}} times."
        ].join("\n"),
        ".squadron/agents/b.md": role("agent: codex", "workspace: true", "minTrust: read"),
        ".squadron/agents/c.md": role("agent: codex")
      })
      const [a, b, c] = squad.roles
      assert.deepStrictEqual(a?.workspace, { base: "develop" })
      assert.deepStrictEqual(a?.gate, ["npm", "test"])
      assert.deepStrictEqual(a?.inputs, { test: "make check", limit: "3" })
      assert.deepStrictEqual([a?.minTrust, b?.minTrust, c?.minTrust], ["write", "read", "none"])
      assert.deepStrictEqual(b?.workspace, { base: null })
    })
  )

  it.effect("is refused where its file contradicts itself, each with line and way out", () =>
    Effect.gen(function* () {
      const one = Effect.fnUntraced(function* (...lines: ReadonlyArray<string>) {
        const { problems } = yield* fails({ [agent]: role(...lines) })
        return problems.map(({ field, line, problem, remedy }) => `${line} ${field}: ${problem}. ${remedy}`).join("\n")
      })
      assert.match(yield* one("agent: codex", "run: git status"), /^2 agent: `run` is there, too/)
      assert.match(yield* one("run: git status", "mode: plan"), /^3 mode: this is only for `agent`/)
      assert.match(yield* one("agent: codex", "gate: npm test"), /^3 gate: a gate runs in a workspace/)
      assert.match(yield* one("agent: codex", "tools: [push]"), /^3 tools: `push` need a workspace/)
      assert.match(
        yield* one("agent: codex", "workspace: true", "tools: [push]", "minTrust: read"),
        /^5 minTrust: strangers must not steer/
      )
      assert.match(
        yield* one("run: git status", "workspace: true", "tools: [comment, push]"),
        /^4 tools: a program cannot have `push`/
      )
      assert.match(yield* one("function: f", "workspace: true"), /^3 workspace: a function has no workspace/)
      assert.match(
        yield* one("agent: codex", "minTrust: wrote"),
        /^3 minTrust: unknown value "wrote".*Did you mean `write`/
      )
      assert.match(yield* one("agent: codex", "workspace: { base: ../x }"), /^3 workspace.*: expected/)
      assert.match(yield* one("agent: codex", "inputs: { test: {} }"), /^3 inputs.test: this input has no value/)
      assert.match(
        yield* one("agent: codex", "inputs: { test: { type: number, default: x } }"),
        /^3 inputs.test: expected a number, got "x"/
      )
      assert.match(
        yield* one("agent: codex", "inputs: { branch: { default: x } }"),
        /^3 inputs.branch: Squadron itself/
      )
    })
  )

  it.effect("is refused where its prompt names what nothing fills, with the line of the file", () =>
    Effect.gen(function* () {
      const { problems } = yield* fails({ [agent]: "---\nagent: codex\n---\n\nFirst line.\nUse {{ tesst }}.\n" })
      assert.deepStrictEqual(
        problems.map(({ field, line, problem }) => [line, field, problem]),
        [[6, "{{ tesst }}", "nothing fills this placeholder"]]
      )
    })
  )
})

describe("how Squadron acts on GitHub", () => {
  it.effect("is an app with its key, or a token, from the environment alone", () =>
    Effect.gen(function* () {
      const app = yield* load(
        { [config]: "github: { app: { id: 7, privateKeyEnv: KEY, installation: 9 } }", [agent]: role("agent: codex") },
        { KEY: "pem" }
      )
      const { auth } = app.settings.github
      assert(auth?._tag === "app")
      assert.deepStrictEqual([auth.id, auth.installation, Redacted.value(auth.privateKey)], [7, 9, "pem"])
      const token = yield* load({ [agent]: role("agent: codex") }, { SQUADRON_GITHUB_TOKEN: "t" })
      assert.strictEqual(token.settings.github.auth?._tag, "token")
    })
  )

  it.effect("is refused where the app's key is not set", () =>
    Effect.gen(function* () {
      const { problems } = yield* fails({ [config]: "github:\n  app: { id: 7 }", [agent]: role("agent: codex") })
      assert.match(
        problems.map(({ message }) => message).join(),
        /config.yaml:2: .*`SQUADRON_GITHUB_PRIVATE_KEY` is not set/
      )
    })
  )
})
