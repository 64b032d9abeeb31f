import type { Agent } from "./Agent.ts"
import { agentOfBranch, branchKey } from "./branches.ts"
import type { Event } from "./Event.ts"

/** The branch of the event's own repository that it is about, where it may be an agent's. */
const branchesOf = (event: Event): ReadonlyArray<string> => {
  const { detail, subject } = event
  if (detail._tag === "push") return [detail.ref.replace(/^refs\/heads\//, "")]
  if (detail._tag === "status.changed") return detail.branches
  if (!("pullRequest" in detail)) return []
  const { head } = detail.pullRequest
  // a fork may name its branches as it likes
  return head.repository === undefined || head.repository === subject.repository ? [head.ref] : []
}

/** Agents, by id, whose branch the event is about. */
export const agentsOfBranches = (event: Event): ReadonlyArray<string> =>
  branchesOf(event).flatMap((branch) => agentOfBranch(branch) ?? [])

/** Keys under which agents that go on with an earlier one's branch own what the event is about. */
export const branchKeysOf = (event: Event): ReadonlyArray<string> =>
  branchesOf(event).flatMap((branch) =>
    agentOfBranch(branch) === null ? [] : [branchKey(event.subject.repository, branch)]
  )

/** The agent of the roster whose pull request or branch the event is about. Pure. */
export const ownerOf = (event: Event, roster: ReadonlyArray<Agent>): Agent | undefined => {
  const branches = branchesOf(event)
  const named = agentsOfBranches(event)
  const { number, repository } = event.subject
  return roster.find(
    (agent) =>
      agent.subject.repository === repository &&
      ((agent.branch === null ? named.includes(agent.id) : branches.includes(agent.branch)) ||
        (number > 0 && agent.pullRequest === number && agent.subject.number !== number))
  )
}

/** Checks that Squadron sets itself; their news reaches the agent another way. */
const isOwnCheck = (name: string): boolean => name.startsWith("squadron/") || name.startsWith("gate/")

/** What the owner of a pull request or branch should know of the event, in a line; null for nothing. Pure and total. */
export const newsForOwner = (event: Event, owner: Agent): string | null => {
  const { actor, detail } = event
  if (event.causedBy === owner.id) return null
  switch (detail._tag) {
    case "review.submitted": {
      const state = detail.review.state.toLowerCase()
      if (state === "changes_requested") return `${actor.login} requests changes to your pull request.`
      return state === "approved" || actor.kind !== "person" ? null : `${actor.login} reviewed your pull request.`
    }
    case "review_comment.created":
    case "comment.created":
      return actor.kind === "person" ? `${actor.login} commented on your pull request.` : null
    case "pull_request.conflicted":
      return `Your pull request conflicts with ${detail.pullRequest.base.ref}, which is at ${detail.pullRequest.base.sha} now. Your clone has that commit: merge it, resolve the conflicts, test, and push.`
    case "push":
      return detail.deleted
        ? `${actor.login} deleted your branch. Push again if the work shall go on.`
        : `${actor.login} moved your branch to ${detail.after}. Your clone has that commit: look at it, and build on it.`
    case "check_run.completed":
    case "check_suite.completed":
      return detail.conclusion === "failure" && !isOwnCheck(detail.name)
        ? `The check ${detail.name} failed on ${detail.sha}.`
        : null
    case "status.changed":
      return (detail.state === "failure" || detail.state === "error") && !isOwnCheck(detail.context)
        ? `The check ${detail.context} failed on ${detail.sha}.`
        : null
    default:
      return null
  }
}
