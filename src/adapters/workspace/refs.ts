import { Effect } from "effect"
import { pastStaleLocks } from "./staleLocks.ts"
import type { GitFailed } from "../git/runGit.ts"
import { bytesOf, durable, type Git } from "./git.ts"

/** Refs by full name; names are strings of bytes. */
export type Refs = ReadonlyMap<string, string>

/** Where the mirror keeps an agent's work. Nothing but Squadron writes or removes these. */
export const agentRefs = (agent: string) => ({
  /** The clone's HEAD, as it was seen last. */
  head: `refs/squadron/head/${agent}`,
  /** The clone's branches, as they were seen last. */
  work: `refs/squadron/work/${agent}/`,
  /** What its branches had been at and no branch leads to any more, until it is part of what is saved. */
  kept: `refs/squadron/kept/${agent}/`,
  /** What is saved, numbered. */
  saved: `refs/squadron/saved/${agent}/`,
  /** What the base was at when the first workspace was made. */
  base: `refs/squadron/base/${agent}`,
  /** The commit that the first workspace was made at. */
  start: `refs/squadron/start/${agent}`
})

export const isCommitId = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)

/** What `git check-ref-format` lets pass; of a full name, or of a branch without `refs/heads/`. */
export const isRefName = (name: string): boolean =>
  name.length > 0 &&
  name.length < 1000 &&
  // eslint-disable-next-line no-control-regex
  !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^[/-]|[/.]$|^@$/.test(name) &&
  name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"))

/** A branch of the forge, a commit, or a full ref, as the name, in bytes, that git has for it in the mirror. */
export const revision = (name: string): string | null => {
  if (isCommitId(name)) return name
  if (!isRefName(name)) return null
  return bytesOf(name.startsWith("refs/") ? name : `refs/heads/${name}`)
}

/** The refs under these names or folders of names. */
export const readRefs = (git: Git, mirror: string, patterns: ReadonlyArray<string>): Effect.Effect<Refs, GitFailed> =>
  git({
    gitDir: mirror,
    args: ["for-each-ref", "--format=%(objectname) %(refname)", ...patterns]
  }).pipe(
    Effect.map(
      ({ stdout }) =>
        new Map(
          stdout
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => {
              const space = line.indexOf(" ")
              return [line.slice(space + 1), line.slice(0, space)] as const
            })
        )
    )
  )

/**
 * Sets and removes refs, all or none. A name that is new must not be there. Not interruptible: a git that is ended may
 * leave a lock, and this one is soon done.
 */
export const updateRefs = (
  git: Git,
  mirror: string,
  change: { readonly create?: Refs; readonly set?: Refs; readonly remove?: Iterable<string> }
): Effect.Effect<void, GitFailed> => {
  const input = [
    ...[...(change.create ?? [])].map(([name, id]) => `create ${name}\0${id}\0`),
    ...[...(change.set ?? [])].map(([name, id]) => `update ${name}\0${id}\0\0`),
    ...[...(change.remove ?? [])].map((name) => `delete ${name}\0\0`)
  ].join("")
  if (input === "") return Effect.void
  const update = git({ gitDir: mirror, args: ["update-ref", "--no-deref", "-z", "--stdin"], input, config: durable })
  return Effect.asVoid(Effect.uninterruptible(pastStaleLocks(mirror, update)))
}

/** What the names, each as `revision` gives it or with a suffix such as `^{tree}`, stand for; null for what is not there. */
export const resolve = (
  git: Git,
  gitDir: string,
  names: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string | null>, GitFailed> =>
  names.length === 0
    ? Effect.succeed([])
    : git({
        gitDir: gitDir,
        args: ["cat-file", "--batch-check=%(objectname)"],
        input: names.map((name) => `${name}\n`).join("")
      }).pipe(
        Effect.map(({ stdout }) => stdout.split("\n").map((line) => (isCommitId(line) ? line : null))),
        Effect.map((ids) => names.map((_, i) => ids[i] ?? null))
      )
