import { Console, Effect, Layer } from "effect"
import { AgentPool, event, EventBus, Harness, makeRole, makeSquad, Squadron, squadronLayer, Store } from "squadron"

// An agent as an Effect function: it sees its new messages and answers with an outcome.
const reviewer = Harness.layerFunctions({
  review: ({ agent, messages }) =>
    Effect.as(Console.log(`${agent.id} looks at ${messages.map(({ event }) => event.key).join(", ")}`), {
      _tag: "Completed",
      evidence: { summary: `looked at ${messages.length}` }
    } as const)
})

const on = [{ event: "custom", name: "build.failed" }] as const
const role = makeRole({ name: "reviewer", harness: { _tag: "function", name: "review" }, on })

const program = Effect.gen(function* () {
  const bus = yield* EventBus
  const pool = yield* AgentPool
  const squadron = yield* Squadron
  const store = yield* Store
  for (const key of ["build/1", "build/2", "build/1"]) {
    const published = yield* bus.publish(event({ key, name: "build.failed", repository: "acme/app", issue: 7 }))
    yield* Console.log(key, published._tag, published.seq)
  }
  yield* squadron.idle
  yield* pool.drained
  for (const { text } of (yield* store.journal({ limit: 20 })).toReversed()) yield* Console.log(text)
})

// `filename` may be a path: then all of it survives a crash.
const squad = makeSquad({ roles: [role] })
const layer = squadronLayer({ squad, filename: ":memory:" }).pipe(Layer.provide(reviewer))

Effect.runPromise(Effect.provide(program, layer))
