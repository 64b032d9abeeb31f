import { type Agent, noCounts } from "../../src/domain/Agent.ts"

/** An agent of which a test says no more than what it is about. */
export const someAgent = (
  options: Partial<Agent> & Pick<Agent, "id" | "role" | "status" | "subject" | "version">
): Agent => ({
  priority: 0,
  unread: 0,
  setAside: 0,
  timer: null,
  counters: noCounts,
  blockedOn: [],
  note: "",
  session: null,
  fingerprint: null,
  pullRequest: null,
  branch: null,
  vouchedAt: null,
  approved: [],
  depth: 0,
  createdAt: 0,
  since: 0,
  ...options
})
