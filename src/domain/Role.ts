import { Schema } from "effect"
import { BranchName, MergeMethod, printedTools, Tool, writingTools } from "./Action.ts"
import { type Detail, type EventType, eventTypes } from "./Event.ts"
import { Trust } from "./Trust.ts"

const Names = Schema.Array(Schema.NonEmptyString)
const Count = Schema.Int.check(Schema.isGreaterThan(0))
/** Milliseconds. */
const Millis = Schema.Int.check(Schema.isGreaterThan(0))

/** When a role takes an event: all that it names must hold. */
export const Rule = Schema.Struct({
  event: Schema.Literals(eventTypes as [EventType, ...Array<EventType>]),
  /** For `custom` events: the event's name. */
  name: Schema.optionalKey(Schema.NonEmptyString),
  /** All of these labels are on the subject. */
  labels: Schema.optionalKey(Names),
  /** None of these labels is on the subject. */
  unlessLabels: Schema.optionalKey(Names),
  /** For `*.labeled` and `*.unlabeled`: the label that changed. */
  label: Schema.optionalKey(Schema.NonEmptyString),
  /** For pushes and pull requests: the branch, `*` standing for any text. */
  branch: Schema.optionalKey(Schema.NonEmptyString),
  repositories: Schema.optionalKey(Names),
  /** Whose doing; `anyone` unless told. */
  from: Schema.optionalKey(Schema.Literals(["person", "bot", "agent", "anyone"]))
})
export type Rule = typeof Rule.Type

/** How a role's mind is driven. */
export const HarnessSpec = Schema.TaggedUnion({
  /** A program and its arguments; the contract is in docs/command-harness.md. */
  command: {
    run: Schema.NonEmptyArray(Schema.NonEmptyString),
    /** Environment variables that it gets besides the fixed few, by name. */
    env: Names,
    /** Working directory, absolute. */
    cwd: Schema.String
  },
  /** A coding agent that speaks the Agent Client Protocol on its standard input and output. */
  acp: {
    run: Schema.NonEmptyArray(Schema.NonEmptyString),
    /** Environment variables that it gets besides the fixed few, by name: its secrets. */
    env: Names,
    /** Environment variables that it gets where the daemon has them. */
    optionalEnv: Names,
    /** Environment variables with values that are no secret. */
    settings: Schema.Record(Schema.String, Schema.String),
    /** Working directory of a role without a workspace, absolute. */
    cwd: Schema.String,
    /** The session mode to set, where the agent offers it; null leaves the agent's own. */
    mode: Schema.NullOr(Schema.NonEmptyString),
    /** How its requests for permission are answered. */
    permissions: Schema.Literals(["allow", "deny", "ask"]),
    /** Hosts that it may reach from a sandbox, such as its model's. */
    hosts: Names
  },
  /** An Effect function that the program registered under this name. */
  function: { name: Schema.NonEmptyString }
})
export type HarnessSpec = typeof HarnessSpec.Type

export const Limits = Schema.Struct({
  /** Agents of this role that may run at once. */
  concurrency: Count,
  /** Turns in one run. */
  maxTurns: Count,
  /** A turn's longest time. */
  wallClock: Millis,
  /** A turn's longest silence. */
  stall: Millis,
  /** Bytes of output kept from one turn; a turn that prints more is ended. */
  output: Count
})
export type Limits = typeof Limits.Type

/** What a role that names no limits gets: 4 at once, 20 turns, 30 min per turn, 5 min of silence, 4 MiB. */
export const defaultLimits: Limits = {
  concurrency: 4,
  maxTurns: 20,
  wallClock: 30 * 60_000,
  stall: 5 * 60_000,
  output: 4 * 1024 * 1024
}

/** A git workspace, as a role asks for it. */
const WorkspaceSpec = Schema.Struct({
  /** The branch that work starts from; null for the repository's default branch. */
  base: Schema.NullOr(BranchName)
})

/** Role names that commands need for themselves. */
export const reservedRoles: ReadonlyArray<string> = ["help", "status"]

const RoleName = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9-]{0,39}$/))

/** A kind of agent, as its file declares it. */
export const Role = Schema.Struct({
  name: RoleName,
  description: Schema.String,
  harness: HarnessSpec,
  on: Schema.Array(Rule),
  /** Higher runs first. */
  priority: Schema.Int,
  /** `task`: the agent's life ends when its work is done. `subject`: it sleeps until its subject's next message. */
  lifetime: Schema.Literals(["task", "subject"]),
  limits: Limits,
  /** What it may do in the forge, by action name; everything else is refused. */
  tools: Schema.Array(Tool),
  /** A workspace of its own for each agent; null for none. */
  workspace: Schema.NullOr(WorkspaceSpec),
  /** A command that must succeed in the workspace before its work counts as completed; null for none. */
  gate: Schema.NullOr(Schema.NonEmptyArray(Schema.NonEmptyString)),
  /** What whoever wakes it must be allowed to do in the repository. */
  minTrust: Trust,
  /** What its prompt's own placeholders stand for. */
  inputs: Schema.Record(Schema.String, Schema.String),
  /** The prompt: the body of its file. */
  prompt: Schema.String
})
export type Role = typeof Role.Type

/** How outcomes are answered; durations in milliseconds. The defaults are those of the table in docs/failure.md. */
export const Policy = Schema.Struct({
  retries: Schema.Int,
  retryBase: Millis,
  retryMax: Millis,
  continueAfter: Millis,
  /** How long an agent may be blocked, or wait for an answer, before a person is called. */
  patience: Millis,
  turnCaps: Schema.Int,
  unproven: Schema.Int,
  denials: Schema.Int,
  standstill: Schema.Int,
  /** How many agents may stand in a row between what a person did and an event that still wakes one. */
  maxDepth: Schema.Int
})
export type Policy = typeof Policy.Type

export const defaultPolicy: Policy = {
  retries: 3,
  retryBase: 10_000,
  retryMax: 300_000,
  continueAfter: 1_000,
  patience: 7 * 86_400_000,
  turnCaps: 10,
  unproven: 3,
  denials: 3,
  standstill: 3,
  maxDepth: 8
}

/** When Squadron merges agents' pull requests by itself. */
export const Landing = Schema.Struct({
  method: MergeMethod,
  /** Roles whose approval of the newest commit is wanted. */
  approvals: Names,
  /** Checks that must have succeeded on the newest commit. */
  checks: Names,
  /** People with write access who must approve. */
  people: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
})
export type Landing = typeof Landing.Type

/** All that decisions depend on besides state: the roles and their policies. */
export const Squad = Schema.Struct({
  roles: Schema.Array(Role),
  policy: Policy,
  /** The name that people address in comments, without the `@`. */
  mention: Schema.NonEmptyString,
  /** Agents that may run at once, of all roles together. */
  concurrency: Count,
  /** Null where people merge. */
  landing: Schema.NullOr(Landing)
})
export type Squad = typeof Squad.Type

export const roleOf = (squad: Squad, name: string): Role | undefined => squad.roles.find((role) => role.name === name)

/** Whether a role can change what others run or read, so that only words of people with write access may steer it. */
export const canWrite = (role: Role): boolean => role.tools.some((tool) => writingTools.includes(tool))

/** What a turn of this role may ask for in its result. Coding agents ask over MCP instead. */
export const resultTools = (role: Role): ReadonlyArray<Tool> =>
  role.harness._tag === "function" ? role.tools : role.tools.filter((tool) => printedTools.includes(tool))

/** A role with the usual defaults; what library users and tests start from. */
export const makeRole = (role: Pick<Role, "name" | "harness"> & Partial<Role>): Role => ({
  description: "",
  on: [],
  priority: 0,
  lifetime: "task",
  limits: defaultLimits,
  tools: ["comment", "add_labels", "remove_labels", "assign", "open_issue", "close_issue", "reopen_issue"],
  workspace: null,
  gate: null,
  minTrust: "none",
  inputs: {},
  prompt: "",
  ...role
})

/** A squad with the usual defaults. */
export const makeSquad = (squad: Pick<Squad, "roles"> & Partial<Squad>): Squad => ({
  policy: defaultPolicy,
  mention: "squadron",
  concurrency: 10,
  landing: null,
  ...squad
})

/** Events that no rule may name, since Squadron itself answers them. */
export const isInternal = (type: Detail["_tag"]): boolean =>
  type.startsWith("agent.") || type === "timer.fired" || type === "other"
