import type { Agent } from "./Agent.ts"
import type { Event, EventDraft, IssueSnapshot, PullRequestSnapshot } from "./Event.ts"
import * as Subject from "./Subject.ts"

/** An issue or pull request as the forge has it, read whole. */
export type Seen = {
  readonly number: number
  /** Milliseconds since 1970. */
  readonly updatedAt: number
} & (
  | { readonly kind: "issue"; readonly snapshot: IssueSnapshot }
  | { readonly kind: "pull_request"; readonly snapshot: PullRequestSnapshot }
)

/** Numbers, by repository, that agents at work take for open: their subjects, their pull requests, what blocks them. Pure. */
export const watched = (agents: ReadonlyArray<Agent>): ReadonlyMap<string, ReadonlySet<number>> => {
  const found = new Map<string, Set<number>>()
  const add = (repository: string, number: number) => {
    const numbers = found.get(repository) ?? new Set()
    found.set(repository, numbers.add(number))
  }
  for (const { blockedOn, pullRequest, subject } of agents) {
    if (subject.number > 0) add(subject.repository, subject.number)
    if (pullRequest !== null) add(subject.repository, pullRequest)
    for (const key of blockedOn) {
      const [, repository, number] = /^(.+)#(\d+)$/.exec(key) ?? []
      if (repository !== undefined && number !== undefined) add(repository, Number(number))
    }
  }
  return found
}

/** Whether the store knows that it is closed: by the newest event about it that says. Newest first. Pure. */
export const isKnownClosed = (events: ReadonlyArray<Pick<Event, "detail">>): boolean => {
  for (const { detail } of events) {
    if ("issue" in detail) return detail.issue.state === "closed"
    if ("pullRequest" in detail) return detail.pullRequest.state === "closed"
  }
  return false
}

/**
 * What the store has missed: the closing of what it takes for open. Only what was seen closed is evidence; what was not
 * read, or not whole, says nothing. The same closing has the same key, however often it is seen. Pure.
 */
export const decideMissed = (
  repository: string,
  takenForOpen: ReadonlySet<number>,
  seen: ReadonlyArray<Seen>,
  now: number
): ReadonlyArray<EventDraft> =>
  seen.flatMap((one): ReadonlyArray<EventDraft> => {
    if (!takenForOpen.has(one.number) || one.snapshot.state !== "closed") return []
    const subject =
      one.kind === "issue" ? Subject.issue(repository, one.number) : Subject.pullRequest(repository, one.number)
    return [
      {
        key: `reconcile/${Subject.key(subject)}/closed/${one.updatedAt}`,
        source: "github",
        at: now,
        // who did it is not known, so it is nobody's word
        actor: { login: "github", kind: "bot" },
        subject,
        causedBy: null,
        depth: 0,
        detail:
          one.kind === "issue"
            ? { _tag: "issue.closed", issue: one.snapshot }
            : { _tag: "pull_request.closed", pullRequest: one.snapshot }
      }
    ]
  })
