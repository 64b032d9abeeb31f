import { Clock, Duration, Effect, Semaphore } from "effect"
import type { Budget } from "./budget.ts"
import { GitHubFault } from "./fault.ts"

/** Who would wait longer for its turn is told to come again; in milliseconds. */
const longestWait = 30_000

/** The pause between two reads at double slowness; at full speed there is none. In milliseconds. */
const readPause = 100

/** When an account's next request may go. */
export type Pace = {
  /** One write at a time, each at least a pause after the one before; the longer, the less of the budget is left. */
  readonly write: <A, E, R>(request: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | GitHubFault, R>
  /** Waits only where the budget is low. */
  readonly read: Effect.Effect<void>
}

export const makePace = (pause: Duration.Duration, budget: Budget): Pace => {
  const turn = Semaphore.makeUnsafe(1)
  const least = Duration.toMillis(pause)
  let waiting = 0
  let nextWrite = 0
  let nextRead = 0

  return {
    write: (request, effect) =>
      Effect.suspend(() => {
        waiting++
        const own = Effect.gen(function* () {
          const before = yield* Clock.currentTimeMillis
          const wait = nextWrite - before
          if (wait > 0) yield* Effect.sleep(wait)
          const now = yield* Clock.currentTimeMillis
          nextWrite = now + least * budget.slowness(now)
          return yield* effect
        })
        return Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const wait = (waiting - 1) * least * budget.slowness(now)
          if (wait > longestWait) {
            return yield* new GitHubFault({
              request,
              status: null,
              reason: `${waiting - 1} other changes wait for their turn; not asked`,
              retryable: true,
              retryAfter: wait
            })
          }
          return yield* turn.withPermit(own)
        }).pipe(Effect.ensuring(Effect.sync(() => waiting--)))
      }),
    read: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const slow = budget.slowness(now)
      if (slow === 1) return
      const at = Math.max(now, nextRead)
      nextRead = at + readPause * slow
      if (at > now) yield* Effect.sleep(at - now)
    })
  }
}
