import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { agent, config, good, inAgent, inConfig, refused } from "./projectFolder.ts"

describe("a file that is refused", () => {
  it.effect("without its folder", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* refused({}), ".squadron: this folder does not exist. Run `squadron init` to make it.")
    })
  )

  it.effect("without an agent", () =>
    Effect.gen(function* () {
      const message =
        ".squadron/agents: there is no agent. Add a file `<name>.md` to it, or run `squadron init` for a squad of six."
      assert.strictEqual(yield* refused({ [config]: "" }), message)
      assert.strictEqual(yield* refused({ ".squadron/agents/a.txt": "" }), message)
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
        ".squadron/agents/a.md: neither `run` nor `agent` nor `function` is there. " +
          "Add one of them, for example `run: ./.squadron/agents/hello.sh` or `agent: claude`."
      )
      assert.strictEqual(
        yield* inAgent("function: f\nenv: [A]"),
        ".squadron/agents/a.md:3: `env`: only a program gets variables. Remove it, or use `run` or `agent`."
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
