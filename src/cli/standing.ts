import type { QueuedAction } from "../domain/Action.ts"
import type { Agent } from "../domain/Agent.ts"
import { line } from "../app/terminalText.ts"
import { print } from "./render.ts"

/** What a person may do about those of them that failed; nothing where none did. */
export const howToRetry = (actions: ReadonlyArray<QueuedAction>): ReadonlyArray<string> => {
  const failed = actions.filter(({ status }) => status === "failed").map(({ id }) => id)
  if (failed.length === 0) return []
  const named = failed.slice(0, 3).toSorted((a, b) => a - b)
  return [`Mend what the error says, then: squadron actions retry ${named.join(" ")}${failed.length > 3 ? " …" : ""}`]
}

/** Prints where an agent stands now. */
export const standing = (agent: Agent) =>
  print(agent, line(`${agent.id} is ${agent.status}${agent.note === "" ? "" : `: ${agent.note}`}`))
