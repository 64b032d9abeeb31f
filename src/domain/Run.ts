import { Schema } from "effect"
import type { Agent } from "./Agent.ts"
import { Outcome } from "./Outcome.ts"
import { Usage } from "./Usage.ts"

/** One waking of an agent: a permit, a workspace and a harness session. `id` is `<agent>/<n>`. */
export const Run = Schema.Struct({
  id: Schema.String,
  agent: Schema.String,
  n: Schema.Int,
  openedAt: Schema.Int,
  /** Null while it is open. */
  closedAt: Schema.NullOr(Schema.Int),
  turns: Schema.Int,
  outcome: Schema.NullOr(Outcome),
  /** What the harness printed that was not part of the protocol, its newest 64 KiB. */
  transcript: Schema.String,
  /** Exit code of the harness's program, where it is one and has ended. */
  exit: Schema.NullOr(Schema.Int),
  stderr: Schema.String,
  /** What its turns used together; not there counts as unmeasured. */
  usage: Schema.optionalKey(Usage)
})
export type Run = typeof Run.Type

const runId = (agent: string, n: number): string => `${agent}/${n}`

/** The run that a running agent is in: its agent's row is its record until it ends. */
export const openRun = (agent: Agent): Run => ({
  id: runId(agent.id, agent.counters.runs),
  agent: agent.id,
  n: agent.counters.runs,
  openedAt: agent.since,
  closedAt: null,
  turns: 0,
  outcome: null,
  transcript: "",
  exit: null,
  stderr: ""
})
