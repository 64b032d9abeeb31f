import type { Agent } from "../domain/Agent.ts"
import { line } from "../app/terminalText.ts"
import { print } from "./render.ts"

/** Prints where an agent stands now. */
export const standing = (agent: Agent) =>
  print(agent, line(`${agent.id} is ${agent.status}${agent.note === "" ? "" : `: ${agent.note}`}`))
