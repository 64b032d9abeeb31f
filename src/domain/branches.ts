/** The branch of an agent's work; its pull requests come from there, and from there alone. */
export const branchOfAgent = (agent: string): string => `squadron/${agent}`

/** The agent whose work a branch holds, or null. */
export const agentOfBranch = (branch: string): string | null =>
  branch.startsWith("squadron/") && branch.length > "squadron/".length ? branch.slice("squadron/".length) : null
