import { Effect, FileSystem, Latch, Path, type PlatformError, Redacted, Semaphore } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import type { Forge, Remote } from "../../services/Forge.ts"
import { workspaceFailed } from "./failure.ts"
import type { Folders } from "./folders.ts"
import type { GitFailed } from "../git/runGit.ts"
import { durable, fetchOptions, type Git } from "./git.ts"
import { isCommitId, resolve, revision } from "./refs.ts"
import { pastStaleLocks } from "./staleLocks.ts"

/** Bare mirrors of the forge's repositories, one for each; they also keep what agents made. */
export type Mirrors = {
  /** The repository's mirror, by a fetch that began after the call. Calls that wait for one another share it. */
  fetch(repository: string): Effect.Effect<string, WorkspaceFailed>
  /** The commit of a branch, a full ref or a commit's id, fetched where the mirror does not have it; null for none. */
  commit(repository: string, name: string): Effect.Effect<string | null, WorkspaceFailed>
  /** Keeps the mirror from being had `alone` while this runs, such as the making of a clone that will borrow from it. */
  using<A, E, R>(repository: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R>
  /** Runs while nobody fetches or is `using` the mirror; interrupted as soon as somebody wants to. Null for not done. */
  alone<A, E, R>(repository: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A | null, E, R>
}

type Entry = {
  readonly turn: Semaphore.Semaphore
  begun: number
  done: number
  users: number
  /** Opened by who wants what another has alone. */
  wanted: Latch.Latch | null
}

/** Everything but `refs/squadron/`, which is ours. */
const refspecs = [
  "+refs/heads/*:refs/heads/*",
  "+refs/tags/*:refs/tags/*",
  // These are on some forges only; a pattern that fits nothing is no failure.
  "+refs/pull/*/head:refs/pull/*/head"
]

/** The header goes through git's environment alone, and to nobody but who the address names: git takes it along. */
const authorization = ({ header, url }: Remote): ReadonlyArray<readonly [string, string]> => {
  if (header === null) return []
  const origin = URL.canParse(url) ? new URL(url).origin : "null"
  return [
    [origin === "null" ? "http.extraHeader" : `http.${origin}/.extraHeader`, Redacted.value(header)],
    ["http.followRedirects", "false"]
  ]
}

/** `depth` is how many commits the first fetch brings of each branch; null for all. */
export const makeMirrors = Effect.fnUntraced(function* (options: {
  readonly git: Git
  readonly folders: Folders
  readonly forge: Forge["Service"]
  readonly depth: number | null
}) {
  const { depth, folders, forge, git } = options
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const entries = new Map<string, Entry>()

  const entryOf = (repository: string): Entry => {
    const known = entries.get(repository)
    if (known !== undefined) return known
    const entry: Entry = { turn: Semaphore.makeUnsafe(1), begun: 0, done: 0, users: 0, wanted: null }
    entries.set(repository, entry)
    return entry
  }

  /** Sees to it that who has the mirror alone lets go of it. */
  const want = (entry: Entry) => Effect.sync(() => void entry.wanted?.openUnsafe())

  const remoteOf = (repository: string): Effect.Effect<Remote, WorkspaceFailed> =>
    forge.remote(repository).pipe(
      Effect.mapError(
        ({ reason, retryable }) =>
          new WorkspaceFailed({
            step: "fetch",
            reason: `the forge does not tell where ${repository} is: ${reason}`,
            remedy: "Check the forge's settings.",
            retryable
          })
      )
    )

  const failed = ({ header }: Remote) => {
    const secret = header === null ? "" : Redacted.value(header)
    return (error: GitFailed | PlatformError.PlatformError) => workspaceFailed("fetch", error, secret)
  }

  const fetchFrom = (mirror: string, remote: Remote, args: ReadonlyArray<string>) =>
    pastStaleLocks(
      mirror,
      git({
        gitDir: mirror,
        args: ["fetch", "--quiet", ...fetchOptions, ...args],
        config: [...authorization(remote), ...durable],
        timeout: "1 hour"
      })
    )

  /** Made or completed where a crash left it half done. */
  const ensure = Effect.fnUntraced(function* (mirror: string) {
    yield* fs.makeDirectory(path.dirname(mirror), { recursive: true })
    yield* git({ args: ["init", "--quiet", "--bare", "--template=", mirror] })
    // No branch is the mirror's own, so that no attributes file of a branch applies to it.
    yield* fs.writeFileString(path.join(mirror, "HEAD"), "ref: refs/heads/squadron-mirror-has-none\n")
    for (const [name, value] of [
      ["gc.auto", "0"],
      ["maintenance.auto", "false"],
      ["gc.pruneExpire", "never"]
    ] as const) {
      // Also against a person who runs git here.
      yield* git({ gitDir: mirror, args: ["config", name, value] })
    }
  })

  const fetchNow = Effect.fnUntraced(function* (repository: string, mirror: string) {
    const remote = yield* remoteOf(repository)
    const marker = path.join(mirror, "fetched")
    yield* Effect.gen(function* () {
      const first = !(yield* fs.exists(marker))
      if (first) yield* ensure(mirror)
      const shallow = depth === null && (yield* fs.exists(path.join(mirror, "shallow")))
      const history = shallow ? ["--unshallow"] : first && depth !== null ? ["--depth", String(depth)] : []
      yield* fetchFrom(mirror, remote, ["--prune", ...history, "--", remote.url, ...refspecs])
      if (!first) return
      // A first fetch writes a file for each ref.
      yield* git({ gitDir: mirror, args: ["pack-refs", "--all"] })
      yield* fs.writeFileString(marker, "")
    }).pipe(Effect.mapError(failed(remote)))
  })

  const fetch = Effect.fn("Mirrors.fetch")(function* (repository: string) {
    const mirror = folders.mirror(repository)
    const entry = entryOf(repository)
    const before = entry.begun
    yield* want(entry)
    yield* entry.turn.withPermit(
      Effect.suspend(() => {
        if (entry.done > before) return Effect.void
        const mine = ++entry.begun
        return Effect.tap(fetchNow(repository, mirror), () => Effect.sync(() => void (entry.done = mine)))
      })
    )
    return mirror
  })

  const commit = Effect.fn("Mirrors.commit")(function* (repository: string, name: string) {
    const wanted = revision(name)
    if (wanted === null) return null
    const mirror = folders.mirror(repository)
    const look = Effect.map(resolve(git, mirror, [`${wanted}^{commit}`]), ([id]) => id ?? null).pipe(
      Effect.mapError((error) => workspaceFailed("look for a commit", error))
    )
    // A commit's id means the same for ever; a name must be read anew.
    const known =
      isCommitId(wanted) && (yield* Effect.orElseSucceed(fs.exists(mirror), () => false)) ? yield* look : null
    if (known !== null) return known
    yield* fetch(repository)
    const fetched = yield* look
    if (fetched !== null || !isCommitId(wanted)) return fetched
    const remote = yield* remoteOf(repository)
    const entry = entryOf(repository)
    yield* want(entry)
    yield* entry.turn
      .withPermit(fetchFrom(mirror, remote, ["--", remote.url, `+${wanted}:refs/squadron/seen/${wanted}`]))
      .pipe(
        Effect.mapError(failed(remote)),
        Effect.catchIf(
          // Some forges give no commit by its id alone, and none gives one that it does not have.
          (error) => !error.retryable,
          () => Effect.void
        )
      )
    return yield* look
  })

  const using = <A, E, R>(repository: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const entry = entryOf(repository)
    return Effect.acquireUseRelease(
      Effect.andThen(
        Effect.sync(() => ++entry.users),
        want(entry)
      ),
      () => effect,
      () => Effect.sync(() => --entry.users)
    )
  }

  const alone = <A, E, R>(repository: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A | null, E, R> => {
    const entry = entryOf(repository)
    const wanted = Latch.makeUnsafe()
    return entry.turn.withPermit(
      Effect.suspend(() => {
        // Who begins to use it after this opens the latch, and must fetch before anything else.
        if (entry.users > 0) return Effect.succeed(null)
        entry.wanted = wanted
        return Effect.raceFirst(effect, Effect.as(wanted.await, null)).pipe(
          Effect.ensuring(Effect.sync(() => void (entry.wanted = null)))
        )
      })
    )
  }

  return { fetch, commit, using, alone } satisfies Mirrors
})
