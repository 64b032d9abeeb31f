import { Clock, Effect, FileSystem, Option } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import type { Workspace, WorkspaceRequest } from "../../services/Workspaces.ts"
import { type About, readAbout, writeAbout } from "./about.ts"
import { readCloneRefs } from "./cloneRefs.ts"
import { requireSpace } from "./diskSpace.ts"
import { type Desk, gather, isBroken, readAgentRefs } from "./gather.ts"
import { bytesOf } from "./git.ts"
import type { HookPlace, Hooks } from "./hooks.ts"
import { makeClone } from "./makeClone.ts"
import type { Mirrors } from "./Mirror.ts"
import { agentRefs, type Refs, revision, updateRefs } from "./refs.ts"
import { removeTree, takeAway } from "./removal.ts"
import { gap, lastSaved, snapshot } from "./snapshot.ts"
import { unlockClone } from "./staleLocks.ts"

/** What opening a workspace needs besides a desk. */
export type Entrance = {
  readonly desk: Desk
  readonly mirrors: Mirrors
  readonly minFree: number
  readonly runHook: (name: keyof Hooks, place: HookPlace) => Effect.Effect<void, WorkspaceFailed>
}

export const placeOf = ({ folders }: Desk, about: About): HookPlace => ({
  agent: about.agent,
  repository: about.repository,
  branch: about.branch,
  clone: folders.workspace(about.agent).clone,
  home: folders.workspace(about.agent).home,
  mirror: folders.mirror(about.repository)
})

/** What is noted of the agent's workspace; null where there is none. */
export const noted = Effect.fnUntraced(function* ({ folders }: Desk, agent: string) {
  const fs = yield* FileSystem.FileSystem
  const { about: file, all } = folders.workspace(agent)
  const about = yield* readAbout(file)
  if (Option.isSome(about)) return about.value
  if (!(yield* fs.exists(all))) return null
  return yield* new WorkspaceFailed({
    step: "open",
    reason: `${file} is missing or cannot be read, so it is not known what ${all} is`,
    remedy: "Look whether there is work in it, and move the folder away.",
    retryable: false
  })
})

const noBranch = (repository: string, name: string, what: string): WorkspaceFailed =>
  new WorkspaceFailed({
    step: "open",
    reason: `${repository} has no ${what} ${JSON.stringify(name)}`,
    remedy: "Name one that is there, or push it.",
    retryable: false
  })

/**
 * Saves what is left of a workspace whose git dir is gone or garbage, and takes it out of the way; the agent's home
 * goes to the one that is made next.
 */
const replace = Effect.fnUntraced(function* (desk: Desk, about: About) {
  const fs = yield* FileSystem.FileSystem
  const { folders } = desk
  const { agent } = about
  const work = yield* snapshot(desk, about)
  const missing = gap(work)
  if (missing !== null) {
    return yield* new WorkspaceFailed({
      step: "open",
      reason: `the clone of ${agent} is no git repository any more, and cannot be saved whole: ${missing}`,
      remedy: `Make all files in ${folders.workspace(agent).clone} readable, or move them away.`,
      retryable: false
    })
  }
  yield* fs.makeDirectory(folders.making(agent).all, { recursive: true })
  yield* Effect.ignore(fs.rename(folders.workspace(agent).home, folders.making(agent).home))
  const places = { workspaces: folders.workspaces, leaving: folders.leaving(agent) }
  const broken = work.gathered !== null && isBroken(work.gathered)
  const aside = yield* takeAway(agent, folders.workspace(agent), places, broken)
  yield* Effect.logWarning(
    `The clone of ${agent} was no git repository any more. Its files were saved, and it gets a new clone with them.${aside === null ? "" : ` The old one is in ${aside}.`}`
  )
})

/** Whether git finds a HEAD in the clone, with its commit; looks closer where it is not the one that was seen last. */
const isWhole = Effect.fnUntraced(function* (desk: Desk, about: About, mirror: string) {
  const head = readCloneRefs(desk.folders.workspace(about.agent).clone)?.head ?? null
  if (head === null || head.commit === null) return head !== null
  const seen = yield* readAgentRefs(desk.git, mirror, about.agent)
  if (seen.get(agentRefs(about.agent).head) === head.commit) return true
  const { found } = yield* gather(desk, about)
  return (found?.head ?? null) !== null
})

/** The workspace that is there and can be worked in; null where one must be made. */
const standing = Effect.fnUntraced(function* ({ desk, mirrors }: Entrance, { agent, repository }: WorkspaceRequest) {
  const { folders } = desk
  // A killed daemon may have left a half.
  yield* removeTree(folders.making(agent).all)
  const about = yield* noted(desk, agent)
  if (about === null) return null
  if (!about.ready) {
    // Its first opening never ended, so nobody has worked in it.
    const places = { workspaces: folders.workspaces, leaving: folders.leaving(agent) }
    yield* takeAway(agent, folders.workspace(agent), places, false)
    return null
  }
  if (about.repository !== repository) {
    return yield* new WorkspaceFailed({
      step: "open",
      reason: `${agent} has a workspace of ${about.repository}, and one of ${repository} was asked for`,
      remedy: "An agent works in one repository; use another agent.",
      retryable: false
    })
  }
  const mirror = yield* mirrors.fetch(repository)
  if (yield* isWhole(desk, about, mirror)) return { about, mirror }
  yield* replace(desk, about)
  return null
})

/** Where the new workspace begins: where the agent's work was last, or else where it was asked for. */
const beginning = Effect.fnUntraced(function* (
  { desk, mirrors }: Entrance,
  request: WorkspaceRequest,
  mirror: string,
  refs: Refs,
  baseCommit: string
) {
  const names = agentRefs(request.agent)
  const saved = yield* lastSaved(desk.git, mirror, request.agent, refs)
  const head = refs.get(names.head) ?? saved?.head ?? (saved === null ? undefined : refs.get(names.start))
  if (head !== undefined) {
    // Files that were saved with another HEAD would take back what was committed since.
    const files = saved !== null && (saved.head === null || saved.head === head) ? saved : null
    return { commit: head, files }
  }
  if (request.from === undefined) return { commit: baseCommit, files: null }
  const commit = yield* mirrors.commit(request.repository, request.from)
  if (commit === null) return yield* noBranch(request.repository, request.from, "branch or commit")
  return { commit, files: null }
})

const make = Effect.fnUntraced(function* (entrance: Entrance, request: WorkspaceRequest) {
  const { desk, minFree, mirrors, runHook } = entrance
  const { folders, git, sparse } = desk
  const { agent, base, branch, repository } = request
  const fs = yield* FileSystem.FileSystem
  const names = agentRefs(agent)
  yield* requireSpace(folders.workspaces, minFree)
  const mirror = yield* mirrors.fetch(repository)
  const wanted = revision(base)
  if (wanted === null) return yield* noBranch(repository, base, "branch")
  const refs = yield* readAgentRefs(git, mirror, agent, ["refs/tags", wanted])
  const baseCommit = refs.get(wanted) ?? refs.get(names.base)
  if (baseCommit === undefined) return yield* noBranch(repository, base, "branch")
  const { commit, files } = yield* beginning(entrance, request, mirror, refs, baseCommit)

  const usedAt = yield* Clock.currentTimeMillis
  const about: About = { agent, repository, base, branch, start: commit, usedAt, ready: false }
  const making = folders.making(agent)
  desk.memory.begun.delete(folders.workspace(agent).index)
  const created = new Map(
    [
      [names.base, baseCommit],
      [names.start, commit]
    ].flatMap(([name = "", id = ""]) => (refs.has(name) ? [] : [[name, id] as const]))
  )
  const { outside } = folders
  const clone = makeClone({ git, mirror, folders: making, outside, about, commit, baseCommit, files, refs, sparse })
  // Whatever the forge does to its branches, what the clone borrows has a name.
  const named = updateRefs(git, mirror, { set: created })
  const workspace = folders.workspace(agent)
  const settled = writeAbout(workspace.about, { ...about, ready: true })
  const places = { workspaces: folders.workspaces, leaving: folders.leaving(agent) }
  const undone = (effect: Effect.Effect<unknown, WorkspaceFailed>) => () => Effect.ignore(effect, { log: "Warn" })
  // An interruption finds it unmade or made, and nothing between.
  yield* Effect.uninterruptibleMask((restore) =>
    restore(Effect.all([clone, named], { concurrency: 2 })).pipe(
      Effect.andThen(writeAbout(making.about, about)),
      Effect.andThen(fs.rename(making.all, workspace.all)),
      Effect.onError(undone(removeTree(making.all))),
      Effect.andThen(
        restore(runHook("afterCreate", placeOf(desk, about))).pipe(
          Effect.andThen(settled),
          Effect.onError(undone(takeAway(agent, workspace, places, false)))
        )
      )
    )
  )
  return { about, mirror, baseCommit, fresh: true }
})

type Standing = { readonly about: About; readonly mirror: string }

const reopen = Effect.fnUntraced(function* ({ desk }: Entrance, request: WorkspaceRequest, there: Standing) {
  const { folders, git } = desk
  const { agent, base, branch, repository } = request
  const { mirror } = there
  const wanted = revision(base)
  const refs = yield* readAgentRefs(git, mirror, agent, wanted === null ? [] : [wanted])
  const baseCommit = refs.get(wanted ?? "") ?? refs.get(agentRefs(agent).base)
  if (baseCommit === undefined) return yield* noBranch(repository, base, "branch")
  // Nobody works in it now.
  yield* Effect.sync(() => unlockClone(folders.workspace(agent).clone, bytesOf(branch)))
  const about: About = { ...there.about, base, usedAt: yield* Clock.currentTimeMillis }
  yield* writeAbout(folders.workspace(agent).about, about)
  return { about, mirror, baseCommit, fresh: false }
})

/** Opens the agent's workspace, and makes it where there is none. The caller sees to it that nobody else does. */
export const enter = Effect.fnUntraced(function* (entrance: Entrance, request: WorkspaceRequest) {
  const { desk } = entrance
  const there = yield* standing(entrance, request)
  const { about, baseCommit, fresh, mirror } = yield* there === null
    ? make(entrance, request)
    : reopen(entrance, request, there)
  const { clone: path, home } = desk.folders.workspace(request.agent)
  const { agent, base, branch, repository } = about
  return { agent, repository, base, branch, path, home, mirror, baseCommit, fresh } satisfies Workspace
})
