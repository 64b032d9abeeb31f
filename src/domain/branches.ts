import type { Agent } from "./Agent.ts"

/** The branch that an agent is born with. */
export const branchOfAgent = (agent: string): string => `squadron/${agent}`

/** The branch of an agent's work; its pull requests come from there, and from there alone. */
export const branchOf = (agent: Pick<Agent, "id" | "branch">): string => agent.branch ?? branchOfAgent(agent.id)

/** The agent that was born with a branch, or null. */
export const agentOfBranch = (branch: string): string | null =>
  branch.startsWith("squadron/") && branch.length > "squadron/".length ? branch.slice("squadron/".length) : null

/** A branch's name among what agents own; no subject's key has a colon. */
export const branchKey = (repository: string, branch: string): string => `${repository}:${branch}`
