import { Clock, Effect } from "effect"
import type { Saved } from "../../services/Workspaces.ts"
import type { About } from "./about.ts"
import { isFolder } from "./entries.ts"
import { fileTree, type FileTree } from "./fileTree.ts"
import { type Desk, gather, type Gathered, newestSaved, readAgentRefs, under, unreachable } from "./gather.ts"
import { durable, type Git } from "./git.ts"
import { harvestIndex } from "./harvest.ts"
import { agentRefs, isCommitId, type Refs, resolve, updateRefs } from "./refs.ts"

/** What a saving came to. */
export type Snapshot = {
  /** Null where all was saved before. */
  readonly saved: Saved | null
  /** What is in the workspace and could not be read. */
  readonly unreadable: ReadonlyArray<string>
  /** The clone's git dir, as far as it can be understood. */
  readonly gathered: Gathered | null
}

/** Where an agent's work was when it was saved last, or when its workspace was made. */
export type Point = { readonly commit: string; readonly tree: string; readonly head: string | null }

const headLine = "Squadron-Head: "

/** The point that a saved commit tells of. */
const readPoint = Effect.fnUntraced(function* (git: Git, mirror: string, commit: string) {
  const { stdout } = yield* git({ gitDir: mirror, args: ["cat-file", "commit", commit] })
  const lines = stdout.split("\n")
  const head = lines.findLast((line) => line.startsWith(headLine))?.slice(headLine.length) ?? ""
  return { commit, tree: (lines[0] ?? "").slice("tree ".length), head: isCommitId(head) ? head : null } satisfies Point
})

/** What was saved last of an agent, or null. */
export const lastSaved = Effect.fnUntraced(function* (git: Git, mirror: string, agent: string, refs?: Refs) {
  const newest = newestSaved(refs ?? (yield* readAgentRefs(git, mirror, agent)), agent)
  return newest === null ? null : yield* readPoint(git, mirror, newest.commit)
})

const messageOf = (about: About, { found }: Gathered, unreadable: ReadonlyArray<string>): string => {
  const head = found?.head ?? null
  const lines = [
    `Work of ${about.agent}, saved`,
    "",
    ...(unreadable.length === 0
      ? []
      : [`${unreadable.length} files could not be read and are as they were before.`, ""]),
    `Squadron-Agent: ${about.agent}`,
    `${headLine}${head === null ? "unreadable" : (head.commit ?? "no commit yet")}`,
    `Squadron-Branch: ${head === null ? "unknown" : (head.branch ?? "none")}`
  ]
  return `${lines.join("\n")}\n`
}

/** The files of the workspace as a tree in the mirror. Files that change meanwhile are looked at again. */
export const treeOf = (desk: Desk, about: About, { found, mirror, refs }: Gathered) => {
  const names = agentRefs(about.agent)
  const { clone, index } = desk.folders.workspace(about.agent)
  // What is tracked counts as work even where it is ignored, so an unreadable HEAD is no reason to forget it.
  const head = found?.head?.commit ?? refs.get(names.head) ?? refs.get(names.start) ?? null
  const { folders, git, memory, sparse } = desk
  const looking = { git, outside: folders.outside, mirror, clone, index, sparse, memory }
  return Effect.retry(fileTree(looking, head), { times: 2, while: ({ code }) => code !== null })
}

const write = Effect.fnUntraced(function* (
  { git }: Desk,
  about: About,
  gathered: Gathered,
  files: FileTree,
  parents: ReadonlyArray<string>
) {
  const { mirror, refs } = gathered
  const names = agentRefs(about.agent)
  const seconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const who = `Squadron ${about.agent} <agent@squadron.invalid> ${seconds} +0000`
  const { stdout } = yield* git({
    gitDir: mirror,
    args: ["hash-object", "-t", "commit", "-w", "--stdin"],
    input: [
      `tree ${files.tree}`,
      ...parents.map((id) => `parent ${id}`),
      `author ${who}`,
      `committer ${who}`,
      "",
      messageOf(about, gathered, files.unreadable)
    ].join("\n"),
    config: durable
  })
  const commit = stdout.trim()
  const ref = `${names.saved}${(newestSaved(refs, about.agent)?.n ?? 0) + 1}`
  // What was kept apart until now is part of it.
  const covered = under(refs, names.kept).map(([name]) => name)
  yield* updateRefs(git, mirror, { create: new Map([[ref, commit]]), remove: covered })
  return { ref, commit } satisfies Saved
})

/**
 * Saves what an agent has: its files, its branches, its stashes, what it has staged. One commit holds it all: its tree
 * is the files, its first parent HEAD, the others what was saved before and whatever else these do not lead to.
 */
export const snapshot = Effect.fnUntraced(function* (desk: Desk, about: About) {
  const { git } = desk
  if (!isFolder(desk.folders.workspace(about.agent).clone)) {
    return { saved: null, unreadable: [], gathered: null } satisfies Snapshot
  }
  const gathered = yield* gather(desk, about)
  const { found, mirror, refs, route } = gathered
  const names = agentRefs(about.agent)
  const files = yield* treeOf(desk, about, gathered)
  const head = found?.head?.commit ?? null
  const start = refs.get(names.start) ?? about.start
  const [headTree = null, startTree = null] = yield* resolve(git, mirror, [
    `${head ?? start}^{tree}`,
    `${start}^{tree}`
  ])
  const before = yield* lastSaved(git, mirror, about.agent, refs)
  const last = before ?? { commit: start, tree: startTree, head: start }
  const staged =
    found === null ? null : yield* harvestIndex(route, head, [files.tree, ...(headTree === null ? [] : [headTree])])
  const more = [
    ...(found === null ? [] : [...found.branches.values(), ...found.others]),
    ...under(refs, names.kept).map(([, id]) => id),
    ...(staged === null ? [] : [staged])
  ]
  const base = refs.get(names.base)
  const held = [last.commit, start, ...(head === null ? [] : [head]), ...(base === undefined ? [] : [base])]
  const extra = yield* unreachable(git, mirror, more, held)
  const same = files.tree === last.tree && head === last.head && extra.size === 0
  const parents = new Set([...(head === null ? [] : [head]), ...(before === null ? [] : [before.commit]), ...extra])
  const saved = same ? null : yield* write(desk, about, gathered, files, [...parents])
  return { saved, unreadable: files.unreadable, gathered } satisfies Snapshot
})

/** Its reason why a snapshot is not all of the work, for people; null where it is. */
export const gap = ({ unreadable }: Snapshot): string | null =>
  unreadable.length === 0
    ? null
    : `these cannot be read: ${unreadable
        .slice(0, 5)
        .map((path) => JSON.stringify(Buffer.from(path, "latin1").toString("utf8")))
        .join(", ")}${unreadable.length > 5 ? ` and ${unreadable.length - 5} more` : ""}`
