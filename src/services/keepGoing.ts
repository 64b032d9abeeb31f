import { Cause, Effect, Schedule } from "effect"

/** Repeats it until it is interrupted; after a fault, expected or not, it says so and goes on a second later. */
export const keepGoing = <E, R>(round: Effect.Effect<void, E, R>, what: string): Effect.Effect<never, never, R> =>
  round.pipe(
    Effect.sandbox,
    Effect.tapError((cause) => Effect.logWarning(`${what}: ${reasonOf(cause)}`)),
    Effect.retry({ schedule: Schedule.spaced("1 second") }),
    Effect.orDie,
    Effect.forever
  )

/** One line for a person. */
export const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}
