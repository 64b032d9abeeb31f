/** The commit that a merge comes to; the branches stay where they are. */
import { Effect } from "effect"
import type { MergeMethod } from "../../../domain/Action.ts"
import {
  authorsBetween,
  combine,
  commitsBetween,
  committerAt,
  type Combined,
  identOf,
  messageOf,
  readCommit,
  writeCommit
} from "./commits.ts"
import type { GitFailed } from "../../git/runGit.ts"
import { bytesOf, type Git, textOf } from "./git.ts"

export type MergePlan = {
  readonly method: MergeMethod
  readonly base: string
  readonly head: string
  readonly title: string
  readonly body: string
  /** Who merges. */
  readonly by: string
  /** Seconds since 1970. */
  readonly at: number
}

export type Planned =
  | { readonly _tag: "Commit"; readonly commit: string }
  /** Why it cannot be, as what it does; the conflicting paths are in it. */
  | { readonly _tag: "Refused"; readonly why: string }

/** Most commits that are put on top of another branch one by one. */
const mostRebased = 100

/** Paths that are named; the rest is counted. */
const named = 20

const refused = (why: string): Planned => ({ _tag: "Refused", why })

const whyNot = (combined: Exclude<Combined, { readonly _tag: "Clean" }>, base: string): string => {
  if (combined._tag === "Unrelated") return "has no history in common with its base"
  const { paths } = combined
  const more = paths.length > named ? ` and ${paths.length - named} more` : ""
  return `conflicts with its base, which is at ${base}, in ${paths.slice(0, named).join(", ")}${more}`
}

const line = (login: string, at: number): string => {
  const { email, name, seconds } = identOf(login, at)
  return bytesOf(`${name} <${email}> ${seconds} +0000`)
}

/** All as one commit, by whoever wrote the first of them; the others are named at its end. */
const squash = Effect.fnUntraced(function* (git: Git, folder: string, plan: MergePlan, tree: string) {
  const { at, base, body, by, head, title } = plan
  const [first, ...others] = yield* authorsBetween(git, folder, base, head)
  const credits = others.map((author) => `Co-authored-by: ${textOf(author)}`)
  const message = messageOf(title, credits.length === 0 ? body : `${body}\n\n${credits.join("\n")}`)
  const author = first === undefined ? line(by, at) : `${first} ${at} +0000`
  const commit = { tree, parents: [base], author, encoding: null, message }
  return yield* writeCommit(git, folder, commit, committerAt(at))
})

/**
 * One after the other on top of the base, with the authors, dates and messages that they have. Merges among them are
 * left out, as git does; where that would leave out what a merge changed, nothing is merged.
 */
const rebase = Effect.fnUntraced(function* (
  git: Git,
  folder: string,
  { at, base, head }: MergePlan,
  tree: string
): Effect.fn.Return<Planned, GitFailed> {
  const commits = yield* commitsBetween(git, folder, base, head, mostRebased)
  if (commits.length > mostRebased) {
    return refused(`has more than ${mostRebased} commits to put on top of its base; squash or merge them`)
  }
  let top = { commit: base, tree: (yield* readCommit(git, folder, base)).tree }
  let leftOut = false
  for (const id of commits) {
    const commit = yield* readCommit(git, folder, id)
    const [parent, ...more] = commit.parents
    if (parent === undefined || more.length > 0) {
      leftOut = true
      continue
    }
    const before = (yield* readCommit(git, folder, parent)).tree
    // The commit's own parent becomes what both have in common, so that only its own change is carried over.
    const onto = { tree: top.tree, parents: [parent], author: line("squadron", at), encoding: null, message: "\n" }
    const stand = yield* writeCommit(git, folder, onto, committerAt(at))
    const combined = yield* combine(git, folder, stand, id)
    if (combined._tag !== "Clean") return refused(`${whyNot(combined, base)} (at its commit ${id})`)
    // What the base has already is left out; what was empty at first stays.
    if (combined.tree === top.tree && commit.tree !== before) continue
    const raw = { ...commit, tree: combined.tree, parents: [top.commit] }
    top = { commit: yield* writeCommit(git, folder, raw, committerAt(at)), tree: combined.tree }
  }
  if (leftOut && top.tree !== tree) {
    return refused("has merges that change files, which would be lost one by one; squash or merge it")
  }
  return { _tag: "Commit", commit: top.commit }
})

/** Makes the commit that the base comes to by this merge. */
export const planMerge = Effect.fnUntraced(function* (
  git: Git,
  folder: string,
  plan: MergePlan
): Effect.fn.Return<Planned, GitFailed> {
  const { at, base, body, by, head, method, title } = plan
  const combined = yield* combine(git, folder, base, head)
  if (combined._tag !== "Clean") return refused(whyNot(combined, base))
  const { tree } = combined
  if (method === "rebase") return yield* rebase(git, folder, plan, tree)
  if (method === "squash") return { _tag: "Commit", commit: yield* squash(git, folder, plan, tree) }
  const merge = { tree, parents: [base, head], author: line(by, at), encoding: null, message: messageOf(title, body) }
  return { _tag: "Commit", commit: yield* writeCommit(git, folder, merge, committerAt(at)) }
})
