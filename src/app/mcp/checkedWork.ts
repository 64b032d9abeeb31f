import { Effect, Redacted } from "effect"
import type { WorkspaceFailed } from "../../domain/Errors.ts"
import { protectedAmong } from "../../domain/protectedPaths.ts"
import { type FoundSecret, scanDiff, secretIn } from "../../domain/secrets.ts"
import { protectedQuestion } from "../../domain/toolCall.ts"
import { type Work, type Workspace, Workspaces } from "../../services/Workspaces.ts"
import { Call, Consent, refuse, ToolRefused } from "./Call.ts"
import { release, withhold } from "./pending.ts"

/** Bytes of one diff, and of all commits' own texts, that are looked through; what is longer is not pushed. */
const diffLimit = 4 * 1024 * 1024
/** Commits that are looked through one by one. */
const commitLimit = 200

const unable = (error: WorkspaceFailed): ToolRefused =>
  new ToolRefused({
    reason: `${error.message}${error.retryable ? " Try again in a minute." : " If you cannot mend it, ask_person."}`
  })

const notChecked = "Your change cannot be checked for secrets, so it is not pushed:"

/** What an agent's work comes to now. */
export const inspected = Effect.fnUntraced(function* (workspace: Workspace) {
  const workspaces = yield* Workspaces
  return yield* Effect.mapError(workspaces.inspect(workspace), unable)
})

/** The whole diff of two commits; one that is cut or cannot be read is refused, since nobody knows what is in it. */
const wholeDiff = Effect.fnUntraced(function* (repository: string, from: string, to: string) {
  const workspaces = yield* Workspaces
  // a little more than the limit, so that one that was cut is seen to be
  const diff = yield* workspaces.diff(repository, from, to, diffLimit + 4).pipe(
    Effect.mapError(
      (error) =>
        new ToolRefused({
          reason: `${notChecked} ${error.message}`
        })
    )
  )
  if (new TextEncoder().encode(diff).length <= diffLimit) return diff
  return yield* refuse(
    `${notChecked} the diff of ${from.slice(0, 9)} and ${to.slice(0, 9)} is longer than ${diffLimit / 1024 / 1024} MiB. Leave generated files out; or, where only single commits are that large, make one commit of all of your work.`
  )
})

const leak = (found: ReadonlyArray<FoundSecret>): Effect.Effect<never, ToolRefused> => {
  const places = found
    .slice(0, 20)
    .map(({ file, kind, line }) => `${kind} in ${JSON.stringify(file)}${line === 0 ? "" : ` line ${line}`}`)
  return refuse(
    `Your commits hold secrets, so they are not pushed: ${places.join("; ")}. Take them out of the history, too: make the commits anew without them. If it is none, write it so that it does not look like one.`
  )
}

/** Looks for secrets in what commits say of themselves: message, author and committer, and whatever else stands in them. */
const mindCommits = Effect.fnUntraced(function* (repository: string, work: Work, own: string) {
  const workspaces = yield* Workspaces
  const ids = work.commits.map(({ id }) => id)
  const texts = yield* Effect.mapError(
    workspaces.commitTexts(repository, ids, diffLimit),
    (error) => new ToolRefused({ reason: `${notChecked} ${error.message}` })
  )
  if (texts === null) {
    return yield* refuse(
      `${notChecked} the messages of its ${ids.length} commits are longer than ${diffLimit / 1024 / 1024} MiB. Make commits with short messages.`
    )
  }
  const found = texts.flatMap(({ head, id, message }) =>
    [
      { what: "message", kind: secretIn(message, own) },
      { what: "author, committer or other header", kind: secretIn(head, own) }
    ].flatMap(({ kind, what }) =>
      kind === null ? [] : [{ file: `a commit's ${what} (${id.slice(0, 9)})`, line: 0, kind }]
    )
  )
  if (found.length > 0) return yield* leak(found)
})

/**
 * Looks for secrets in all that a push would make public: the change as a whole, its paths, the commits' own texts, and
 * what single commits add and take away again. Answers the files that hold no text.
 */
const mindDiffs = Effect.fnUntraced(function* (workspace: Workspace, work: Work) {
  const { grant } = yield* Call
  const own = Redacted.value(grant.token)
  const { repository } = workspace
  const whole = scanDiff(yield* wholeDiff(repository, work.mergeBase, work.head), own)
  if (whole.found.length > 0) return yield* leak(whole.found)
  const binary = new Set(whole.binary)
  if (work.commits.length > commitLimit) {
    return yield* refuse(
      `${notChecked} it has ${work.commits.length} commits, more than ${commitLimit}. Make fewer commits of it.`
    )
  }
  yield* mindCommits(repository, work, own)
  if (work.commits.length > 1) {
    // one commit's files after the other's: whatever any of them holds and the base does not is added somewhere
    const known = new Set<string>()
    let from = work.mergeBase
    for (const { id } of work.commits.toReversed()) {
      const step = scanDiff(yield* wholeDiff(repository, from, id), own, known)
      if (step.found.length > 0) return yield* leak(step.found)
      for (const line of step.taken) known.add(line)
      for (const file of step.binary) binary.add(file)
      from = id
    }
  }
  return [...binary]
})

/**
 * The agent's work, if it may be pushed. Where files in it need a person's word first, the work is saved, the person is
 * asked when the turn ends, and nothing is pushed; where none does any more, the question is taken back.
 */
export const checkedWork = Effect.fnUntraced(function* (workspace: Workspace) {
  const { grant, tool } = yield* Call
  const workspaces = yield* Workspaces
  const consent = yield* Consent
  const { agent } = grant
  const work = yield* inspected(workspace)
  if (work.commits.length === 0) {
    release(grant)
    const lost = work.dirty ? " There are changes that are not committed: commit them first." : ""
    return yield* refuse(`${tool}: your branch has no commits that ${workspace.base} does not have.${lost}`)
  }
  const binary = yield* mindDiffs(workspace, work)
  const approved = yield* consent.approvedPaths(agent.id)
  const files = {
    protected: protectedAmong(work.files, approved),
    binary: binary.filter((path) => !approved.includes(path))
  }
  if (files.protected.length === 0 && files.binary.length === 0) {
    release(grant)
    return work
  }
  const saved = yield* Effect.result(workspaces.save(agent.id))
  const question = protectedQuestion({ id: agent.id, repository: workspace.repository }, files)
  withhold(grant, question)
  const kept =
    saved._tag === "Success" ? "Your work is saved" : `Your work could not be saved (${saved.failure.message})`
  return yield* new ToolRefused({
    reason: `Nothing is pushed. ${kept}, and a person is asked when your turn has ended:\n\n${question}\n\nEnd your turn now, without another report; or undo the changes to these files and call again.`,
    noted: `needs a person's word on ${[...files.protected, ...files.binary].map((path) => JSON.stringify(path)).join(", ")}`
  })
})
