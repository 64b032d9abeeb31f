import { type Agent, isLive } from "./Agent.ts"
import { agentOfBranch, branchKey } from "./branches.ts"
import { change } from "./changeAgent.ts"
import { closedBy } from "./closing.ts"
import type { Role } from "./Role.ts"
import * as Step from "./Step.ts"
import * as Subject from "./Subject.ts"

/** An open pull request of the agent's repository; a head of another repository is a fork's. */
export type OpenPull = {
  readonly number: number
  readonly body: string
  readonly head: { readonly ref: string; readonly repository: string }
}

/** Whether an agent may go on with an earlier one's pull request: it makes changes for an issue, and has none yet. Pure. */
export const mayAdopt = (agent: Agent, role: Role): boolean =>
  agent.subject.kind === "issue" &&
  agent.branch === null &&
  agent.pullRequest === null &&
  role.workspace !== null &&
  role.tools.includes("push") &&
  role.tools.includes("open_pull_request")

/** The pull requests whose branch is named as agents' are, and the agents that the names say. A fork's name says nothing. */
export const namedBy = (
  { subject: { repository } }: Agent,
  pulls: ReadonlyArray<OpenPull>
): ReadonlyArray<{ readonly agent: string; readonly key: string }> =>
  pulls.flatMap(({ head, number }) => {
    const agent = head.repository === repository ? agentOfBranch(head.ref) : null
    return agent === null ? [] : [{ agent, key: Subject.key(Subject.pullRequest(repository, number)) }]
  })

/**
 * The newest open pull request that an ended agent of the same role left on the same issue and that no living one has;
 * undefined for none. `known` are the agents that the store has of those that branches name, and of those that own the
 * pull requests. Pure.
 */
export const adoptable = <Pull extends OpenPull>(
  agent: Agent,
  pulls: ReadonlyArray<Pull>,
  known: ReadonlyArray<Agent>
): Pull | undefined => {
  const { repository } = agent.subject
  const isEarlier = (other: Agent) =>
    !isLive(other.status) && other.role === agent.role && Subject.key(other.subject) === Subject.key(agent.subject)
  const earlier = new Set(known.filter(isEarlier).map(({ id }) => id))
  const taken = new Set(
    known.flatMap((other) =>
      isLive(other.status) && other.subject.repository === repository ? (other.pullRequest ?? []) : []
    )
  )
  return pulls
    .filter(
      ({ head, number }) =>
        head.repository === repository && !taken.has(number) && earlier.has(agentOfBranch(head.ref) ?? "")
    )
    .toSorted((one, other) => other.number - one.number)[0]
}

/** The step by which a running agent goes on with a pull request, and the agent as it is then. Pure. */
export const adopt = (
  agent: Agent,
  { head, number }: OpenPull,
  now: number
): { readonly step: Step.Step; readonly agent: Agent } => {
  const { repository } = agent.subject
  const pull = Subject.key(Subject.pullRequest(repository, number))
  const next = change(agent, now, { branch: head.ref, pullRequest: number })
  return {
    agent: next,
    step: Step.make({
      agents: [{ agent: next, expected: agent.version }],
      owned: [
        { subject: pull, agent: agent.id },
        { subject: branchKey(repository, head.ref), agent: agent.id }
      ],
      journal: [
        {
          kind: "agent.changed",
          at: now,
          event: null,
          agent: agent.id,
          text: `goes on with ${pull}, which ${agentOfBranch(head.ref) ?? "an earlier agent"} left open, on the branch ${head.ref}`,
          verdicts: []
        }
      ]
    })
  }
}

/** The open pull requests that say that they close the agent's issue, oldest first, without its own. Pure. */
export const rivals = <Pull extends OpenPull>(agent: Agent, pulls: ReadonlyArray<Pull>): ReadonlyArray<Pull> =>
  pulls
    .filter(
      ({ body, number }) =>
        number !== agent.pullRequest && closedBy(body, agent.subject.repository).includes(agent.subject.number)
    )
    .toSorted((one, other) => one.number - other.number)

/** Pull requests that one sentence names at most. */
const named = 20

/** A pull request for an agent's issue, and whether whoever opened it may write to the repository. */
export type Rival = { readonly number: number; readonly author: string; readonly mayWrite: boolean }

const listed = (some: ReadonlyArray<Rival>): string => {
  const names = some
    .slice(0, named)
    .map(({ author, number }) => `#${number} by ${JSON.stringify(author.slice(0, 100))}`)
  const more = some.length > named ? [`${some.length - named} more`] : []
  return `${[...names, ...more].join(", ")} ${some.length === 1 ? "is" : "are"} open for this issue`
}

/**
 * What an agent is told of other pull requests for its issue: number, author, and nothing of their text; empty for none.
 * Those of people who may not write keep nobody from working. Pure.
 */
export const tellOfRivals = (all: ReadonlyArray<Rival>): string => {
  const binding = all.filter(({ mayWrite }) => mayWrite)
  const others = all.filter(({ mayWrite }) => !mayWrite)
  return [
    ...(binding.length === 0 ? [] : [`${listed(binding)}; do not open another pull request unless you are asked to.`]),
    ...(others.length === 0 ? [] : [`${listed(others)}, by people who may not write here; go on with your own work.`])
  ].join(" ")
}
