import { Context, Effect, Layer, Ref, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { SqlWriter, type Written } from "../../src/adapters/sql/SqlWriter.ts"
import { StoreUnavailable } from "../../src/domain/Errors.ts"
import { EventDraft } from "../../src/domain/Event.ts"

const decode = Schema.decodeUnknownEffect(EventDraft)

/** Looks over the shoulder of a writer: keeps the events of its `write`, and can make the next one fail. */
export class TestSqlWriter extends Context.Service<
  TestSqlWriter,
  {
    /** What became durable. */
    readonly events: Ref.Ref<ReadonlyArray<EventDraft>>
    /** Makes the next write fail after its body has run. */
    readonly failNext: Ref.Ref<boolean>
  }
>()("squadron/test/support/TestSqlWriter") {
  static readonly layer: Layer.Layer<TestSqlWriter | SqlWriter, never, SqlWriter> = Layer.effectContext(
    Effect.gen(function* () {
      const writer = yield* SqlWriter
      const events = yield* Ref.make<ReadonlyArray<EventDraft>>([])
      const failNext = yield* Ref.make(false)

      // A draft that no table would take, or that would be dropped as a duplicate, is a mistake of the body's.
      const accept = Effect.fnUntraced(function* (drafts: ReadonlyArray<EventDraft>) {
        const keys = new Set((yield* Ref.get(events)).map(({ key }) => key))
        for (const draft of drafts) {
          yield* Effect.orDie(decode(draft))
          if (keys.has(draft.key)) return yield* Effect.die(new Error(`The key ${draft.key} was used before`))
          keys.add(draft.key)
        }
        if (yield* Ref.getAndSet(failNext, false)) return yield* new StoreUnavailable({ reason: "told to fail" })
      })

      const write = <A, E>(body: Effect.Effect<Written<A>, E, SqlClient.SqlClient>) =>
        body.pipe(
          Effect.tap((written) => accept(written.events)),
          Effect.map((written) => ({ value: written, events: written.events })),
          writer.write,
          Effect.tap((written) => Ref.update(events, (all) => [...all, ...written.events])),
          Effect.map((written) => written.value)
        )

      return Context.make(TestSqlWriter, TestSqlWriter.of({ events, failNext })).pipe(
        Context.add(SqlWriter, SqlWriter.of({ ...writer, write }))
      )
    })
  )
}
