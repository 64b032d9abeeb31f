import { Deferred, Effect, Exit, FileSystem, Path, type PlatformError, type Result, Stream } from "effect"
import type { ConfigProblems } from "./ConfigProblems.ts"
import { type LoadedConfig, loadConfig } from "./loadConfig.ts"

/**
 * Changes of what is directly in a folder; none as long as it is not there. The first comes once it is watched, for what
 * changed before that.
 */
const changesIn = (folder: string, only: (name: string) => boolean) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const watched = yield* Deferred.make<void>()
      const changes = fs.watch(folder, { onReady: () => Deferred.doneUnsafe(watched, Exit.void) })
      return Stream.merge(
        Stream.fromEffect(Deferred.await(watched)),
        Stream.filter(changes, ({ path }) => only(path))
      )
    })
  ).pipe(
    Stream.map(() => "change" as const),
    Stream.catchIf(
      (error) => error.reason._tag === "NotFound",
      () => Stream.never
    )
  )

/** Follows `inner` anew from each change of `outer`, so that a folder that is removed and made again is seen. */
const within = <E, R>(outer: Stream.Stream<"change", E, R>, inner: Stream.Stream<"change", E, R>) =>
  Stream.concat(Stream.succeed("start" as const), outer).pipe(
    Stream.switchMap((event) => (event === "start" ? inner : Stream.concat(Stream.succeed(event), inner)))
  )

/**
 * The configuration after each change of its files, or what is wrong with it then; 200 ms after the last change of a
 * burst, and once after the start, since it may have changed before it was watched. Whoever uses it keeps the last good
 * one. `otherAgent` is as for `loadConfig`.
 *
 * Fails where the system cannot watch, such as when it has no watches left.
 */
export const watchConfig = (
  root: string,
  otherAgent: string | null = null
): Stream.Stream<
  Result.Result<LoadedConfig, ConfigProblems>,
  PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const path = yield* Path.Path
      const folder = path.join(root, ".squadron")
      const project = changesIn(path.resolve(root), (name) => name === ".squadron")
      const agents = changesIn(path.join(folder, "agents"), () => true)
      return within(
        project,
        within(
          changesIn(folder, () => true),
          agents
        )
      ).pipe(
        Stream.debounce("200 millis"),
        Stream.mapEffect(() => Effect.result(loadConfig(root, otherAgent)))
      )
    })
  )
