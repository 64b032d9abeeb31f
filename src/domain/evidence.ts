import type { ActionDraft } from "./Action.ts"
import type { Agent } from "./Agent.ts"
import { canWrite, type Role } from "./Role.ts"

/** How a role's gate went in its workspace. */
export type Gate = {
  /** The commit that it ran on. */
  readonly commit: string
  readonly passed: boolean
  /** The end of what it printed. */
  readonly output: string
}

/** What there is to see of an agent's work; null where it could not be looked at or there is none. */
export type Evidence = {
  readonly work: {
    readonly head: string
    readonly commits: number
    readonly files: number
    readonly dirty: boolean
  } | null
  /** Null where the role has no gate. */
  readonly gate: Gate | null
  /** The open pull request of its branch. */
  readonly pullRequest: { readonly number: number; readonly head: string; readonly draft: boolean } | null
  /** For a reviewer on a pull request: its head, and whether a review of that commit by this role is there. */
  readonly reviewed: { readonly head: string; readonly done: boolean } | null
}

/** The newest part of what a gate printed, as an agent is told. */
const tail = (output: string): string => output.trimEnd().split("\n").slice(-50).join("\n")

/**
 * What a role's completed work lacks: commits, an open pull request with all of them, a gate that passed; for a reviewer
 * its review of the newest commit. A sentence each, to be read after "you reported completion, but". Pure.
 */
export const lacking = (role: Role, evidence: Evidence): ReadonlyArray<string> => {
  const missing: Array<string> = []
  const { gate, pullRequest, reviewed, work } = evidence
  if (reviewed !== null && !reviewed.done) {
    missing.push(`there is no review of yours of the commit ${reviewed.head}, which is the newest`)
  }
  if (role.workspace === null || !canWrite(role)) return missing
  if (work === null) return [...missing, "your workspace cannot be read"]
  if (work.dirty) missing.push("there are changes that are not committed: commit them or undo them")
  if (work.commits === 0) missing.push(`your branch has no commits`)
  else if (work.files === 0) missing.push("your commits change nothing together")
  if (gate !== null && !gate.passed) {
    missing.push(`\`${role.gate?.join(" ") ?? "the gate"}\` failed:\n\n${tail(gate.output)}\n\n`)
  }
  if (role.tools.includes("open_pull_request") && work.commits > 0) {
    if (pullRequest === null) missing.push("no pull request of your branch is open")
    else if (pullRequest.draft) missing.push("your pull request is a draft")
    else if (pullRequest.head !== work.head) {
      missing.push(`your pull request is at ${pullRequest.head} and your clone at ${work.head}: push`)
    }
  }
  return missing
}

/** The name of the check that says how a role's gate went. */
export const gateCheck = (role: Role): string => `gate/${role.name}`

/** What the forge is told of a gate, once for each commit and result. */
export const gateAction = (role: Role, agent: Agent, gate: Gate): ActionDraft => ({
  key: `${agent.id}/${gateCheck(role)}/${gate.commit}/${gate.passed ? "passed" : "failed"}`,
  subject: agent.subject,
  agent: null,
  depth: agent.depth + 1,
  action: {
    _tag: "set_check",
    name: gateCheck(role),
    commit: gate.commit,
    conclusion: gate.passed ? "success" : "failure",
    summary: gate.passed ? `\`${role.gate?.join(" ") ?? ""}\` succeeded` : tail(gate.output).slice(-4000)
  }
})
