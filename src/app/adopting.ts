import { Clock, Effect } from "effect"
import { adopt, adoptable, mayAdopt, namedBy, rivals, tellOfRivals } from "../domain/adoption.ts"
import type { Agent } from "../domain/Agent.ts"
import type { Role } from "../domain/Role.ts"
import * as Step from "../domain/Step.ts"
import * as Subject from "../domain/Subject.ts"
import { maySteer } from "../domain/Trust.ts"
import { authorTrust } from "../services/authorTrust.ts"
import { Forge, type PullRequest } from "../services/Forge.ts"
import { Squads } from "../services/Squads.ts"
import { Store } from "../services/Store.ts"
import { Workspaces } from "../services/Workspaces.ts"

/** Open pull requests that are looked through, the newest. */
const looked = 300

/** How long the forge may take to tell of them. */
const patience = "30 seconds"

/**
 * Before an agent's workspace is made: looks for a pull request that an earlier agent left open for the same issue, and
 * lets the agent go on with it, in one step. Answers the agent as it is then, and what it is told of other pull requests
 * for its issue. Where the forge cannot be asked, the agent works on a branch of its own.
 */
export const makeAdopting = Effect.gen(function* () {
  const store = yield* Store
  const forge = yield* Forge
  const squads = yield* Squads
  const workspaces = yield* Workspaces

  /** Whether it never worked: what it has done is on its own branch. */
  const isUntouched = Effect.fnUntraced(function* (agent: Agent) {
    if ((yield* workspaces.kept).includes(agent.id)) return false
    return agent.counters.runs <= 1 || (yield* store.runs(agent.id)).every(({ turns }) => turns === 0)
  })

  /** The open pull requests, and whose of them are for the agent's issue. */
  const ask = Effect.fnUntraced(function* (agent: Agent) {
    const { repository } = agent.subject
    const pulls = yield* forge.pullRequests({ repository, state: "open", limit: looked })
    const trust = authorTrust(forge, yield* squads.current, repository)
    const others = yield* Effect.forEach(rivals(agent, pulls), (pull) =>
      // whoever opens one of a branch of the repository itself may write to it
      Effect.map(
        pull.head.repository === repository ? Effect.succeed(true) : Effect.map(trust(pull), maySteer),
        (mayWrite) => ({ number: pull.number, author: pull.agent ?? pull.author, mayWrite })
      )
    )
    return { pulls, others }
  })

  /** The agent with the pull request that it goes on with, or as it is. */
  const take = Effect.fnUntraced(function* (agent: Agent, pulls: ReadonlyArray<PullRequest>) {
    const named = namedBy(agent, pulls)
    if (named.length === 0) return agent
    const owners = yield* store.owners(named.map(({ key }) => key))
    const ids = [...new Set([...named.map((one) => one.agent), ...owners])]
    if (adoptable(agent, pulls, yield* store.agentsById(ids)) === undefined) return agent
    const now = yield* Clock.currentTimeMillis
    return yield* store.decide([agent.id, ...ids], (current) => {
      const held = current.get(agent.id)
      const known = ids.flatMap((id) => current.get(id) ?? [])
      const pull = held?.status === "running" ? adoptable(held, pulls, known) : undefined
      if (held === undefined || pull === undefined) return { step: Step.empty, value: agent }
      const { agent: next, step } = adopt(held, pull, now)
      return { step, value: next }
    })
  })

  return Effect.fnUntraced(function* (agent: Agent, role: Role) {
    const asItIs = { agent, notice: "" }
    if (!mayAdopt(agent, role) || !(yield* isUntouched(agent))) return asItIs
    const alone = (why: string) =>
      Effect.logWarning(
        `It is not known whether an earlier agent left a pull request open for ${Subject.key(agent.subject)}, so ${agent.id} works on a branch of its own: ${why}`
      )
    const seen = yield* ask(agent).pipe(
      Effect.catch((error) => alone(error.message)),
      Effect.timeoutOrElse({ duration: patience, orElse: () => alone(`no answer within ${patience}`) })
    )
    if (seen === undefined) return asItIs
    const next = yield* Effect.catch(take(agent, seen.pulls), (error) => Effect.as(alone(error.message), agent))
    return { agent: next, notice: tellOfRivals(seen.others.filter(({ number }) => number !== next.pullRequest)) }
  })
})
