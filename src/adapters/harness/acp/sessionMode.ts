import * as acp from "@agentclientprotocol/sdk"
import { Effect } from "effect"
import { brief, isObject, type Json, listOf, objectOf, textOf } from "./json.ts"

/** All values of an option that is chosen from a list, in groups or not. */
const valuesOf = (options: unknown): ReadonlyArray<string> =>
  listOf(options).flatMap((option) => {
    const { options: inner, value } = objectOf(option)
    return typeof value === "string" ? [value] : Array.isArray(inner) ? valuesOf(inner.slice(0, 100)) : []
  })

/**
 * Sets a session's mode: as a mode where the agent offers it so, else as the value of its configuration option for the
 * mode. `opened` is the answer that opened the session. Returns what is wrong, or null.
 */
export const setMode = Effect.fnUntraced(function* <E>(
  ask: (method: string, params: unknown) => Effect.Effect<unknown, E>,
  sessionId: string,
  opened: Json,
  mode: string
) {
  const { availableModes, currentModeId } = objectOf(opened["modes"])
  const modes = listOf(availableModes)
    .map((entry) => textOf(objectOf(entry)["id"]))
    .filter((id) => id !== "")
  if (modes.includes(mode)) {
    if (currentModeId !== mode) yield* ask(acp.methods.agent.session.setMode, { sessionId, modeId: mode })
    return null
  }
  const option = listOf(opened["configOptions"])
    .filter(isObject)
    .find((candidate) => candidate["category"] === "mode" || candidate["id"] === "mode")
  const values = valuesOf(option?.["options"])
  if (option !== undefined && values.includes(mode)) {
    if (option["currentValue"] !== mode) {
      yield* ask(acp.methods.agent.session.setConfigOption, { sessionId, configId: option["id"], value: mode })
    }
    return null
  }
  const known = [...new Set([...modes, ...values])]
  return known.length === 0
    ? `the agent has no modes, so that \`${mode}\` cannot be set. Remove the role's \`mode\`.`
    : `the agent has no mode \`${mode}\`; it has ${brief(known.map((name) => `\`${name}\``).join(", "), 500)}. Correct the role's \`mode\`.`
})
