import { Schema } from "effect"
import { AgentFile } from "./AgentFile.ts"
import { ConfigFile } from "./ConfigFile.ts"

const documentOf = (schema: Schema.Constraint, more: { readonly [key: string]: unknown }): string => {
  const { definitions, schema: body } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  const document = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...body,
    ...more,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

/** The JSON Schemas of both kinds of files, by their place in the repository, as texts for editors. */
export const jsonSchemas: { readonly [path: string]: string } = {
  "docs/schema/config.schema.json": documentOf(ConfigFile, {}),
  "docs/schema/agent.schema.json": documentOf(AgentFile, {
    oneOf: [{ required: ["run"] }, { required: ["agent"] }, { required: ["function"] }]
  })
}
