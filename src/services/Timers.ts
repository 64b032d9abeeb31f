import { Clock, Context, Effect, Latch, Layer } from "effect"
import type { EventDraft } from "../domain/Event.ts"
import type { Agent } from "../domain/Agent.ts"
import type { Timer } from "../domain/Timer.ts"
import { EventBus } from "./EventBus.ts"
import { keepGoing } from "./keepGoing.ts"
import { Store } from "./Store.ts"

/** Sleeps no longer than this at once, since a timer of the platform cannot. */
const longest = 3_600_000

const fired = (timer: Timer, agent: Agent, now: number): EventDraft => ({
  key: `timer:${timer.id}`,
  source: "timer",
  at: now,
  actor: { login: "squadron", kind: "system" },
  subject: agent.subject,
  causedBy: null,
  depth: agent.depth,
  detail: { _tag: "timer.fired", timer: timer.id, kind: timer.kind, agent: timer.agent }
})

/** Turns durable deadlines into events when they are due; those that came due while nobody ran are due at start. */
export class Timers extends Context.Service<
  Timers,
  {
    /** When the next timer is due, in milliseconds since 1970, or null. */
    readonly next: Effect.Effect<number | null>
  }
>()("squadron/services/Timers") {
  static readonly layer: Layer.Layer<Timers, never, Store | EventBus> = Layer.effect(
    Timers,
    Effect.gen(function* () {
      const store = yield* Store
      const bus = yield* EventBus
      const wake = yield* Latch.make(true)
      // published, but not routed yet: the router drops the row
      const published = new Set<string>()

      yield* store.observe((committed) => {
        if (committed.timers) wake.openUnsafe()
      })

      const fire = Effect.fnUntraced(function* (due: ReadonlyArray<Timer>, now: number) {
        const agents = new Map(
          (yield* store.agentsById(due.map((timer) => timer.agent))).map((agent) => [agent.id, agent])
        )
        for (const timer of due) {
          const agent = agents.get(timer.agent)
          if (agent !== undefined) yield* bus.publish(fired(timer, agent, now))
          published.add(timer.id)
        }
      })

      const round = Effect.gen(function* () {
        wake.closeUnsafe()
        const timers = yield* store.timers(published.size + 100)
        const there = new Set(timers.map((timer) => timer.id))
        for (const id of published) if (!there.has(id)) published.delete(id)
        const now = yield* Clock.currentTimeMillis
        const waiting = timers.filter((timer) => !published.has(timer.id))
        const due = waiting.filter((timer) => timer.dueAt <= now)
        if (due.length > 0) return yield* fire(due, now)
        const next = waiting[0]
        return yield* next === undefined
          ? wake.await
          : Effect.raceFirst(Effect.sleep(Math.min(next.dueAt - now, longest)), wake.await)
      })

      yield* Effect.forkScoped(keepGoing(round, "Timers wait"))
      return Timers.of({ next: Effect.map(store.timers(1), ([timer]) => timer?.dueAt ?? null) })
    })
  )
}
