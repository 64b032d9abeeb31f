import { ConfigInvalid } from "../../domain/Errors.ts"
import { builtIns, isInputName, placeholdersOf } from "../../domain/template.ts"
import type { AgentFile } from "./AgentFile.ts"
import type { Fault } from "./decodeSource.ts"
import type { YamlPath } from "./YamlSource.ts"

/** Values of inputs as config.yaml gives them; null where that file could not be read. */
export type InputValues = Readonly<Record<string, string | number | boolean>> | null

const kinds = { text: "string", number: "number", flag: "boolean" } as const

/** The role's inputs with their values, and what is wrong with them. */
export const inputsOf = (agent: AgentFile, values: InputValues) => {
  const faults: Array<readonly [path: YamlPath, fault: Fault]> = []
  const inputs: Record<string, string> = {}
  for (const [name, input] of Object.entries(agent.inputs ?? {})) {
    const path = ["inputs", name]
    const value = values?.[name] ?? input.default
    const wanted = kinds[input.type ?? "text"]
    if (!isInputName(name) || builtIns.includes(name)) {
      const problem = builtIns.includes(name) ? "Squadron itself gives this name a value" : "this can be no name"
      faults.push([path, { problem, remedy: "Choose another: letters, digits and _, a letter first." }])
    } else if (value === undefined) {
      if (values === null) continue
      const remedy = `Give it a \`default\`, or a value under \`inputs\` in config.yaml: \`${name}: …\`.`
      faults.push([path, { problem: "this input has no value", remedy }])
    } else if (typeof value !== wanted) {
      const problem = `expected a ${input.type ?? "text"}, got ${JSON.stringify(value)}`
      faults.push([path, { problem, remedy: "Correct its value, or its `type`." }])
    } else inputs[name] = String(value)
  }
  return { inputs, faults }
}

/** Placeholders that nothing fills; line numbers are those of the file. */
export const templateFaults = (
  file: string,
  prompt: { readonly text: string; readonly line: number },
  declared: ReadonlyArray<string>
): ReadonlyArray<ConfigInvalid> => {
  const known = new Set([...builtIns, ...declared])
  return placeholdersOf(prompt.text)
    .filter(({ name }) => !known.has(name))
    .map(
      ({ line, name }) =>
        new ConfigInvalid({
          file,
          line: prompt.line + line - 1,
          field: `{{ ${name} }}`,
          problem: "nothing fills this placeholder",
          remedy: `Declare it under \`inputs\`, or use one of ${builtIns.join(", ")}.`
        })
    )
}
