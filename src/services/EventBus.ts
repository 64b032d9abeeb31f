import { Clock, Context, Effect, Layer } from "effect"
import { BusFull, type StoreUnavailable } from "../domain/Errors.ts"
import type { EventDraft, Published } from "../domain/Event.ts"
import { Store } from "./Store.ts"

/** Where all events come in. An answer means that the event is on disk. An event whose `at` is 0 happens now. */
export class EventBus extends Context.Service<
  EventBus,
  {
    /** Waits its turn when the bus is full. */
    publish(event: EventDraft): Effect.Effect<Published, StoreUnavailable>
    /** Fails at once when the bus is full, for callers that would rather come again. */
    offer(event: EventDraft): Effect.Effect<Published, BusFull | StoreUnavailable>
  }
>()("squadron/services/EventBus") {
  /** `capacity`: how many events may wait to be written before `offer` refuses. */
  static readonly layerCapacity = (capacity: number): Layer.Layer<EventBus, never, Store> =>
    Layer.effect(
      EventBus,
      Effect.gen(function* () {
        const store = yield* Store
        let waiting = 0
        // no span: one per event would cost as much as storing it
        const publish = (event: EventDraft) =>
          Clock.clockWith((clock) => {
            waiting++
            return Effect.ensuring(
              store.publish(event.at === 0 ? { ...event, at: clock.currentTimeMillisUnsafe() } : event),
              Effect.sync(() => waiting--)
            )
          })
        return EventBus.of({
          publish,
          offer: (event) =>
            Effect.suspend((): Effect.Effect<Published, BusFull | StoreUnavailable> =>
              waiting >= capacity ? Effect.fail(new BusFull({ capacity })) : publish(event)
            )
        })
      })
    )

  /** Holds 1,024 events that wait to be written. */
  static readonly layer = EventBus.layerCapacity(1024)
}
