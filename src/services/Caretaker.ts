import { Clock, Context, Effect, FiberSet, Layer } from "effect"
import { isLive } from "../domain/Agent.ts"
import { AgentPool } from "./AgentPool.ts"
import { keepGoing } from "./keepGoing.ts"
import { Store } from "./Store.ts"
import { Workspaces } from "./Workspaces.ts"

/**
 * How often workspaces are looked at that nobody removed, such as those of agents that ended while Squadron was off;
 * and whether a mirror's day is over.
 */
const every = "1 hour"

/** Removes the workspaces of agents that have ended, once their work is saved, and has the mirrors kept small. */
export class Caretaker extends Context.Service<
  Caretaker,
  {
    /** Removes what may be removed now; answers with the agents whose workspaces are gone. */
    readonly sweep: Effect.Effect<ReadonlyArray<string>>
    /** Sees to the mirrors that are due; answers with the agents whose saved work has had its time and is gone. */
    readonly tend: Effect.Effect<ReadonlyArray<string>>
  }
>()("squadron/services/Caretaker") {
  static readonly layer: Layer.Layer<Caretaker, never, Store | Workspaces | AgentPool> = Layer.effect(
    Caretaker,
    Effect.gen(function* () {
      const store = yield* Store
      const workspaces = yield* Workspaces
      const pool = yield* AgentPool
      const removals = yield* FiberSet.make<void, never>()
      const fork = yield* FiberSet.runtime(removals)<never>()

      // its run closes the workspace after its end is written
      const removeOf = (agent: string): Effect.Effect<void> =>
        pool.stopped(agent).pipe(
          Effect.andThen(workspaces.kept),
          // most agents never had one
          Effect.flatMap((kept) => (kept.includes(agent) ? workspaces.remove(agent) : Effect.succeed(false))),
          Effect.asVoid,
          Effect.catch((error) => Effect.logWarning(`The workspace of ${agent} stays: ${error.message}`))
        )

      yield* store.observe((committed) => {
        for (const agent of committed.agents) if (!isLive(agent.status)) fork(removeOf(agent.id))
      })

      const sweep = Effect.gen(function* () {
        const kept = yield* store.agentsById(yield* workspaces.kept)
        const live = kept.filter((agent) => isLive(agent.status)).map(({ id }) => id)
        return yield* workspaces.sweep({ live, now: yield* Clock.currentTimeMillis })
      })

      const tend = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        workspaces.tend({
          now,
          // one that the store does not know may be alive elsewhere
          ended: (agents, before) =>
            Effect.map(store.agentsById(agents), (known) =>
              known.filter(({ since, status }) => !isLive(status) && since < before).map(({ id }) => id)
            )
        })
      )

      yield* Effect.forkScoped(keepGoing(Effect.andThen(sweep, Effect.sleep(every)), "Workspaces are not cleared"))
      yield* Effect.forkScoped(keepGoing(Effect.andThen(tend, Effect.sleep(every)), "Mirrors are not seen to"))
      return Caretaker.of({ sweep, tend })
    })
  )
}
