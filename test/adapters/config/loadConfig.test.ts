import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Path, Redacted } from "effect"
import { loadConfig } from "../../../src/adapters/config/loadConfig.ts"
import { defaultLimits, defaultPolicy, makeRole } from "../../../src/domain/Role.ts"

type Files = { readonly [path: string]: string }

const good = "---\nfunction: f\n---\n"
const config = ".squadron/config.yaml"
const agent = ".squadron/agents/a.md"

/** A project with these files; `#!` makes a program. */
const project = Effect.fnUntraced(function* (files: Files) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* fs.makeTempDirectoryScoped()
  for (const [name, text] of Object.entries(files)) {
    yield* fs.makeDirectory(path.dirname(path.join(root, name)), { recursive: true })
    yield* fs.writeFileString(path.join(root, name), text, { mode: text.startsWith("#!") ? 0o755 : 0o644 })
  }
  return root
})

const environment = (variables: { readonly [name: string]: string }) =>
  Layer.merge(NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables)))

const load = (files: Files, variables: { readonly [name: string]: string } = {}) =>
  project(files).pipe(
    Effect.flatMap((root) => Effect.map(loadConfig(root), (loaded) => ({ root, ...loaded }))),
    Effect.scoped,
    Effect.provide(environment(variables))
  )

/** The whole message, with the project's folder taken off. */
const refused = (files: Files, variables: { readonly [name: string]: string } = {}) =>
  project(files).pipe(
    Effect.flatMap((root) =>
      Effect.map(Effect.flip(loadConfig(root)), ({ message }) => message.replaceAll(`${root}/`, ""))
    ),
    Effect.scoped,
    Effect.provide(environment(variables))
  )

const inConfig = (text: string) => refused({ [config]: text, [agent]: good })
const inAgent = (frontMatter: string) => refused({ [agent]: `---\n${frontMatter}\n---\nDo it.\n` })

describe("a configuration that is used", () => {
  it.effect("needs one agent only; the rest are defaults", () =>
    Effect.gen(function* () {
      const { root, settings, squad } = yield* load({ [agent]: good })
      assert.deepStrictEqual(squad, {
        roles: [makeRole({ name: "a", harness: { _tag: "function", name: "f" } })],
        policy: defaultPolicy,
        mention: "squadron",
        concurrency: 10
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
          botLogins: []
        },
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
      assert.deepStrictEqual(rest, { root, repository: "acme/app", drainTimeout: 0, stateDir: "/var/lib/crew" })
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

describe("a configuration that is refused", () => {
  it.effect("without its folder", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* refused({}), ".squadron: this folder does not exist. Run `squadron init` to make it.")
    })
  )

  it.effect("without an agent", () =>
    Effect.gen(function* () {
      const message =
        ".squadron/agents: there is no agent. Add a file `<name>.md` to it, or run `squadron init` for two that work."
      assert.strictEqual(yield* refused({ [config]: "" }), message)
      assert.strictEqual(yield* refused({ ".squadron/agents/a.txt": "" }), message)
    })
  )

  it.effect("where a key is unknown, with the nearest valid one", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inConfig("# a comment\nname: squadron\nconcurency: 3"),
        ".squadron/config.yaml:3: `concurency`: unknown key. Did you mean `concurrency`? " +
          "Valid keys: name, repository, concurrency, server, github, policy, drainTimeout, stateDir."
      )
      assert.strictEqual(
        yield* inAgent("function: f\nlimits:\n  max_turn: 3"),
        ".squadron/agents/a.md:4: `limits.max_turn`: unknown key. Did you mean `maxTurns`? " +
          "Valid keys: concurrency, maxTurns, wallClock, stall, output."
      )
      assert.strictEqual(
        yield* inAgent("function: f\non:\n  - push\n  - event: push\n    xyz: 3"),
        ".squadron/agents/a.md:6: `on[1].xyz`: unknown key. " +
          "Valid keys: event, name, labels, unlessLabels, label, branch, repositories, from."
      )
    })
  )

  it.effect("where a value has the wrong type or none", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inConfig("concurrency: ten"),
        '.squadron/config.yaml:1: `concurrency`: expected a whole number above 0, got "ten". For example: `concurrency: 10`.'
      )
      assert.strictEqual(
        yield* inConfig("concurrency: 0"),
        ".squadron/config.yaml:1: `concurrency`: expected a whole number above 0, got 0. For example: `concurrency: 10`."
      )
      assert.strictEqual(
        yield* inConfig("server:\n  port: 70000"),
        ".squadron/config.yaml:2: `server.port`: expected a port from 0 to 65535, got 70000. For example: `port: 7700`."
      )
      assert.strictEqual(
        yield* inConfig("server:"),
        ".squadron/config.yaml:1: `server`: this key has no value. Valid keys: host, port, tokenEnv."
      )
      assert.strictEqual(
        yield* inConfig("- a"),
        '.squadron/config.yaml: expected a map of keys, got ["a"]. ' +
          "Valid keys: name, repository, concurrency, server, github, policy, drainTimeout, stateDir."
      )
      assert.strictEqual(
        yield* inAgent("function: f\non:\n  - 3"),
        ".squadron/agents/a.md:4: `on[0]`: expected the name of an event or a rule, got 3. For example: `- issue.opened`."
      )
      assert.strictEqual(
        yield* inAgent("function: f\non:\n  - from: person"),
        ".squadron/agents/a.md:4: `on[0].event`: this key is missing. For example: `event: issue.opened`."
      )
      assert.strictEqual(
        yield* inAgent("run: []"),
        ".squadron/agents/a.md:2: `run`: expected a command line or a list of texts, got []. " +
          "For example: `run: ./.squadron/agents/hello.sh`."
      )
      assert.strictEqual(
        yield* inAgent("function: f\nlimits: { output: 4 MBit }"),
        '.squadron/agents/a.md:3: `limits.output`: expected a size such as 512KiB or 4MiB, got "4 MBit". ' +
          "For example: `output: 4MiB`."
      )
    })
  )

  it.effect("where a duration cannot be read", () =>
    Effect.gen(function* () {
      const expected = (got: string) =>
        `.squadron/config.yaml:2: \`policy.retryBase\`: expected a length of time such as 10s, 5m or 2h, got ${got}. ` +
        "For example: `retryBase: 10s`."
      assert.strictEqual(yield* inConfig("policy:\n  retryBase: 10 parsecs"), expected('"10 parsecs"'))
      assert.strictEqual(yield* inConfig("policy:\n  retryBase: 10"), expected("10"))
      assert.strictEqual(yield* inConfig("policy:\n  retryBase: 0s"), expected('"0s"'))
      assert.strictEqual(yield* inConfig("policy:\n  retryBase: -1s"), expected('"-1s"'))
    })
  )

  it.effect("where a tool or another fixed word is unknown", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inAgent("function: f\ntools: [comment, add_label]"),
        '.squadron/agents/a.md:3: `tools[1]`: unknown value "add_label". Did you mean `add_labels`? ' +
          "Valid values: comment, add_labels, remove_labels, assign, open_issue, close_issue, reopen_issue."
      )
      assert.strictEqual(
        yield* inAgent("function: f\nlifetime: forever"),
        '.squadron/agents/a.md:3: `lifetime`: unknown value "forever". Valid values: task, subject.'
      )
    })
  )

  const events =
    "Valid values: issue.opened, issue.reopened, issue.closed, issue.edited, issue.assigned, issue.labeled, " +
    "issue.unlabeled, comment.created, pull_request.opened, pull_request.closed, pull_request.synchronized, " +
    "pull_request.labeled, pull_request.unlabeled, review.submitted, review.dismissed, review_comment.created, " +
    "push, check_suite.completed, check_run.completed, status.changed, custom."

  it.effect("where an event is unknown, with the nearest valid one", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inAgent("function: f\non:\n  - issues.open"),
        `.squadron/agents/a.md:4: \`on[0]\`: unknown value "issues.open". Did you mean \`issue.opened\`? ${events}`
      )
      assert.strictEqual(
        yield* inAgent("function: f\non:\n  - event: pull-request.synchronize"),
        '.squadron/agents/a.md:4: `on[0].event`: unknown value "pull-request.synchronize". ' +
          `Did you mean \`pull_request.synchronized\`? ${events}`
      )
    })
  )

  it.effect("where a rule names an event that Squadron itself answers", () =>
    Effect.gen(function* () {
      for (const event of ["timer.fired", "agent.answered", "other"]) {
        assert.strictEqual(
          yield* inAgent(`function: f\non: [${event}]`),
          `.squadron/agents/a.md:3: \`on[0]\`: Squadron itself answers \`${event}\`. ` +
            "Name an event of the repository, or remove the rule."
        )
      }
    })
  )

  it.effect("where a rule asks for what its event does not have", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inAgent("function: f\non:\n  - event: issue.opened\n    label: bug\n  - { event: push, name: x }"),
        [
          ".squadron/agents/a.md:5: `on[0].label`: `issue.opened` has none, so the rule would never hold. " +
            "Remove it, or name an event such as `issue.labeled`.",
          ".squadron/agents/a.md:6: `on[1].name`: `push` has none, so the rule would never hold. " +
            "Remove it, or name the event `custom`."
        ].join("\n")
      )
      assert.strictEqual(
        yield* inAgent("function: f\non:\n  - { event: issue.opened, branch: main }"),
        ".squadron/agents/a.md:4: `on[0].branch`: `issue.opened` has none, so the rule would never hold. " +
          "Remove it, or name an event such as `push`."
      )
    })
  )

  it.effect("where the YAML is broken", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inConfig("name: squadron\nserver: [1, 2\n"),
        ".squadron/config.yaml:2: this is no valid YAML (Flow sequence in block collection must be sufficiently indented " +
          "and end with a ]). Check the indentation, and put a text that holds `: ` or ` #` in quotes."
      )
      assert.strictEqual(
        yield* inAgent("function: f\ndescription: a: b"),
        ".squadron/agents/a.md:3: this is no valid YAML (Nested mappings are not allowed in compact mappings). " +
          "Check the indentation, and put a text that holds `: ` or ` #` in quotes."
      )
      assert.strictEqual(
        yield* inConfig("name: !secret x"),
        ".squadron/config.yaml:1: this is no valid YAML (Unresolved tag: !secret). " +
          "Check the indentation, and put a text that holds `: ` or ` #` in quotes."
      )
    })
  )

  it.effect("where a key is there twice", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inConfig("server:\n  port: 1\n  host: a\n  port: 2"),
        ".squadron/config.yaml:4: `port`: this key is there twice. Keep one of the two."
      )
    })
  )

  it.effect("where an agent has no front matter, with the lines to add", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* refused({ ".squadron/agents/pm.md": "You are a manager." }),
        ".squadron/agents/pm.md:1: this agent has no front matter. Add these three lines at its top:\n" +
          "---\nrun: ./.squadron/agents/pm.sh\n---"
      )
      assert.strictEqual(
        yield* refused({ ".squadron/agents/pm.md": "---\nfunction: f\n" }),
        ".squadron/agents/pm.md:1: the front matter has no end. Add a line `---` after its last key."
      )
    })
  )

  it.effect("where an agent has both a program and a function, or neither", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inAgent("run: git status\nfunction: f"),
        ".squadron/agents/a.md:3: `function`: `run` is there, too. Keep one of `run` and `function`."
      )
      assert.strictEqual(
        yield* inAgent("description: x"),
        ".squadron/agents/a.md: neither `run` nor `function` is there. " +
          "Add one of them, for example `run: ./.squadron/agents/hello.sh`."
      )
      assert.strictEqual(
        yield* inAgent("function: f\nenv: [A]"),
        ".squadron/agents/a.md:3: `env`: only a program gets variables. Remove it, or use `run`."
      )
    })
  )

  it.effect("where a program cannot be run as it is written", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inAgent("run: ./missing.sh now"),
        ".squadron/agents/a.md:2: `run`: there is no program ./missing.sh. " +
          "Paths are relative to the project's folder, not to the agent's file."
      )
      assert.strictEqual(
        yield* refused({ "plain.sh": "echo", [agent]: "---\nrun: ./plain.sh\n---" }),
        ".squadron/agents/a.md:2: `run`: ./plain.sh is not executable. Run `chmod +x ./plain.sh`."
      )
      assert.strictEqual(
        yield* inAgent("run: git log | head"),
        ".squadron/agents/a.md:2: `run`: `|` needs a shell. No shell runs it: put it in quotes if it is meant as it " +
          'stands, or write `run: ["sh", "-c", "git log | head"]`.'
      )
      assert.strictEqual(
        yield* inAgent("run: git 'log"),
        ".squadron/agents/a.md:2: `run`: the quote ' has no end. Close it, or put a backslash before it."
      )
    })
  )

  it.effect("where an agent's name is reserved or no name", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* refused({ ".squadron/agents/help.md": good, ".squadron/agents/README.md": "Read me" }),
        [
          ".squadron/agents/README.md: `README` is no name for a role. " +
            "Rename the file: a letter, then letters, digits and hyphens, all lower case, 40 at most.",
          ".squadron/agents/README.md:1: this agent has no front matter. Add these three lines at its top:",
          "---",
          "run: ./.squadron/agents/README.sh",
          "---",
          ".squadron/agents/help.md: the name `help` is reserved for a command. Give the file another name."
        ].join("\n")
      )
    })
  )

  it.effect("where a secret that it names is not set, or is empty", () =>
    Effect.gen(function* () {
      const message =
        ".squadron/config.yaml:2: `github.secretEnv`: missing secret, the environment variable `MY_SECRET` is not set. " +
        "Set `MY_SECRET`, or remove this key."
      const files = { [config]: "github:\n  secretEnv: MY_SECRET", [agent]: good }
      assert.strictEqual(yield* refused(files), message)
      assert.strictEqual(yield* refused(files, { MY_SECRET: "" }), message)
      assert.strictEqual(
        yield* inConfig("server:\n  tokenEnv: MY_TOKEN"),
        ".squadron/config.yaml:2: `server.tokenEnv`: missing secret, the environment variable `MY_TOKEN` is not set. " +
          "Set `MY_TOKEN`, or remove this key."
      )
    })
  )

  it.effect("where a secret itself stands in the file, without repeating it", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inConfig("server:\n  tokenEnv: hunter2-is-my-token"),
        ".squadron/config.yaml:2: `server.tokenEnv`: expected the name of an environment variable, not its value. " +
          "For example: `tokenEnv: SQUADRON_TOKEN`."
      )
    })
  )

  it.effect("where the file has the other extension, since it would not be read", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* refused({ ".squadron/config.yml": "", [agent]: good }),
        ".squadron/config.yml: this file is not read. Rename it to config.yaml."
      )
    })
  )

  it.effect("with all problems of all files at once, in their order", () =>
    Effect.gen(function* () {
      const message = yield* refused({
        [config]: "concurrency: ten\nservr: {}\nname: '@x'",
        ".squadron/agents/b.md": "---\nfunction: f\ntool: [comment]\n---",
        [agent]: "---\npriority: high\nlifetime: task\n---"
      })
      assert.deepStrictEqual(
        message.split("\n").map((line) => line.split(": ").slice(0, 2).join(": ")),
        [
          ".squadron/config.yaml:1: `concurrency`",
          ".squadron/config.yaml:2: `servr`",
          ".squadron/config.yaml:3: `name`",
          ".squadron/agents/a.md:2: `priority`",
          ".squadron/agents/b.md:3: `tool`"
        ]
      )
    })
  )
})
