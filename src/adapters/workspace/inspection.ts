import { Effect } from "effect"
import { createHash } from "node:crypto"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import type { Work } from "../../services/Workspaces.ts"
import type { About } from "./about.ts"
import { type Desk, differences, gather, type Gathered } from "./gather.ts"
import { type Git, textOf } from "./git.ts"
import { agentRefs, resolve } from "./refs.ts"
import { gap, treeOf } from "./snapshot.ts"

/** More commits than these are not listed. */
const commitLimit = 10_000
const subjectLimit = 500

/** The newest commit that both lead to, or null. */
export const mergeBase = Effect.fnUntraced(function* (git: Git, mirror: string, a: string, b: string) {
  const said = yield* git({ gitDir: mirror, args: ["merge-base", a, b], accept: [1] })
  return said.code === 0 ? said.stdout.trim() : null
})

/** Paths by which two commits differ, both names of a rename. */
export const changedPaths = (git: Git, mirror: string, from: string, to: string) =>
  Effect.map(differences(git, mirror, from, to), (all) => all.map(({ path }) => textOf(path)))

const commitsOf = Effect.fnUntraced(function* (git: Git, mirror: string, head: string, base: string) {
  const { stdout } = yield* git({
    gitDir: mirror,
    args: [
      "log",
      "-z",
      "--no-color",
      "--no-show-signature",
      "--format=%H %s",
      `--max-count=${commitLimit}`,
      head,
      `^${base}`,
      "--"
    ]
  })
  return stdout
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const space = line.indexOf(" ")
      return { id: line.slice(0, space), subject: textOf(line.slice(space + 1)).slice(0, subjectLimit) }
    })
})

/** A path as `--stdin-paths` takes every one. */
const quoted = (path: string): string =>
  `"${[...path].map((char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`).join("")}"`

/**
 * Whether the files differ from HEAD for git. Files were taken byte for byte; one whose attributes ask for another
 * line end, say, is no different where it would be committed as it is in HEAD.
 */
const isDirty = Effect.fnUntraced(function* (desk: Desk, about: About, mirror: string, headTree: string, tree: string) {
  if (headTree === tree) return false
  const all = yield* differences(desk.git, mirror, headTree, tree)
  if (all.some(({ kind, newMode, oldMode }) => kind !== "M" || oldMode !== newMode || oldMode === "120000")) return true
  const { clone } = desk.folders.workspace(about.agent)
  const { stdout } = yield* desk.git({
    // Writes nothing, and knows no filters.
    args: ["hash-object", "--stdin-paths"],
    cwd: clone,
    env: { GIT_DIR: mirror, GIT_WORK_TREE: clone },
    input: all.map(({ path }) => `${quoted(path)}\n`).join(""),
    accept: [1, 128]
  })
  const hashes = stdout.split("\n")
  return all.some(({ before }, i) => hashes[i] !== before)
})

const noCommit = (about: About, { found }: Gathered): WorkspaceFailed => {
  const head = found?.head ?? null
  return new WorkspaceFailed({
    step: "inspect",
    reason:
      found === null
        ? `the workspace of ${about.agent} has no git repository any more`
        : head === null
          ? `HEAD of the workspace of ${about.agent} cannot be read`
          : `${head.branch ?? "HEAD"} in the workspace of ${about.agent} has no commit yet`,
    remedy:
      head === null
        ? "Its files are saved when it is closed, and the next opening makes a new clone with them."
        : "The agent must commit something.",
    retryable: false
  })
}

/** What an agent's work comes to; its commits are in the mirror afterwards, with the base as it is there now. */
export const inspection = Effect.fnUntraced(function* (desk: Desk, about: About, base: string) {
  const { git } = desk
  const gathered = yield* gather(desk, about)
  const { found, mirror, refs } = gathered
  const head = found?.head?.commit ?? null
  if (head === null) return yield* noCommit(about, gathered)
  const files = yield* treeOf(desk, about, gathered)
  const names = agentRefs(about.agent)
  const [now, headTree] = yield* resolve(git, mirror, [`${base}^{commit}`, `${head}^{tree}`])
  const start = refs.get(names.start) ?? about.start
  // A base that was removed is what it was.
  const baseCommit = now ?? refs.get(names.base) ?? start
  const left = (yield* mergeBase(git, mirror, head, baseCommit)) ?? start
  const [commits, paths, dirty] = yield* Effect.all(
    [
      commitsOf(git, mirror, head, baseCommit),
      changedPaths(git, mirror, left, head),
      isDirty(desk, about, mirror, headTree ?? "", files.tree)
    ],
    { concurrency: 3 }
  )
  const unreadable = gap({ saved: null, unreadable: files.unreadable, gathered })
  if (unreadable !== null) yield* Effect.logWarning(`Some files of ${about.agent} cannot be looked at: ${unreadable}.`)
  return {
    head,
    mergeBase: left,
    baseCommit,
    commits,
    files: paths,
    dirty: dirty || unreadable !== null,
    fingerprint: createHash("sha256").update(`${head}\n${files.tree}\n`).digest("hex")
  } satisfies Work
})
