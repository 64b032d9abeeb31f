import { Clock, Context, Effect, FiberMap, Latch, Layer, Schedule, Semaphore } from "effect"
import { claim, type Claim } from "../domain/claim.ts"
import type { Message } from "../domain/Message.ts"
import { type Role, roleOf } from "../domain/Role.ts"
import type { Harness } from "./Harness.ts"
import { keepGoing, reasonOf } from "./keepGoing.ts"
import { makeRunAgent, perTurn, type Running, type Stop } from "./runAgent.ts"
import type { Prompts } from "./Prompts.ts"
import { Squads } from "./Squads.ts"
import { Store } from "./Store.ts"
import type { Supervisor } from "./Supervisor.ts"

/** Runs ready agents, never more at once than the squad and their role allow: one permit, one fiber, one scope each. */
export class AgentPool extends Context.Service<
  AgentPool,
  {
    /** Who runs now. */
    readonly running: Effect.Effect<ReadonlyArray<{ readonly agent: string; readonly role: string }>>
    /** Completes when the agent does not run, at once where it does not. */
    stopped(agent: string): Effect.Effect<void>
    /** Completes when nobody runs. */
    readonly drained: Effect.Effect<void>
    /** No new runs from now on; running turns get `timeout` milliseconds, then they are interrupted and awaited. */
    drain(timeout: number): Effect.Effect<void>
  }
>()("squadron/services/AgentPool") {
  static readonly layer: Layer.Layer<AgentPool, never, Store | Squads | Supervisor | Harness | Prompts> = Layer.effect(
    AgentPool,
    Effect.gen(function* () {
      const store = yield* Store
      const squads = yield* Squads
      const fibers = yield* FiberMap.make<string, void, never>()
      let size = (yield* squads.current).concurrency
      const permits = yield* Semaphore.make(size)
      // held from the moment that permits are given until their runs are under way
      const claiming = yield* Semaphore.make(1)
      const running = new Map<string, Running>()
      const wake = yield* Latch.make(true)
      const deadlines = yield* Latch.make(false)
      const ended = yield* Latch.make(false)
      let watchedUntil = Number.POSITIVE_INFINITY
      let open = true
      let closing = false
      // asked only while some role may be without quota or authorization
      let held = true

      const interrupt = (entry: Running, stop: Stop) => {
        entry.stop = stop
        return FiberMap.remove(fibers, entry.agent)
      }
      const stops = yield* FiberMap.make<string, void, never>()
      const stopSoon = yield* FiberMap.runtime(stops)<never>()

      yield* store.observe((committed) => {
        if (committed.timers) wake.openUnsafe()
        for (const agent of committed.agents) {
          if (agent.status === "ready") wake.openUnsafe()
          if (agent.status === "waiting" || agent.status === "paused") held = true
          const entry = running.get(agent.id)
          if (entry === undefined) continue
          entry.seen = agent
          if (agent.status === "running") continue
          if (entry.turn > 0) stopSoon(agent.id, interrupt(entry, "stopped"), { onlyIfMissing: true })
          else entry.stop = "stopped"
        }
      })

      const watch = (entry: Running, now: number, role: Role) => {
        entry.limit = role.limits.wallClock
        entry.deadline = now + entry.limit
        if (entry.deadline < watchedUntil) deadlines.openUnsafe()
      }

      // what must be done before anything else may happen is tried again, whatever is in its way
      const untilClosing = <A, E>(effect: Effect.Effect<A, E>, what: string): Effect.Effect<A, E> =>
        effect.pipe(
          Effect.sandbox,
          Effect.tapError((cause) => Effect.logWarning(`${what}: ${reasonOf(cause)}`)),
          Effect.retry({ schedule: Schedule.spaced("1 second"), while: () => !closing }),
          Effect.catch((cause) => Effect.failCause(cause))
        )

      const runClaimed = yield* makeRunAgent({ watch, untilClosing, isOpen: () => open })
      const runAgent = (entry: Running, claimed: Claim, messages: ReadonlyArray<Message>): Effect.Effect<void> =>
        runClaimed(entry, claimed, messages).pipe(
          permits.withPermit,
          Effect.ensuring(
            Effect.sync(() => {
              running.delete(entry.agent)
              wake.openUnsafe()
              ended.openUnsafe()
            })
          ),
          Effect.annotateLogs({ agent: claimed.agent.id })
        )

      const dispatch = Effect.gen(function* () {
        wake.closeUnsafe()
        const squad = yield* squads.current
        const free = squad.concurrency - running.size
        if (!open || free <= 0) return yield* wake.await
        if (squad.concurrency !== size) {
          size = squad.concurrency
          yield* permits.resize(size)
        }
        const counts = new Map<string, number>()
        for (const { role } of running.values()) counts.set(role, (counts.get(role) ?? 0) + 1)
        const room = (role: string) => (roleOf(squad, role)?.limits.concurrency ?? 1) - (counts.get(role) ?? 0)
        const full = [...counts.keys()].filter((role) => room(role) <= 0)
        if (held) {
          const suspended = yield* store.suspended
          held = suspended.length > 0
          full.push(...suspended)
        }
        const candidates = (yield* store.ready(free + running.size, full))
          .filter((agent) => {
            if (running.has(agent.id) || room(agent.role) <= 0) return false
            counts.set(agent.role, (counts.get(agent.role) ?? 0) + 1)
            return true
          })
          .slice(0, free)
        if (candidates.length === 0) return yield* wake.await
        const now = yield* Clock.currentTimeMillis
        const ids = candidates.map((agent) => agent.id)
        const entries = candidates.map(({ id, role }): Running => ({
          agent: id,
          role,
          deadline: Number.POSITIVE_INFINITY,
          limit: 0,
          stop: "shutdown",
          turn: 0,
          seen: null
        }))
        const started = new Set<string>()
        yield* Effect.uninterruptible(
          claiming
            .withPermit(
              Effect.gen(function* () {
                if (!open) return
                // known before their rows run, so that nobody can stop one of them unseen
                for (const entry of entries) running.set(entry.agent, entry)
                const claims = yield* store
                  .decide(ids, (current) => claim(candidates, current, squad, now))
                  .pipe(Effect.catchTag("AgentExists", Effect.die))
                // after a failure one message at a time, so that the one to blame is known
                const careful = claims.filter(({ agent }) => agent.counters.retries > 0).map(({ agent }) => agent.id)
                const plain = claims.filter(({ agent }) => agent.counters.retries === 0).map(({ agent }) => agent.id)
                const inboxes = Effect.all([store.unread(plain, perTurn), store.unread(careful, 1)])
                const messages = (yield* untilClosing(
                  inboxes,
                  "Agents that have their permits wait for their messages"
                )).flat()
                const byAgent = Map.groupBy(messages, (message) => message.agent)
                for (const claimed of claims) {
                  const entry = running.get(claimed.agent.id)
                  if (entry === undefined) continue
                  const { seen } = entry
                  const stopped = seen !== null && seen.version > claimed.agent.version && seen.status !== "running"
                  entry.stop = stopped ? "stopped" : "shutdown"
                  started.add(entry.agent)
                  yield* FiberMap.run(fibers, entry.agent, runAgent(entry, claimed, byAgent.get(entry.agent) ?? []))
                }
              })
            )
            .pipe(
              Effect.ensuring(
                Effect.sync(() => {
                  for (const { agent } of entries) if (!started.has(agent)) running.delete(agent)
                  ended.openUnsafe()
                })
              )
            )
        )
      })

      const watchdog = Effect.gen(function* () {
        deadlines.closeUnsafe()
        const now = yield* Clock.currentTimeMillis
        let next = Number.POSITIVE_INFINITY
        for (const entry of running.values()) {
          if (entry.deadline <= now) {
            entry.deadline = Number.POSITIVE_INFINITY
            // not awaited here: what one run has to close must not keep the others past their limits
            stopSoon(entry.agent, interrupt(entry, "timeout"), { onlyIfMissing: true })
          } else next = Math.min(next, entry.deadline)
        }
        watchedUntil = next
        return yield* next === Number.POSITIVE_INFINITY
          ? deadlines.await
          : Effect.raceFirst(Effect.sleep(Math.min(next - now, 3_600_000)), deadlines.await)
      })

      const drained: Effect.Effect<void> = Effect.suspend(() => {
        if (running.size === 0) return Effect.void
        ended.closeUnsafe()
        return Effect.andThen(ended.await, drained)
      })

      yield* Effect.forkScoped(keepGoing(dispatch, "No agent can start"))
      yield* Effect.forkScoped(keepGoing(watchdog, "No limit is kept"))
      // the last to be registered, so the first to run
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          open = false
          closing = true
        })
      )

      return AgentPool.of({
        running: Effect.sync(() => [...running.values()].map(({ agent, role }) => ({ agent, role }))),
        stopped: (agent) =>
          Effect.suspend(function loop(): Effect.Effect<void> {
            if (!running.has(agent)) return Effect.void
            ended.closeUnsafe()
            return Effect.andThen(ended.await, Effect.suspend(loop))
          }),
        drained,
        drain: Effect.fn("AgentPool.drain")(function* (timeout: number) {
          open = false
          yield* Effect.timeoutOption(Effect.andThen(claiming.withPermit(Effect.void), drained), timeout)
          yield* FiberMap.clear(fibers)
        })
      })
    })
  )
}
