import type { Agent } from "./Agent.ts"
import type { Actor, Event, EventDraft, IssueSnapshot, PullRequestSnapshot } from "./Event.ts"
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

/** A line of an issue's history, as the forge has it. */
export type Change = {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly by: Actor
  readonly what: { readonly _tag: "assigned"; readonly assignee: string } | { readonly _tag: "reopened" }
}

/** When the newest of the agents on each subject was born, by subject key; in milliseconds since 1970. Pure. */
export const births = (agents: ReadonlyArray<Agent>): ReadonlyMap<string, number> => {
  const newest = new Map<string, number>()
  for (const { createdAt, subject } of agents) {
    const key = Subject.key(subject)
    newest.set(key, Math.max(createdAt, newest.get(key) ?? 0))
  }
  return newest
}

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

/** How far the forge's clock may be from ours; in milliseconds. */
const skew = 60_000

/** Whether the store knows that this one was given the issue then, or later. Pure. */
const isKnownAssigned = (events: ReadonlyArray<Pick<Event, "at" | "detail">>, assignee: string, at: number): boolean =>
  events.some(
    (event) => event.detail._tag === "issue.assigned" && same(event.detail.assignee, assignee) && event.at >= at - skew
  )

/** Everything about one open issue that the history may tell of. */
export type OpenIssue = {
  readonly repository: string
  readonly seen: Extract<Seen, { readonly kind: "issue" }>
  /** Oldest first. */
  readonly history: ReadonlyArray<Change>
  /** What the store has about it, newest first. */
  readonly events: ReadonlyArray<Pick<Event, "at" | "detail">>
}

const changed = ({ repository, seen }: OpenIssue, { by, id, what }: Change, at: number): EventDraft => {
  const subject = Subject.issue(repository, seen.number)
  return {
    key: `reconcile/${Subject.key(subject)}/${what._tag}/${id}`,
    source: "github",
    at,
    actor: by,
    subject,
    causedBy: null,
    depth: by.kind === "agent" ? 1 : 0,
    detail:
      what._tag === "assigned"
        ? { _tag: "issue.assigned", issue: seen.snapshot, assignee: what.assignee }
        : { _tag: "issue.reopened", issue: seen.snapshot }
  }
}

/**
 * The handovers that the store has missed: a person gave the issue to one who has it still, after the newest of its
 * agents was born. An agent that had heard of it would have ended. Pure.
 */
export const decideHandedOver = (issue: OpenIssue, bornAt: number, now: number): ReadonlyArray<EventDraft> => {
  if (issue.seen.snapshot.state !== "open") return []
  return issue.seen.snapshot.assignees.flatMap((assignee) => {
    const given = issue.history.findLast(({ what }) => what._tag === "assigned" && same(what.assignee, assignee))
    if (given === undefined || given.by.kind !== "person" || given.at <= bornAt) return []
    return isKnownAssigned(issue.events, assignee, given.at) ? [] : [changed(issue, given, now)]
  })
}

/** The opening again of an issue that the store takes for closed, if it has missed that. Pure. */
export const decideReopened = (issue: OpenIssue, now: number): ReadonlyArray<EventDraft> => {
  if (issue.seen.snapshot.state !== "open" || !isKnownClosed(issue.events)) return []
  const again = issue.history.findLast(({ what }) => what._tag === "reopened")
  return again === undefined ? [] : [changed(issue, again, now)]
}
