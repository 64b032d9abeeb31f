/** Brings rows in line with a repository's refs: tells what has changed, and finishes what an intent began. */
import { Clock, Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { closedBy } from "../../../domain/closing.ts"
import type { ForgeError, StoreUnavailable } from "../../../domain/Errors.ts"
import type { Detail, EventDraft } from "../../../domain/Event.ts"
import type { SqlWriter, Written } from "../../sql/SqlWriter.ts"
import type { GitFailed } from "../../git/runGit.ts"
import { type Git, gitFault } from "./git.ts"
import { detailsOf, drafts, pullSnapshot } from "./happenings.ts"
import * as IssueChange from "./IssueChange.ts"
import * as IssueTable from "./IssueTable.ts"
import { changeFound } from "./IssueWrites.ts"
import * as Marks from "./marks.ts"
import { type PullRecord, allOpen, find } from "./PullWrites.ts"
import { bareOf, pushOf } from "./pushed.ts"
import { branchRef, changeRefs, headBranch, isAncestor, listRefs, pullRef, type RefChange, type Refs } from "./refs.ts"
import * as RefTable from "./RefTable.ts"
import { onRepository } from "./ReviewWrites.ts"
import { type By, type Standing, unknown } from "./standing.ts"

/** What all parts of the local forge work with. */
export type Parts = {
  readonly git: Git
  readonly standing: Standing
  readonly writer: SqlWriter["Service"]
  /** Runs a query; a fault that may pass is the caller's to see. */
  read<A>(query: IssueTable.Query<A>): Effect.Effect<A, ForgeError>
  refusal(error: StoreUnavailable): ForgeError
}

/** A change of a ref with what its event tells, and the open pull requests whose work came to the base by it. */
type Move = RefChange & { readonly push: Detail; readonly contains: ReadonlySet<number> }

type Facts = {
  readonly standing: Standing
  readonly repository: string
  readonly defaultBranch: string
  readonly moves: ReadonlyMap<string, Move>
  readonly intent: RefTable.Intent | null
  /** Whether the refs are as the intent wants them. */
  readonly done: boolean
  readonly quiet: boolean
}

const differences = (known: Refs, actual: Refs): ReadonlyArray<RefChange> => {
  const changes: Array<RefChange> = []
  for (const [ref, to] of actual) {
    const from = known.get(ref) ?? null
    if (from !== to && !ref.startsWith("refs/pull/")) changes.push({ ref, from, to })
  }
  for (const [ref, from] of known) if (!actual.has(ref)) changes.push({ ref, from, to: null })
  return changes
}

/** Whose doing the change of the ref is. An intent that names changes answers for no others. */
const byOf = ({ done, intent }: Facts, ref: string): By => {
  if (intent === null) return unknown
  if (intent.changes.length === 0) return intent.by
  return done && intent.changes.some((change) => change.ref === ref) ? intent.by : unknown
}

/** How an open pull request stands after the moves, and by whose doing; null where they do not concern it. */
const follow = (facts: Facts, { changes, issue }: PullRecord) => {
  const { intent, moves, standing } = facts
  const { pull } = issue
  const merge = facts.done && intent?.merge?.number === issue.number ? intent.merge : null
  const head = moves.get(branchRef(pull.head.ref))
  const base = moves.get(branchRef(pull.base.ref))
  if (merge === null && head === undefined && base === undefined) return null
  const by = byOf(facts, (head ?? base)?.ref ?? "")
  const sha = head?.to ?? pull.head.sha
  const mergeCommit = merge?.commit ?? (base?.contains.has(issue.number) === true ? base.to : null)
  if (mergeCommit !== null) {
    const merged = { ...pull, merged: true, mergeCommit, head: { ...pull.head, sha } }
    const after = { ...issue, state: "closed" as const, closedAs: "completed" as const, pull: merged }
    return {
      record: { issue: after, changes },
      by: merge === null ? byOf(facts, base?.ref ?? "") : (intent?.by ?? by),
      details: detailsOf(standing, after, [{ _tag: "closed" }])
    }
  }
  if (head?.to === null || base?.to === null) {
    const closed = IssueChange.close(issue, "not_planned")
    return { record: { ...closed, changes }, by, details: detailsOf(standing, closed.issue, closed.happened) }
  }
  const after = { ...pull, head: { ...pull.head, sha }, base: { ...pull.base, sha: base?.to ?? pull.base.sha } }
  const details: ReadonlyArray<Detail> =
    head === undefined ? [] : [{ _tag: "pull_request.synchronized", pullRequest: pullSnapshot(standing, issue, after) }]
  return { record: { issue: { ...issue, pull: after }, changes }, by, details }
}

/** Closes the issues that a pull request closes by its merge into the default branch. */
const closeIssues = Effect.fnUntraced(function* (facts: Facts, issue: IssueChange.StoredIssue, by: By) {
  const events: Array<EventDraft> = []
  if (issue.pull?.merged !== true || issue.pull.base.ref !== facts.defaultBranch) return events
  for (const number of closedBy(issue.body, facts.repository)) {
    const record = yield* IssueTable.find(facts.repository, number)
    if (record === null || record.issue.pull !== null) continue
    const closed = IssueChange.close(record.issue, "completed")
    events.push(...(yield* changeFound(facts.standing, by, record, closed)).events)
  }
  return events
})

const apply = Effect.fnUntraced(function* (
  facts: Facts
): Effect.fn.Return<Written<void>, SqlError.SqlError, SqlClient.SqlClient> {
  const { intent, moves, quiet, repository } = facts
  const now = yield* Clock.currentTimeMillis
  const events: Array<EventDraft> = []
  for (const move of moves.values()) {
    yield* RefTable.put(repository, move)
    if (!quiet) events.push(yield* onRepository(repository, byOf(facts, move.ref), now, move.push))
  }
  const concerned = new Map((yield* allOpen(repository)).map((record) => [record.issue.number, record]))
  if (facts.done && intent !== null && intent.merge !== null) {
    const record = yield* find({ repository, number: intent.merge.number })
    if (record !== null && !record.issue.pull.merged) concerned.set(record.issue.number, record)
  }
  for (const [, before] of [...concerned].toSorted(([one], [other]) => one - other)) {
    const after = follow(facts, before)
    if (after === null) continue
    const { by, details, record } = after
    const issue = details.length === 0 ? record.issue : { ...record.issue, updatedAt: now }
    yield* IssueTable.update({ issue, changes: record.changes + details.length })
    events.push(...drafts(issue, record.changes, by, now, details), ...(yield* closeIssues(facts, issue, by)))
  }
  if (intent !== null) {
    yield* RefTable.dropIntent(repository)
    if (facts.done && intent.mark !== null) yield* Marks.put(intent.mark.key, intent.mark.result, now)
  }
  return { value: undefined, events }
})

/** Keeps the commits of open pull requests by refs of their own; one that cannot be set now is set the next time. */
const keepHeads = (parts: Parts, folder: string, open: ReadonlyArray<PullRecord>, actual: Refs) => {
  const changes = open.flatMap(({ issue: { number, pull } }): ReadonlyArray<RefChange> => {
    const from = actual.get(pullRef(number)) ?? null
    const to = actual.get(branchRef(pull.head.ref)) ?? pull.head.sha
    return from === to ? [] : [{ ref: pullRef(number), from, to }]
  })
  if (changes.length === 0) return Effect.void
  return Effect.ignore(changeRefs(parts.git, folder, changes), { log: "Warn" })
}

const isDone = Effect.fnUntraced(function* (git: Git, folder: string, intent: RefTable.Intent, actual: Refs) {
  for (const { from, ref, to } of intent.changes) {
    const now = actual.get(ref) ?? null
    if (now === to) continue
    // Somebody may have gone on from there since.
    if (now === from || now === null || to === null || !(yield* isAncestor(git, folder, to, now))) return false
  }
  return true
})

/**
 * Tells of all that has changed in the repository's refs since this was called last, and finishes or forgets the
 * intent: one transaction has the events, the pull requests, the mark and the refs. Only for who has the repository's
 * turn.
 */
export const settle = Effect.fnUntraced(function* (
  parts: Parts,
  repository: string,
  folder: string
): Effect.fn.Return<void, ForgeError> {
  const { git, read, standing, writer } = parts
  const known = yield* read(RefTable.refs(repository))
  const intent = yield* read(RefTable.intent(repository))
  const open = yield* read(allOpen(repository))
  const numbers = open.map(({ issue }) => issue.number)
  const look: Effect.Effect<Facts | null, GitFailed> = Effect.gen(function* () {
    const actual = yield* listRefs(git, folder, numbers)
    const changes = differences(known, actual)
    yield* keepHeads(parts, folder, open, actual)
    if (changes.length === 0 && intent === null) return null
    const defaultBranch = yield* headBranch(folder)
    const started = known.get(branchRef(defaultBranch)) ?? null
    const moves = yield* Effect.forEach(
      changes,
      Effect.fnUntraced(function* (change) {
        const contains = new Set<number>()
        for (const { issue } of open) {
          if (branchRef(issue.pull.base.ref) !== change.ref || change.to === null) continue
          const head = actual.get(branchRef(issue.pull.head.ref)) ?? issue.pull.head.sha
          const before = change.from !== null && (yield* isAncestor(git, folder, head, change.from))
          if (!before && (yield* isAncestor(git, folder, head, change.to))) contains.add(issue.number)
        }
        // What a commit has can be beyond telling; that it came is to be told all the same.
        const push = yield* Effect.catch(pushOf(git, folder, change, started), (error) =>
          Effect.as(Effect.logWarning(`The commits of ${change.ref} are not told of: ${error.message}`), bareOf(change))
        )
        const move: Move = { ...change, push, contains }
        return [change.ref, move] as const
      }),
      { concurrency: 2 }
    )
    return {
      standing,
      repository,
      defaultBranch,
      moves: new Map(moves),
      intent,
      done: intent !== null && (yield* isDone(git, folder, intent, actual)),
      // A repository that was put there whole has no news.
      quiet: intent?.quiet ?? known.size === 0
    }
  })
  const facts = yield* Effect.mapError(look, gitFault)
  if (facts !== null) yield* Effect.mapError(writer.write(apply(facts)), parts.refusal)
})
