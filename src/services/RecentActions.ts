import { Clock, Context, Duration, Effect, Layer } from "effect"
import type { ActionDraft, ActionResult } from "../domain/Action.ts"
import { landedTrace, tracesIn, tracesOf } from "../domain/actionTraces.ts"
import type { EventDraft } from "../domain/Event.ts"
import { Store } from "./Store.ts"

/** How long after an action its event may have happened; in milliseconds. */
const window = Duration.toMillis("10 minutes")
/** How far the forge's clock may be behind ours; in milliseconds. */
const slack = Duration.toMillis("1 minute")
/** Actions that are remembered, the newest. */
const capacity = 2000
/** Actions that a start reads back, of those that are queued and of all. */
const readBack = 500

type Entry = {
  readonly agent: string | null
  readonly depth: number
  readonly traces: Array<string>
  /** Between these times its events happen; in milliseconds since 1970. */
  readonly from: number
  until: number
}

/**
 * The actions of a short while ago, by what they leave in the forge, so that an event is known for Squadron's own doing
 * where no text carries a mark. An action is noted before it is done, so that its event cannot be earlier. Those that an
 * earlier process did are read back at the start.
 */
export class RecentActions extends Context.Service<
  RecentActions,
  {
    /** Does the action, and knows its events from then on until a while after its end. */
    during<E, R>(action: ActionDraft, doing: Effect.Effect<ActionResult, E, R>): Effect.Effect<ActionResult, E, R>
    /**
     * An event of our own account with the agent that caused it, and with as many agents between it and what a person did.
     * It stays as it is where a mark has said so already, where somebody else did it, and where no such action is known.
     */
    attribute(event: EventDraft): EventDraft
  }
>()("squadron/services/RecentActions") {
  static readonly layer: Layer.Layer<RecentActions, never, Store> = Layer.effect(
    RecentActions,
    Effect.gen(function* () {
      const store = yield* Store
      const entries = new Map<string, Entry>()
      const byTrace = new Map<string, Array<Entry>>()

      const find = (trace: string, entry: Entry) => {
        const others = byTrace.get(trace)
        if (others === undefined) byTrace.set(trace, [entry])
        else others.push(entry)
      }
      const forget = (key: string, entry: Entry) => {
        entries.delete(key)
        for (const trace of entry.traces) {
          const others = byTrace.get(trace)?.filter((other) => other !== entry) ?? []
          if (others.length === 0) byTrace.delete(trace)
          else byTrace.set(trace, others)
        }
      }
      const note = (action: ActionDraft, from: number, until: number): Entry | null => {
        const { agent, depth, key } = action
        const before = entries.get(key)
        if (before !== undefined) {
          before.until = until
          return before
        }
        const traces = [...new Set(tracesOf(action))]
        if (traces.length === 0) return null
        const entry: Entry = { agent, depth, traces, from, until }
        entries.set(key, entry)
        for (const trace of traces) find(trace, entry)
        for (const [oldest, other] of entries) {
          if (entries.size <= capacity) break
          forget(oldest, other)
        }
        return entry
      }

      // when they were done is not known, nor whether a queued one was done before the process ended
      const start = yield* Clock.currentTimeMillis
      const past = [...(yield* store.actions({ limit: readBack })), ...(yield* store.queuedActions(readBack, []))]
      for (const action of past.toSorted((one, other) => one.id - other.id)) {
        note(action, Number.NEGATIVE_INFINITY, start + window)
      }

      return RecentActions.of({
        during: Effect.fn("RecentActions.during")(function* (action, doing) {
          const entry = note(action, yield* Clock.currentTimeMillis, Number.POSITIVE_INFINITY)
          if (entry === null) return yield* doing
          const result = yield* Effect.ensuring(
            doing,
            Clock.clockWith((clock) => Effect.sync(() => void (entry.until = clock.currentTimeMillisUnsafe() + window)))
          )
          if (action.action._tag === "merge" && result.commit !== undefined) {
            const trace = landedTrace(action.subject.repository, result.commit)
            if (!entry.traces.includes(trace)) {
              entry.traces.push(trace)
              find(trace, entry)
            }
          }
          return result
        }),
        attribute: (event) => {
          if (event.actor.kind !== "agent" || event.causedBy !== null) return event
          for (const trace of tracesIn(event)) {
            const entry = byTrace
              .get(trace)
              ?.findLast(({ from, until }) => event.at >= from - slack && event.at <= until)
            if (entry !== undefined)
              return { ...event, causedBy: entry.agent, depth: Math.max(event.depth, entry.depth) }
          }
          return event
        }
      })
    })
  )
}
