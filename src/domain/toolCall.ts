import type { Tool } from "./Action.ts"
import type { Role } from "./Role.ts"
import type { SubjectKind } from "./Subject.ts"
import type * as Subject from "./Subject.ts"

type Needs = {
  /** What must be among the role's tools; null where every role has it. */
  readonly tool: Tool | null
  readonly workspace?: true
  /** On a pull request only. */
  readonly pullRequest?: true
}

/** All tools that agents have, and what each needs. */
const table = {
  read_subject: { tool: null },
  list_issues: { tool: null },
  read_issue: { tool: null },
  read_checks: { tool: null },
  report_done: { tool: null },
  report_no_work: { tool: null },
  report_blocked: { tool: null },
  ask_person: { tool: null },
  comment: { tool: "comment" },
  add_labels: { tool: "add_labels" },
  remove_labels: { tool: "remove_labels" },
  assign: { tool: "assign" },
  open_issue: { tool: "open_issue" },
  close_issue: { tool: "close_issue" },
  reopen_issue: { tool: "reopen_issue" },
  review: { tool: "review", pullRequest: true },
  reply_review: { tool: "reply_review" },
  save_work: { tool: null, workspace: true },
  push_work: { tool: "push", workspace: true },
  open_pull_request: { tool: "open_pull_request", workspace: true },
  update_pull_request: { tool: "update_pull_request", workspace: true }
} as const satisfies { readonly [name: string]: Needs }

export type ToolName = keyof typeof table

const needs: { readonly [Name in ToolName]: Needs } = table

export const toolNames = Object.keys(table) as ReadonlyArray<ToolName>

/** What Squadron does by itself and no agent may ask for, by the names that one may try. */
export const reserved: ReadonlyArray<string> = ["push", "merge", "set_check", "delete_branch"]

/** Where a call comes from. */
export type Caller = { readonly role: Role; readonly kind: SubjectKind; readonly workspace: boolean }

/** Whether a tool may be used: denied for ever by the role, or refused only where the agent is now. */
export type Judgement =
  | { readonly _tag: "Allowed" }
  | { readonly _tag: "Denied"; readonly why: string }
  | { readonly _tag: "Refused"; readonly why: string }

const fits = (name: ToolName, { kind, role, workspace }: Caller): boolean => {
  const { pullRequest, tool, workspace: wantsWorkspace } = needs[name]
  if (tool !== null && !role.tools.includes(tool)) return false
  return (wantsWorkspace !== true || workspace) && (pullRequest !== true || kind === "pull_request")
}

/** The tools that a run has. */
export const toolsOf = (caller: Caller): ReadonlyArray<ToolName> => toolNames.filter((name) => fits(name, caller))

const isTool = (name: string): name is ToolName => Object.hasOwn(table, name)

/** How coding agents write a tool of the MCP server `squadron`: what stands before its name, and what behind it. */
const writings: ReadonlyArray<readonly [before: string, behind: string]> = [
  ["mcp__squadron__", ""],
  ["mcp_squadron_", ""],
  ["squadron__", ""],
  ["squadron_", ""],
  ["squadron-", ""],
  ["squadron.", ""],
  ["squadron/", ""],
  ["Tool: squadron/", ""],
  ["", " (squadron MCP Server)"]
]

/**
 * Whether this is the name of a tool of Squadron's as coding agents write it, and nothing besides: a command or a path
 * that only contains one is none, and a bare name may be another server's. Pure and total.
 */
export const namesTool = (text: string): boolean =>
  writings.some(
    ([before, behind]) =>
      text.startsWith(before) && text.endsWith(behind) && isTool(text.slice(before.length, text.length - behind.length))
  )

/** Judges a call by its name alone. What no tool is called is denied as what no role may use. Pure and total. */
export const judgeCall = (name: string, caller: Caller): Judgement => {
  if (isTool(name) && fits(name, caller)) return { _tag: "Allowed" }
  if (isTool(name)) {
    const { tool } = needs[name]
    if (tool === null || caller.role.tools.includes(tool)) {
      const wants = needs[name].pullRequest === true ? "a pull request as its subject" : "a workspace"
      return { _tag: "Refused", why: `${name} needs ${wants}, which you do not have.` }
    }
  }
  return {
    _tag: "Denied",
    why: `The role ${caller.role.name} may not use ${name}. You may use: ${toolsOf(caller).join(", ")}.`
  }
}

/** An issue's or pull request's number in the agent's own repository, or why it cannot be meant. */
export type Reference = { readonly number: number } | { readonly why: string }

/** Reads `12`, `"12"`, `"#12"` or `"owner/name#12"`; only what is in `repository` is in reach. Pure and total. */
export const referenceIn = (repository: string, given: number | string): Reference => {
  const text = String(given).trim()
  const [, owner = "", digits] = /^(?:([\w.-]+\/[\w.-]+)?#)?(\d{1,15})$/.exec(text) ?? []
  if (digits === undefined || Number(digits) === 0) {
    return { why: `${JSON.stringify(text.slice(0, 100))} is no issue; give its number, such as 12` }
  }
  if (owner !== "" && owner.toLowerCase() !== repository.toLowerCase()) {
    return { why: `${owner}#${digits} is out of reach: you work in ${repository} only` }
  }
  return { number: Number(digits) }
}

/** Where the branch of an agent's work must be on the forge before a push, as far as can be known. */
export type BranchState = {
  /** What the agent pushed so far, newest first; also what is still on its way. */
  readonly pushed: ReadonlyArray<string>
  /** The newest pull request of the branch. */
  readonly pullRequest: {
    readonly number: number
    readonly head: string
    readonly state: "open" | "closed"
    readonly merged: boolean
  } | null
  /** Commits that the work has. */
  readonly has: ReadonlySet<string>
}

/**
 * The commit that a push replaces, null for a new branch, or why nothing may be pushed: nobody else's commits are
 * overwritten. A pull request that shows an older push of the agent's own lags behind. Pure.
 */
export const expectedBefore = ({
  has,
  pullRequest,
  pushed
}: BranchState): { readonly expected: string | null } | { readonly why: string } => {
  const last = pushed[0] ?? null
  if (pullRequest === null) return { expected: last }
  const { head, merged, number, state } = pullRequest
  if (merged) return { why: `your pull request #${number} is merged; nothing more can be pushed to its branch` }
  if (state === "closed" || pushed.includes(head)) return { expected: last ?? head }
  if (has.has(head)) return { expected: head }
  return {
    why: `pull request #${number} is at ${head}, which you did not push and your work does not have; somebody else pushed to your branch`
  }
}

/** What a person is asked before protected or unreadable files of an agent's work are pushed. */
export const protectedQuestion = (
  agent: Pick<Subject.Subject, "repository"> & { readonly id: string },
  files: { readonly protected: ReadonlyArray<string>; readonly binary: ReadonlyArray<string> }
): string => {
  const list = (paths: ReadonlyArray<string>) => {
    const shown = paths.slice(0, 50).map((path) => `- ${JSON.stringify(path)}`)
    return [...shown, ...(paths.length > 50 ? [`- and ${paths.length - 50} more`] : [])].join("\n")
  }
  const quoted = [...files.protected, ...files.binary]
    .slice(0, 50)
    .map((path) => (/^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`))
  return [
    `May I change these files in ${agent.repository}? The work is saved and not pushed.`,
    ...(files.protected.length === 0 ? [] : [`Protected:\n${list(files.protected)}`]),
    ...(files.binary.length === 0 ? [] : [`Not text, so that they cannot be looked through:\n${list(files.binary)}`]),
    `If so: squadron approve ${agent.id} ${quoted.join(" ")}`
  ].join("\n\n")
}
