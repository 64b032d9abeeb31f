import { Context, Effect, Layer, Ref } from "effect"
import type { Squad } from "../domain/Role.ts"

/**
 * The squad in force: the roles and their policies, read anew for each decision so that a change of the
 * configuration takes effect at once.
 */
export class Squads extends Context.Service<
  Squads,
  {
    readonly current: Effect.Effect<Squad>
    /** Puts another squad in force. */
    replace(squad: Squad): Effect.Effect<void>
  }
>()("squadron/services/Squads") {
  /** Starts with the given squad. */
  static readonly layer = (squad: Squad) =>
    Layer.effect(
      Squads,
      Effect.gen(function* () {
        const ref = yield* Ref.make(squad)
        return Squads.of({ current: Ref.get(ref), replace: (next) => Ref.set(ref, next) })
      })
    )
}
