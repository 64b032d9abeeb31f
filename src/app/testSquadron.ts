import { Effect, Latch, Layer, Ref } from "effect"
import { Outcome } from "../domain/Outcome.ts"
import { makeRole, makeSquad, type Role, type Squad } from "../domain/Role.ts"
import { type FunctionAgent, type FunctionAnswer, Harness, type TurnInput } from "../services/Harness.ts"
import { Squads } from "../services/Squads.ts"
import { Store } from "../services/Store.ts"
import { engineLayer, localForgeLayer, sqliteStoreLayer } from "./layers.ts"

/**
 * A whole squadron on SQLite, in memory unless a file is named, with the local forge and agents as functions. Roles
 * that are not described listen to `custom` events.
 */
export const testSquadronLayer = (options: {
  readonly agents: { readonly [Name in string]: FunctionAgent }
  readonly roles?: ReadonlyArray<Partial<Role> & { readonly name: string }>
  readonly squad?: Partial<Squad>
  readonly filename?: string
  /** Milliseconds; 1,000 unless told. */
  readonly drainTimeout?: number
}) => {
  const roles = (options.roles ?? Object.keys(options.agents).map((name) => ({ name }))).map((role) =>
    makeRole({ harness: { _tag: "function", name: role.name }, on: [{ event: "custom" }], ...role })
  )
  return engineLayer({ drainTimeout: options.drainTimeout ?? 1_000 }).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Squads.layer(makeSquad({ roles, ...options.squad })),
        Harness.layerFunctions(options.agents),
        localForgeLayer()
      )
    ),
    Layer.provideMerge(sqliteStoreLayer({ filename: options.filename ?? ":memory:" })),
    Layer.orDie
  )
}

/**
 * An agent whose every turn is given in advance: the first answer to the first turn, and so on; after the last it
 * completes. It tells what it was given, turn by turn.
 */
export const scriptedAgent = (answers: ReadonlyArray<FunctionAnswer | Effect.Effect<FunctionAnswer, unknown>>) =>
  Effect.map(Ref.make<ReadonlyArray<TurnInput>>([]), (turns) => ({
    turns: Ref.get(turns),
    agent: ((input) =>
      Effect.flatMap(
        Ref.getAndUpdate(turns, (all) => [...all, input]),
        (before) => {
          const answer =
            answers[before.length] ?? Outcome.cases.Completed.make({ evidence: { summary: "the script is over" } })
          return Effect.isEffect(answer) ? answer : Effect.succeed(answer)
        }
      )) satisfies FunctionAgent
  }))

/**
 * Waits until `condition` holds. It is asked again after each commit, so a test waits for a fact and not for a time.
 *
 * @example
 * yield* until(Effect.map(store.counts, ({ agents }) => agents.done === 1))
 */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R | Store> =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* Store
      const changed = yield* Latch.make(false)
      yield* store.observe(() => changed.openUnsafe())
      while (true) {
        changed.closeUnsafe()
        if (yield* condition) return
        yield* changed.await
      }
    })
  )
