import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Path } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { readLine } from "../../../src/adapters/harness/TurnProtocol.ts"
import { loadConfig } from "../../../src/adapters/config/loadConfig.ts"
import { plan, write } from "../../../src/adapters/config/template.ts"
import { defaultLimits, defaultPolicy } from "../../../src/domain/Role.ts"

const layer = Layer.merge(NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord({})))

const fresh = Effect.gen(function* () {
  const root = yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
  const written = yield* write(yield* plan(root))
  return { root, written }
})

/** Runs a role's program on an issue, and reads its lines. */
const turn = Effect.fnUntraced(function* (run: ReadonlyArray<string>, messages: ReadonlyArray<object>) {
  const [program = "", ...args] = run
  const input = JSON.stringify({ messages })
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const command = ChildProcess.make("sh", ["-c", 'printf %s "$INPUT" | "$0" "$@"', program, ...args], {
    env: { INPUT: input, SQUADRON_ROLE: "hello", SQUADRON_SUBJECT: "acme/app#1" },
    extendEnv: true,
    forceKillAfter: "1 second"
  })
  const lines = yield* spawner.lines(command)
  return lines.map((line) => readLine(line, "acme/app"))
})

const opened = (title: string) => [
  { kind: "event", text: "", event: { type: "issue.opened", issue: { title, body: "" } } }
]

describe("what a new project starts with", () => {
  it.effect("loads without a problem, its values being the defaults", () =>
    Effect.gen(function* () {
      const { root, written } = yield* fresh
      const { settings, squad } = yield* loadConfig(root)
      assert.deepStrictEqual(
        written.map((file) => file.slice(root.length)),
        [
          "/.squadron/config.yaml",
          "/.squadron/agents/hello.md",
          "/.squadron/agents/hello.sh",
          "/.squadron/agents/triage.md",
          "/.squadron/agents/triage.mjs"
        ]
      )
      assert.deepStrictEqual(
        squad.roles.map(({ harness, name, tools }) => [name, harness._tag, tools]),
        [
          ["hello", "command", ["comment"]],
          ["triage", "command", ["add_labels"]]
        ]
      )
      assert.deepStrictEqual(squad.policy, defaultPolicy)
      assert.strictEqual(squad.mention, "squadron")
      assert.strictEqual(squad.concurrency, 10)
      assert.deepStrictEqual(squad.roles[0]?.limits, defaultLimits)
      assert.strictEqual(settings.drainTimeout, 30_000)
      assert.strictEqual(settings.stateDir, `${root}/.squadron-state`)
    }).pipe(Effect.provide(layer))
  )

  it.effect("loads as well with every comment of the config file taken off", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { root } = yield* fresh
      const file = `${root}/.squadron/config.yaml`
      const text = yield* fs.readFileString(file)
      const open = text.replaceAll(/^# (?=(?: {2})?\w+:)/gm, "")
      assert.match(open, /^github:\n {2}secretEnv: /m)
      yield* fs.writeFileString(file, open)
      const environment = ConfigProvider.fromEnvRecord({ SQUADRON_TOKEN: "t", SQUADRON_GITHUB_WEBHOOK_SECRET: "s" })
      const { settings } = yield* loadConfig(root).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, environment)
      )
      assert.deepStrictEqual(settings.github.botLogins, ["squadron[bot]"])
      assert.strictEqual(settings.repository, "acme/app")
    }).pipe(Effect.provide(layer))
  )

  it.effect("never overwrites what is there", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { root } = yield* fresh
      const hello = path.join(root, ".squadron/agents/hello.md")
      const triage = path.join(root, ".squadron/agents/triage.md")
      yield* fs.writeFileString(hello, "mine")
      yield* fs.remove(triage)
      const files = yield* plan(root)
      assert.deepStrictEqual(
        files.filter(({ exists }) => !exists).map((file) => file.path),
        [triage]
      )
      assert.deepStrictEqual(yield* write(files), [triage])
      assert.strictEqual(yield* fs.readFileString(hello), "mine")
    }).pipe(Effect.provide(layer))
  )

  it.effect("greets, in the words of the command contract", () =>
    Effect.gen(function* () {
      const { squad } = yield* loadConfig((yield* fresh).root)
      const harness = squad.roles[0]?.harness
      assert.deepStrictEqual(yield* turn(harness?._tag === "command" ? harness.run : [], opened("A title")), [
        { _tag: "Actions", actions: [{ action: { _tag: "comment", body: "Hello from hello on acme/app#1." } }] },
        { _tag: "Outcome", outcome: { _tag: "Completed", evidence: { summary: "Said hello" } } }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("sorts issues by what they say", () =>
    Effect.gen(function* () {
      const { squad } = yield* loadConfig((yield* fresh).root)
      const harness = squad.roles[1]?.harness
      const run = harness?._tag === "command" ? harness.run : []
      for (const [title, label] of [
        ["It crashes", "bug"],
        ["How to start?", "question"],
        ["Add a lamp", "feature"]
      ] as const) {
        assert.deepStrictEqual(yield* turn(run, opened(title)), [
          { _tag: "Actions", actions: [{ action: { _tag: "add_labels", labels: [label] } }] },
          { _tag: "Outcome", outcome: { _tag: "Completed", evidence: { summary: `Labelled as ${label}` } } }
        ])
      }
      assert.deepStrictEqual(yield* turn(run, []), [
        { _tag: "Outcome", outcome: { _tag: "NoWorkNeeded", reason: "There is no issue to sort" } }
      ])
    }).pipe(Effect.provide(layer))
  )
})
