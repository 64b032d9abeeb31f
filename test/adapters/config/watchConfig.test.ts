import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Layer, Path, PlatformError, Queue, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import { watchConfig } from "../../../src/adapters/config/watchConfig.ts"

/** The real file system with watches by hand: `watched` tells what is watched, `changed` reports a change. */
const byHand = Effect.gen(function* () {
  const real = yield* FileSystem.FileSystem
  const watches = new Map<string, Queue.Queue<FileSystem.WatchEvent, PlatformError.PlatformError>>()
  const watched = yield* Queue.unbounded<string>()
  const fs = FileSystem.make({
    ...real,
    watch: (path) =>
      Stream.unwrap(
        Effect.gen(function* () {
          yield* real.stat(path)
          const queue = yield* Queue.unbounded<FileSystem.WatchEvent, PlatformError.PlatformError>()
          watches.set(path, queue)
          yield* Queue.offer(watched, path)
          return Stream.fromQueue(queue)
        })
      )
  })
  const changed = (folder: string, path: string) => {
    const queue = watches.get(folder)
    return queue === undefined
      ? Effect.die(new Error(`${folder} is not watched`))
      : Queue.offer(queue, { _tag: "Update", path })
  }
  return { layer: Layer.succeed(FileSystem.FileSystem, fs), real, watched, watches, changed }
})

/** Lets a change run through all fibers of the stream up to the clock; there is no input or output on this way. */
const settled = Effect.repeat(Effect.yieldNow, { times: 200 })

const project = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* fs.makeTempDirectoryScoped()
  const folder = path.join(root, ".squadron")
  const agents = path.join(folder, "agents")
  const config = path.join(folder, "config.yaml")
  yield* fs.makeDirectory(agents, { recursive: true })
  yield* fs.writeFileString(path.join(agents, "a.md"), "---\nfunction: f\n---\n")
  return { root, folder, agents, config }
})

describe("a configuration that changes", () => {
  it.effect("is read once after a burst of changes, 200 ms after the last", () =>
    Effect.gen(function* () {
      const { agents, config, folder, root } = yield* project
      const { changed, layer, real, watched } = yield* byHand
      const seen = yield* Queue.unbounded<Result.Result<number, string>>()
      yield* watchConfig(root).pipe(
        Stream.runForEach((result) =>
          Queue.offer(
            seen,
            Result.mapBoth(result, {
              onSuccess: ({ squad }) => squad.concurrency,
              onFailure: ({ message }) => message
            })
          )
        ),
        Effect.provide(layer),
        Effect.forkScoped
      )
      assert.deepStrictEqual(
        [yield* Queue.take(watched), yield* Queue.take(watched), yield* Queue.take(watched)].toSorted(),
        [root, folder, agents]
      )
      yield* real.writeFileString(config, "concurrency: 3")
      yield* changed(agents, "a.md")
      yield* changed(agents, "b.md")
      yield* settled
      yield* TestClock.adjust("199 millis")
      assert.strictEqual(yield* Queue.size(seen), 0)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* Queue.take(seen), Result.succeed(3))

      // A mistake is told, and what follows it is seen again.
      yield* real.writeFileString(config, "concurrency: none")
      yield* changed(folder, "config.yaml")
      assert.strictEqual(yield* Queue.take(watched), agents)
      yield* settled
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(
        yield* Queue.take(seen),
        Result.fail(
          `${config}:1: \`concurrency\`: expected a whole number above 0, got "none". For example: \`concurrency: 10\`.`
        )
      )
      yield* real.writeFileString(config, "concurrency: 4")
      yield* changed(folder, "config.yaml")
      assert.strictEqual(yield* Queue.take(watched), agents)
      yield* settled
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(yield* Queue.take(seen), Result.succeed(4))
      assert.strictEqual(yield* Queue.size(seen), 0)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is followed when its folder comes only later, and other files of the project say nothing", () =>
    Effect.gen(function* () {
      const { agents, folder, root } = yield* project
      const { changed, layer, real, watched } = yield* byHand
      yield* real.rename(folder, `${folder}-away`)
      const seen = yield* Queue.unbounded<boolean>()
      yield* watchConfig(root).pipe(
        Stream.runForEach((result) => Queue.offer(seen, Result.isSuccess(result))),
        Effect.provide(layer),
        Effect.forkScoped
      )
      assert.strictEqual(yield* Queue.take(watched), root)
      yield* changed(root, "README.md")
      yield* settled
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Queue.size(seen), 0)

      yield* real.rename(`${folder}-away`, folder)
      yield* changed(root, ".squadron")
      assert.deepStrictEqual([yield* Queue.take(watched), yield* Queue.take(watched)].toSorted(), [folder, agents])
      yield* settled
      yield* TestClock.adjust("200 millis")
      assert.isTrue(yield* Queue.take(seen))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("says so where the system cannot watch", () =>
    Effect.gen(function* () {
      const { root } = yield* project
      const { layer, watched, watches } = yield* byHand
      const fiber = yield* Stream.runDrain(watchConfig(root)).pipe(Effect.provide(layer), Effect.forkChild)
      yield* Queue.take(watched)
      const queue = watches.get(root)
      const error = PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method: "watch" })
      if (queue !== undefined) yield* Queue.fail(queue, error)
      assert.deepStrictEqual(yield* Fiber.await(fiber), Exit.fail(error))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("is seen by the real file system", () =>
    Effect.gen(function* () {
      const { agents, config, root } = yield* project
      const real = yield* FileSystem.FileSystem
      const ready = yield* Deferred.make<void>()
      const watching = FileSystem.make({
        ...real,
        watch: (path) =>
          real.watch(path, {
            onReady: () => {
              if (path === agents) Deferred.doneUnsafe(ready, Exit.void)
            }
          })
      })
      const fiber = yield* watchConfig(root).pipe(
        Stream.filter(Result.isSuccess),
        Stream.take(1),
        Stream.runCollect,
        Effect.provideService(FileSystem.FileSystem, watching),
        Effect.forkChild
      )
      yield* Deferred.await(ready)
      yield* real.writeFileString(config, "concurrency: 7")
      const [first] = yield* Fiber.join(fiber)
      assert.strictEqual(first?.success.squad.concurrency, 7)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
