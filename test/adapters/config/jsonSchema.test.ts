import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { AgentFile } from "../../../src/adapters/config/AgentFile.ts"
import { ConfigFile } from "../../../src/adapters/config/ConfigFile.ts"
import { jsonSchemas } from "../../../src/adapters/config/jsonSchema.ts"

const read = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    return yield* fs.readFileString(paths.join(import.meta.dirname, "../../..", path))
  }).pipe(Effect.provide(NodeServices.layer))

const keysOf = (value: unknown): ReadonlyArray<string> =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, inner]) =>
        key === "properties" ? Object.keys(inner).concat(keysOf(inner)) : keysOf(inner)
      )

describe("the JSON Schemas", () => {
  it.effect("are what the repository holds; scripts/write-schemas.ts writes them", () =>
    Effect.gen(function* () {
      assert.strictEqual(Object.keys(jsonSchemas).length, 2)
      for (const [path, text] of Object.entries(jsonSchemas)) assert.strictEqual(yield* read(path), text, path)
    })
  )

  it("have each key of the files, closed against others, with a description", () => {
    for (const [path, { fields }] of [
      ["docs/schema/config.schema.json", ConfigFile],
      ["docs/schema/agent.schema.json", AgentFile]
    ] as const) {
      const schema: { readonly properties?: object; readonly additionalProperties?: boolean } = JSON.parse(
        jsonSchemas[path] ?? "{}"
      )
      assert.deepStrictEqual(Object.keys(schema.properties ?? {}), Object.keys(fields))
      assert.strictEqual(schema.additionalProperties, false)
      for (const [key, property] of Object.entries(schema.properties ?? {})) {
        assert.property(property, "description", `${path} ${key}`)
      }
    }
  })

  it.effect("have no key that docs/configuration.md leaves out", () =>
    Effect.gen(function* () {
      const page = yield* read("docs/configuration.md")
      const keys = Object.values(jsonSchemas).flatMap((text) => keysOf(JSON.parse(text)))
      assert.isAbove(keys.length, 40)
      assert.deepStrictEqual(
        keys.filter((key) => !page.includes(`\`${key}\``)),
        []
      )
    })
  )
})
