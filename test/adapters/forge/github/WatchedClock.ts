import { Clock, Duration, Effect } from "effect"
import { TestClock } from "effect/testing"

/** The test's clock, as far ahead as one says, which knows for how long its sleepers sleep, in milliseconds. */
export type WatchedClock = Clock.Clock & { ahead: number; readonly sleeps: () => ReadonlyArray<number> }

export const watchedClock = (ahead: number): Effect.Effect<WatchedClock> =>
  Effect.map(Clock.Clock, (clock) => {
    const sleeps = new Map<object, number>()
    const watched: WatchedClock = Object.assign(Object.create(clock) as Clock.Clock, {
      ahead,
      sleeps: () => [...sleeps.values()],
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + watched.ahead,
      currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + watched.ahead),
      sleep: (duration: Duration.Duration) =>
        Effect.suspend(() => {
          const sleeper = {}
          sleeps.set(sleeper, Duration.toMillis(duration))
          return Effect.ensuring(
            clock.sleep(duration),
            Effect.sync(() => sleeps.delete(sleeper))
          )
        })
    })
    return watched
  })

/** How long a request has; one that is under way sleeps for that. */
const patience = 30_000

/** Waits in real time, in which requests are answered, until the fact is there and one fiber sleeps that does not ask. */
export const untilAsleep = (clock: WatchedClock, fact: () => boolean) => {
  const isAsleep = () => clock.sleeps().length === 1 && clock.sleeps()[0] !== patience
  return TestClock.withLive(Effect.repeat(Effect.sleep(5), { until: () => fact() && isAsleep() }))
}
