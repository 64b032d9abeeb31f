// Writes the JSON Schemas of the configuration files to docs/schema, for editors.
// Run by Node itself: node scripts/write-schemas.ts
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { jsonSchemas } from "../src/adapters/config/jsonSchema.ts"

for (const [path, text] of Object.entries(jsonSchemas)) {
  const target = join(import.meta.dirname, "..", path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
  console.log(`wrote ${path}`)
}
