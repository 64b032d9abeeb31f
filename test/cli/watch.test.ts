import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, PubSub, Ref, Scope, Stream } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { TestClock, TestConsole } from "effect/testing"
import type { JournalEntry } from "../../src/domain/Journal.ts"
import { routed, serve } from "../app/ServedSquadron.ts"
import { running } from "./runCli.ts"

const entry = (id: number): JournalEntry => ({ ...routed, id, text: `entry ${id}` })

/** Repeats until the output says it; the test's own time limit is the bound. */
const until = <E, R>(step: Effect.Effect<unknown, E, R>, lines: Effect.Effect<ReadonlyArray<unknown>>, text: string) =>
  Effect.gen(function* () {
    while (!(yield* lines).some((line) => String(line).includes(text))) {
      yield* step
      // Sockets move only between turns of the event loop.
      yield* Effect.yieldNow
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
  })

const idsPrinted = Effect.map(TestConsole.logLines, (lines) =>
  lines.map((line) => (JSON.parse(String(line)) as JournalEntry).id)
)

describe("squadron watch", () => {
  it.effect("prints each entry once, one JSON object a line", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      yield* running(["watch", "--json", "--url", url])
      yield* until(PubSub.publish(state.journal, entry(5)), TestConsole.logLines, "entry 5")
      yield* until(PubSub.publish(state.journal, entry(6)), TestConsole.logLines, "entry 6")
      assert.deepStrictEqual(yield* idsPrinted, [5, 6])
    })
  )

  it.effect("comes back after a restart of the daemon, and prints what was written meanwhile", () =>
    Effect.gen(function* () {
      const first = yield* Scope.make()
      const before = yield* serve().pipe(Scope.provide(first))
      const watching = yield* running(["watch", "--json", "--url", before.url])
      yield* until(PubSub.publish(before.state.journal, entry(5)), TestConsole.logLines, "entry 5")

      const closing = yield* Effect.forkChild(Scope.close(first, Exit.void))
      yield* until(TestClock.adjust("2 seconds"), TestConsole.errorLines, "is gone")
      yield* Fiber.join(closing)

      const after = yield* serve({ port: Number(new URL(before.url).port) })
      yield* Ref.set(after.state.written, [entry(7), entry(6), entry(5)])
      yield* until(TestClock.adjust("2 seconds"), TestConsole.errorLines, "It is back.")
      yield* until(PubSub.publish(after.state.journal, entry(8)), TestConsole.logLines, "entry 8")
      yield* Fiber.interrupt(watching)
      assert.deepStrictEqual(yield* idsPrinted, [5, 6, 7, 8])
    })
  )
})

describe("the watched stream", () => {
  it.effect("says every 15 s that it is there", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const response = yield* HttpClient.get(`${url}/api/v1/watch`)
      assert.strictEqual(response.headers["content-type"], "text/event-stream")
      yield* response.stream.pipe(
        Stream.decodeText,
        Stream.runForEach((text) => Ref.update(seen, (all) => [...all, text])),
        Effect.forkScoped
      )
      yield* until(Effect.void, Ref.get(seen), ": watching")
      yield* until(TestClock.adjust("15 seconds"), Ref.get(seen), ": still here")
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )
})
