import type { Agent } from "./Agent.ts"
import { change } from "./changeAgent.ts"
import { type Role, roleOf, type Squad } from "./Role.ts"
import { openRun, type Run } from "./Run.ts"
import * as Step from "./Step.ts"

/** A ready agent that got a permit, and the run that it is for. */
export type Claim = { readonly agent: Agent; readonly role: Role; readonly run: Run }

/** Gives permits to ready agents, as they are by then: the step, and who runs. Pure. */
export const claim = (
  agents: ReadonlyArray<{ readonly id: string }>,
  current: ReadonlyMap<string, Agent>,
  squad: Squad,
  now: number
) => {
  const claims: Array<Claim> = []
  const changes: Array<Step.Step["agents"][number]> = []
  for (const { id } of agents) {
    const agent = current.get(id)
    if (agent === undefined || agent.status !== "ready") continue
    const role = roleOf(squad, agent.role)
    const next =
      role === undefined
        ? change(agent, now, { status: "paused", note: `the role ${agent.role} is no longer declared` })
        : change(agent, now, { status: "running", counters: { ...agent.counters, runs: agent.counters.runs + 1 } })
    changes.push({ agent: next, expected: agent.version })
    if (role !== undefined) claims.push({ agent: next, role, run: openRun(next) })
  }
  return { step: Step.make({ agents: changes }), value: claims }
}
