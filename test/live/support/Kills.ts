/** When a daemon is killed: chosen by a seed, met by looking. */
import { Effect, Random } from "effect"
import { catchState, databaseOf } from "./Database.ts"
import type { Proc } from "./Daemon.ts"

export type Moment =
  /** A part of the time that a start takes, so mostly while it recovers what the last one left. */
  | { readonly _tag: "start"; readonly part: number }
  /** Any time of its work, in milliseconds after its start. */
  | { readonly _tag: "work"; readonly after: number }
  /** The tick in which its nth answer says that something is kept. */
  | { readonly _tag: "answer"; readonly nth: number }
  /** Between two commits that belong together, from some milliseconds after its start on. */
  | { readonly _tag: "between"; readonly state: "noting" | "routing"; readonly after: number }

const after = Random.nextIntBetween(0, 400)

const kinds: ReadonlyArray<Effect.Effect<Moment>> = [
  Effect.map(Random.nextIntBetween(50, 1000), (after): Moment => ({ _tag: "work", after })),
  Effect.map(Random.nextIntBetween(1, 5), (nth): Moment => ({ _tag: "answer", nth })),
  Effect.map(after, (after): Moment => ({ _tag: "between", state: "noting", after })),
  Effect.map(Random.nextBetween(0.4, 1.2), (part): Moment => ({ _tag: "start", part })),
  Effect.map(after, (after): Moment => ({ _tag: "between", state: "routing", after }))
]

/** The moments of so many kills; the same for the same seed. */
export const plan = (kills: number, seed: string): Effect.Effect<ReadonlyArray<Moment>> =>
  Effect.forEach(
    Array.from({ length: kills }, (_, n) => kinds[n % kinds.length] ?? Effect.die("no kind")),
    (moment) => moment
  ).pipe(Random.withSeed(seed))

/** How long a moment is waited for before the daemon is killed all the same. */
const patience = 1500

/** Waits for the moment in a daemon that is at work, and kills it in the very tick. */
export const killAt = (
  moment: Exclude<Moment, { readonly _tag: "start" }>,
  folder: string,
  proc: Proc,
  onAnswer: (listener: () => void) => () => void
): Effect.Effect<void> => {
  switch (moment._tag) {
    case "work":
      return Effect.andThen(Effect.sleep(moment.after), Effect.sync(proc.kill))
    case "between":
      return Effect.andThen(
        Effect.sleep(moment.after),
        catchState(databaseOf(folder), moment.state, patience, proc.kill)
      )
    case "answer": {
      const answered = Effect.callback<void>((resume) => {
        let heard = 0
        const stop = onAnswer(() => {
          if (++heard < moment.nth) return
          proc.kill()
          stop()
          resume(Effect.void)
        })
        return Effect.sync(stop)
      })
      return Effect.raceFirst(answered, Effect.andThen(Effect.sleep(patience), Effect.sync(proc.kill)))
    }
  }
}
