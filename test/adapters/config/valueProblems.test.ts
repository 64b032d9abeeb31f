import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { inAgent, inConfig } from "./projectFolder.ts"

describe("a value that is refused", () => {
  it.effect("where a key is unknown, with the nearest valid one", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* inConfig("# a comment\nname: squadron\nconcurency: 3"),
        ".squadron/config.yaml:3: `concurency`: unknown key. Did you mean `concurrency`? " +
          "Valid keys: name, repository, concurrency, server, github, merge, source, sandbox, sandboxReadable, workspaces, people, inputs, policy, drainTimeout, stateDir."
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
          "Valid keys: name, repository, concurrency, server, github, merge, source, sandbox, sandboxReadable, workspaces, people, inputs, policy, drainTimeout, stateDir."
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

  it.effect("where a host cannot be read", () =>
    Effect.gen(function* () {
      const expected = (at: string, got: string, example: string) =>
        `${at}: expected a host as name, name:port, *.suffix or *.suffix:port, got ${got}. For example: \`- ${example}\`.`
      const inHooks = (host: string) => inConfig(`workspaces:\n  hookHosts:\n    - a.b\n    - ${host}`)
      for (const host of ["https://packages.example.com", "a.b:0", "a b", "packages.example.com/npm"]) {
        assert.strictEqual(
          yield* inHooks(host),
          expected(".squadron/config.yaml:4: `workspaces.hookHosts[1]`", JSON.stringify(host), "packages.example.com")
        )
      }
      assert.strictEqual(
        yield* inConfig("workspaces: { hookHosts: packages.example.com }"),
        '.squadron/config.yaml:1: `workspaces.hookHosts`: expected a list of hosts, got "packages.example.com". For example: `hookHosts: ["packages.example.com"]`.'
      )
      assert.strictEqual(
        yield* inAgent("agent: claude\nhosts: ['http://localhost:1234']"),
        expected(".squadron/agents/a.md:3: `hosts[0]`", '"http://localhost:1234"', "api.example.com")
      )
    })
  )

  it.effect("where a folder to check out leads out of the repository", () =>
    Effect.gen(function* () {
      for (const folder of ["../outside", "a/../../b", "..", ".", "/", "packages/*"]) {
        assert.strictEqual(
          yield* inConfig(`workspaces:\n  sparse:\n    - a\n    - ${JSON.stringify(folder)}`),
          ".squadron/config.yaml:4: `workspaces.sparse[1]`: expected a folder in the repository, without `..` and " +
            `wildcards, got ${JSON.stringify(folder)}. For example: \`- packages/app\`.`
        )
      }
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
          "Valid values: comment, add_labels, remove_labels, assign, open_issue, close_issue, reopen_issue, push, open_pull_request, update_pull_request, review, reply_review."
      )
      assert.strictEqual(
        yield* inAgent("function: f\nlifetime: forever"),
        '.squadron/agents/a.md:3: `lifetime`: unknown value "forever". Valid values: task, subject.'
      )
    })
  )

  const events =
    "Valid values: issue.opened, issue.reopened, issue.closed, issue.edited, issue.assigned, issue.labeled, " +
    "issue.unlabeled, comment.created, comment.edited, pull_request.opened, pull_request.edited, pull_request.conflicted, pull_request.closed, pull_request.synchronized, " +
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
        yield* inAgent(
          "function: f\non:\n  - { event: push, labels: [bug] }\n  - { event: review.submitted, labels: [bug] }"
        ),
        ".squadron/agents/a.md:4: `on[0].labels`: `push` has none, so the rule would never hold. " +
          "Remove it, or name an event of an issue or a pull request."
      )
      assert.strictEqual(
        yield* inAgent("function: f\non:\n  - { event: issue.opened, branch: main }"),
        ".squadron/agents/a.md:4: `on[0].branch`: `issue.opened` has none, so the rule would never hold. " +
          "Remove it, or name an event such as `push`."
      )
    })
  )
})
