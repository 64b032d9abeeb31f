import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Path } from "effect"
import { loadConfig } from "../../../src/adapters/config/loadConfig.ts"
import { plan, write } from "../../../src/adapters/config/template.ts"
import { defaultPolicy } from "../../../src/domain/Role.ts"

const layer = Layer.merge(NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord({})))

const fresh = Effect.gen(function* () {
  const root = yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
  const written = yield* write(yield* plan(root))
  return { root, written }
})

describe("what a new project starts with", () => {
  it.effect("loads without a problem, its values being the defaults", () =>
    Effect.gen(function* () {
      const { root, written } = yield* fresh
      const { settings, squad } = yield* loadConfig(root)
      assert.deepStrictEqual(
        written.map((file) => file.slice(root.length)),
        [
          "/.squadron/config.yaml",
          ...["pm", "feat-dev", "bug-fix", "docs-dev", "reviewer", "security-reviewer"].map(
            (name) => `/.squadron/agents/${name}.md`
          )
        ]
      )
      assert.deepStrictEqual(
        squad.roles.map((role) => [role.name, role.harness._tag, role.workspace !== null, role.minTrust]),
        [
          ["bug-fix", "acp", true, "write"],
          ["docs-dev", "acp", true, "write"],
          ["feat-dev", "acp", true, "write"],
          ["pm", "acp", false, "none"],
          ["reviewer", "acp", true, "write"],
          ["security-reviewer", "acp", true, "write"]
        ]
      )
      assert.isNull(squad.landing, "people merge until the file says otherwise")
      assert.deepStrictEqual(squad.policy, defaultPolicy)
      assert.strictEqual(squad.mention, "squadron")
      assert.strictEqual(squad.concurrency, 10)
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
      assert.match(open, /^github:\n {2}tokenEnv: /m)
      yield* fs.writeFileString(file, open)
      const environment = ConfigProvider.fromEnvRecord({
        SQUADRON_TOKEN: "t",
        SQUADRON_GITHUB_TOKEN: "g",
        SQUADRON_GITHUB_WEBHOOK_SECRET: "s"
      })
      const { settings, squad } = yield* loadConfig(root).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, environment)
      )
      assert.deepStrictEqual(settings.github.botLogins, ["squadron[bot]"])
      assert.strictEqual(settings.repository, "acme/app")
      assert.deepStrictEqual(squad.landing?.approvals, ["reviewer", "security-reviewer"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("never overwrites what is there", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { root } = yield* fresh
      const pm = path.join(root, ".squadron/agents/pm.md")
      const reviewer = path.join(root, ".squadron/agents/reviewer.md")
      yield* fs.writeFileString(pm, "mine")
      yield* fs.remove(reviewer)
      const files = yield* plan(root)
      assert.deepStrictEqual(
        files.filter(({ exists }) => !exists).map((file) => file.path),
        [reviewer]
      )
      assert.deepStrictEqual(yield* write(files), [reviewer])
      assert.strictEqual(yield* fs.readFileString(pm), "mine")
    }).pipe(Effect.provide(layer))
  )
})
