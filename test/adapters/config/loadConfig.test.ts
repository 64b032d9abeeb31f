import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { defaultLimits, defaultPolicy, makeRole } from "../../../src/domain/Role.ts"
import { agent, config, good, load } from "./projectFolder.ts"

/** What settings are where the file says nothing of them. */
const unsaid = {
  source: null,
  sandbox: "auto",
  sandboxReadable: [],
  workspaces: {
    hooks: {},
    hookTimeout: 60_000,
    hookHosts: [],
    minFree: 2 ** 30,
    retention: 30 * 86_400_000,
    keepSaved: 90 * 86_400_000,
    sparse: [],
    depth: null
  },
  people: {}
} as const

describe("a configuration that is used", () => {
  it.effect("needs one agent only; the rest are defaults", () =>
    Effect.gen(function* () {
      const { root, settings, squad } = yield* load({ [agent]: good })
      assert.deepStrictEqual(squad, {
        roles: [makeRole({ name: "a", harness: { _tag: "function", name: "f" } })],
        policy: defaultPolicy,
        mention: "squadron",
        concurrency: 10,
        landing: null
      })
      assert.deepStrictEqual(settings, {
        root,
        repository: `local/${root.split("/").at(-1)}`,
        server: { host: "127.0.0.1", port: 7700, token: null },
        github: {
          secretEnv: "SQUADRON_GITHUB_WEBHOOK_SECRET",
          secret: null,
          ratePerMinute: 600,
          repositories: [],
          installations: [],
          botLogins: [],
          apiUrl: "https://api.github.com",
          webUrl: "https://github.com",
          auth: null
        },
        ...unsaid,
        drainTimeout: 30_000,
        stateDir: `${root}/.squadron-state`
      })
    })
  )

  it.effect("says all that it says", () =>
    Effect.gen(function* () {
      const { root, settings, squad } = yield* load(
        {
          [config]: [
            "name: crew",
            "repository: acme/app",
            "concurrency: 3",
            "server: { host: 0.0.0.0, port: 0, tokenEnv: MY_TOKEN }",
            "github:",
            "  secretEnv: MY_SECRET",
            "  ratePerMinute: 0",
            "  repositories: [acme/app]",
            "  installations: [12]",
            "  botLogins: ['crew[bot]']",
            "policy: { retries: 0, retryBase: 2s, retryMax: 1h, continueAfter: 500ms, maxDepth: 2 }",
            "merge: { method: rebase, approvals: [a], checks: [ci], people: 1 }",
            "source: code",
            "sandbox: required",
            "sandboxReadable: [/opt/tools, tools]",
            "workspaces:",
            "  hooks: { afterCreate: npm ci --offline, afterRun: [sh, -c, 'echo done'] }",
            "  hookTimeout: 5m",
            "  hookHosts: [packages.example.com, 'localhost:4873', '*.example.com']",
            "  minFree: 2GiB",
            "  retention: 7d",
            "  keepSaved: forever",
            "  sparse: [packages/app]",
            "  depth: 100",
            "people: { mallory: none }",
            "drainTimeout: 0s",
            "stateDir: /var/lib/crew"
          ].join("\n"),
          [agent]: good
        },
        { MY_TOKEN: "t", MY_SECRET: "s" }
      )
      assert.deepStrictEqual(squad.policy, {
        ...defaultPolicy,
        retries: 0,
        retryBase: 2_000,
        retryMax: 3_600_000,
        continueAfter: 500,
        maxDepth: 2
      })
      assert.strictEqual(squad.mention, "crew")
      assert.strictEqual(squad.concurrency, 3)
      const { github, server, ...rest } = settings
      assert.deepStrictEqual(rest, {
        root,
        repository: "acme/app",
        source: `${root}/code`,
        sandbox: "required",
        sandboxReadable: ["/opt/tools", `${root}/tools`],
        workspaces: {
          hooks: { afterCreate: ["npm", "ci", "--offline"], afterRun: ["sh", "-c", "echo done"] },
          hookTimeout: 300_000,
          hookHosts: ["packages.example.com", "localhost:4873", "*.example.com"],
          minFree: 2 * 2 ** 30,
          retention: 7 * 86_400_000,
          keepSaved: null,
          sparse: ["packages/app"],
          depth: 100
        },
        people: { mallory: "none" },
        drainTimeout: 0,
        stateDir: "/var/lib/crew"
      })
      assert.deepStrictEqual(squad.landing, { method: "rebase", approvals: ["a"], checks: ["ci"], people: 1 })
      assert.strictEqual(server.host, "0.0.0.0")
      assert.strictEqual(server.port, 0)
      assert.strictEqual(server.token && Redacted.value(server.token), "t")
      assert.strictEqual(github.secret && Redacted.value(github.secret), "s")
      assert.strictEqual(github.ratePerMinute, 0)
      assert.deepStrictEqual(github.repositories, ["acme/app"])
      assert.deepStrictEqual(github.installations, [12])
      assert.deepStrictEqual(github.botLogins, ["crew[bot]"])
    })
  )

  it.effect("has each role as its file declares it", () =>
    Effect.gen(function* () {
      const { root, squad } = yield* load({
        "bin/do": "#!/bin/sh\n",
        ".squadron/agents/b.md": [
          "\uFEFF---",
          "description: Does it",
          "run: ./bin/do 'one two' \"three\" four\\ five",
          "env: [A_KEY]",
          "on:",
          "  - push",
          "  - event: issue.labeled",
          "    label: ready",
          "    unlessLabels: [wontfix]",
          "    from: person",
          "priority: -1",
          "lifetime: subject",
          "limits: { concurrency: 1, maxTurns: 2, wallClock: 1.5 hours, stall: 90s, output: 512KiB }",
          "tools: [comment]",
          "---",
          "",
          "First.",
          "---",
          "Last.",
          ""
        ].join("\r\n"),
        [agent]: "---\nrun: [git, status]\nlimits: { output: 100 }\n---",
        ".squadron/agents/notes.txt": "no agent"
      })
      assert.deepStrictEqual(squad.roles, [
        makeRole({
          name: "a",
          harness: { _tag: "command", run: ["git", "status"], env: [], cwd: root },
          limits: { ...defaultLimits, output: 100 }
        }),
        {
          name: "b",
          description: "Does it",
          harness: {
            _tag: "command",
            run: [`${root}/bin/do`, "one two", "three", "four five"],
            env: ["A_KEY"],
            cwd: root
          },
          on: [
            { event: "push" },
            { event: "issue.labeled", label: "ready", unlessLabels: ["wontfix"], from: "person" }
          ],
          priority: -1,
          lifetime: "subject",
          limits: { concurrency: 1, maxTurns: 2, wallClock: 5_400_000, stall: 90_000, output: 524_288 },
          tools: ["comment"],
          workspace: null,
          gate: null,
          minTrust: "none",
          inputs: {},
          prompt: "First.\n---\nLast."
        }
      ])
    })
  )

  it.effect("takes the usual secrets from the environment without being told", () =>
    Effect.gen(function* () {
      const { settings } = yield* load({ [agent]: good }, { SQUADRON_TOKEN: "t", SQUADRON_GITHUB_WEBHOOK_SECRET: "s" })
      assert.strictEqual(settings.server.token && Redacted.value(settings.server.token), "t")
      assert.strictEqual(settings.github.secret && Redacted.value(settings.github.secret), "s")
    })
  )
})
