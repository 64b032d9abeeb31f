import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer } from "effect"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { examples } from "../../../src/adapters/config/examples.ts"
import { loadConfig } from "../../../src/adapters/config/loadConfig.ts"
import { canWrite, type Role } from "../../../src/domain/Role.ts"
import { failing, testsOf } from "../scripted-agent/Sample.ts"

const root = fileURLToPath(new URL("../../../examples/first-squad", import.meta.url))
const layer = Layer.merge(NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord({})))
const textOf = (path: string): string => readFileSync(join(root, path), "utf8")
const agentFiles = Object.entries(examples).filter(([path]) => path.startsWith(".squadron/agents/"))
const withoutAgent = (text: string): string => text.replace(/^agent: .*$/m, "agent:")

/** What `squadron init` writes, in a folder of its own. */
const newProject = Effect.gen(function* () {
  const folder = yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
  for (const [path, text] of Object.entries(examples)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
})

const wakes = ({ on }: Role) => on.map(({ event, label }) => (label === undefined ? event : `${event} ${label}`))

describe("the first squad", () => {
  it("has the roles of a new project, word by word, but for who they are", () => {
    assert.deepStrictEqual(
      readdirSync(join(root, ".squadron/agents")).toSorted(),
      agentFiles.map(([path]) => path.slice(".squadron/agents/".length)).toSorted()
    )
    for (const [path, text] of agentFiles) {
      assert.match(text, /^agent: claude$/m)
      assert.strictEqual(withoutAgent(textOf(path)), withoutAgent(text), path)
    }
  })

  it.effect("is played by the scripted agent, each role by a part that there is", () =>
    Effect.gen(function* () {
      const program = resolve(root, "../scripted-agent/main.mjs")
      const { squad } = yield* loadConfig(root)
      assert.deepStrictEqual(
        squad.roles.map(({ harness, name }) => [name, harness._tag === "acp" ? harness.run : []]),
        [
          ["bug-fix", [program, "developer"]],
          ["docs-dev", [program, "developer"]],
          ["feat-dev", [program, "developer"]],
          ["pm", [program, "pm"]],
          ["reviewer", [program, "reviewer"]],
          ["security-reviewer", [program, "security-reviewer"]]
        ]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("loads without a problem, and so does a new project", () =>
    Effect.gen(function* () {
      const here = yield* loadConfig(root)
      const there = yield* loadConfig(yield* newProject)
      assert.deepStrictEqual(here.squad.landing?.approvals, ["reviewer", "security-reviewer"])
      assert.isNull(there.squad.landing)
      for (const { squad } of [here, there]) {
        const roles = new Map(squad.roles.map((role) => [role.name, role]))
        assert.deepStrictEqual(
          squad.roles.map((role) => [role.name, wakes(role)]),
          [
            ["bug-fix", ["issue.labeled bug"]],
            ["docs-dev", ["issue.labeled docs"]],
            ["feat-dev", ["issue.labeled feature"]],
            ["pm", ["issue.opened"]],
            ["reviewer", ["pull_request.opened", "pull_request.synchronized"]],
            ["security-reviewer", ["pull_request.opened", "pull_request.synchronized"]]
          ]
        )
        for (const role of squad.roles) {
          assert.strictEqual(role.harness._tag, "acp", role.name)
          assert.strictEqual(canWrite(role), role.name.endsWith("-dev") || role.name === "bug-fix", role.name)
          assert.strictEqual(role.workspace !== null, role.name !== "pm", role.name)
          assert.strictEqual(role.lifetime, canWrite(role) ? "subject" : "task", role.name)
        }
        assert.deepStrictEqual(roles.get("bug-fix")?.gate, ["npm", "test"])
        assert.deepStrictEqual(roles.get("reviewer")?.tools, ["review"])
        assert.deepStrictEqual(roles.get("pm")?.tools, ["comment", "add_labels"])
      }
    }).pipe(Effect.provide(layer))
  )
})

describe("the sample project", () => {
  it("fails in exactly one of its tests", { timeout: 60_000 }, () => {
    const { passed, report } = testsOf(join(root, "project"))
    assert.isFalse(passed)
    assert.deepStrictEqual(failing(report), [
      "half a cent of a credit note is rounded away from zero, like that of the invoice"
    ])
  })

  it("says in a document what its code contradicts", () => {
    assert.include(textOf("project/docs/format.md"), "at most three digits")
    assert.include(textOf("project/src/money.js"), "\\d{1,2}")
  })
})
