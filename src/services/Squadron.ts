import { Clock, Context, Effect, Latch, Layer, Queue, Stream } from "effect"
import type { QueuedAction } from "../domain/Action.ts"
import { type Agent, canMove, isLive } from "../domain/Agent.ts"
import {
  type ActionNotFailed,
  type ActionNotFound,
  type AgentNotFound,
  type BusFull,
  type EventNotFound,
  NotPossible,
  type StoreUnavailable
} from "../domain/Errors.ts"
import type { Detail, EventDraft, Published } from "../domain/Event.ts"
import type { AgentExplanation, EventExplanation, Status } from "../domain/Explanation.ts"
import type { JournalEntry } from "../domain/Journal.ts"
import { AgentPool } from "./AgentPool.ts"
import { EventBus } from "./EventBus.ts"
import { Outbox } from "./Outbox.ts"
import { Router } from "./Router.ts"
import { Squads } from "./Squads.ts"
import { Store } from "./Store.ts"
import { Timers } from "./Timers.ts"

/** The face: what a person, a page or a program may do with a running squadron. */
export class Squadron extends Context.Service<
  Squadron,
  {
    /** Answers after the event is durable. */
    publish(event: EventDraft): Effect.Effect<Published, BusFull | StoreUnavailable>
    /** The journal as it grows, from now on. */
    readonly watch: Stream.Stream<JournalEntry>
    /** Stops it for good; a running turn is interrupted and awaited. The branch and the history stay. */
    cancel(
      agent: string,
      reason: string
    ): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
    /** Parks it; a running turn is interrupted and awaited. */
    pause(agent: string, reason: string): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
    /** Lets a paused agent go on. */
    resume(agent: string): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
    /** Gives an escalated, waiting or paused agent a new chance, its messages that were set aside included. */
    retry(agent: string): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
    /** Answers an asking agent, also one that is escalated since it waited too long. */
    answer(
      agent: string,
      answer: string
    ): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
    /** Lets an agent change protected paths; one that asks goes on. */
    approve(
      agent: string,
      paths: ReadonlyArray<string>
    ): Effect.Effect<Agent, AgentNotFound | NotPossible | BusFull | StoreUnavailable>
    /**
     * Has an action that failed for good tried again, in its place before what its subject has still queued. What was
     * done there meanwhile stays: it is done on the subject as it is by then, or refused anew.
     */
    retryAction(id: number): Effect.Effect<QueuedAction, ActionNotFound | ActionNotFailed | StoreUnavailable>
    explainEvent(seq: number): Effect.Effect<EventExplanation, EventNotFound>
    explainAgent(id: string): Effect.Effect<AgentExplanation, AgentNotFound>
    readonly status: Effect.Effect<Status>
    /** Completes when nothing is left to do: all routed, nobody ready or running, nothing queued, no timer due at once. */
    readonly idle: Effect.Effect<void>
    /** Starts no new run, gives running turns their time, then interrupts them; returns when all is committed. */
    readonly drain: Effect.Effect<void>
  }
>()("squadron/services/Squadron") {
  /** `version` is shown by `status`; `drainTimeout`, in milliseconds, is what running turns get at a stop. */
  static readonly layer = (options: {
    readonly version: string
    readonly drainTimeout: number
  }): Layer.Layer<Squadron, never, Store | EventBus | AgentPool | Router | Squads | Outbox | Timers> =>
    Layer.effect(
      Squadron,
      Effect.gen(function* () {
        const store = yield* Store
        const bus = yield* EventBus
        const pool = yield* AgentPool
        const router = yield* Router
        const squads = yield* Squads
        // named, so that they are there: what they do, they do by themselves
        yield* Outbox
        yield* Timers
        const startedAt = yield* Clock.currentTimeMillis
        let accepting = true
        let asked = 0
        const changed = yield* Latch.make(false)
        yield* store.observe(() => changed.openUnsafe())

        const routed = Effect.fnUntraced(function* (seq: number) {
          // the durable cursor: it has moved by the time that observers hear of it
          while (true) {
            changed.closeUnsafe()
            if ((yield* store.cursor) >= seq) return
            yield* changed.await
          }
        })

        // a person's wish is an event like any other, so it survives a crash and is in the journal
        const ask = Effect.fnUntraced(function* (id: string, wanted: string, to: Agent["status"], detail: Detail) {
          const agent = yield* store.agent(id)
          if (!isLive(agent.status) || !canMove(agent.status, to))
            return yield* new NotPossible({ agent: id, status: agent.status, wanted })
          const at = yield* Clock.currentTimeMillis
          const published = yield* bus.offer({
            key: `person:${id}/${agent.version}/${detail._tag}/${at}/${asked++}`,
            source: "person",
            at,
            actor: { login: "operator", kind: "person", trust: "admin" },
            subject: agent.subject,
            causedBy: null,
            depth: 0,
            detail
          })
          yield* routed(published.seq)
          if (to === "cancelled" || to === "paused") yield* pool.stopped(id)
          return yield* store.agent(id)
        })

        const isIdle = Effect.gen(function* () {
          const counts = yield* store.counts
          if (counts.routed < counts.events || counts.agents.running > 0) return false
          if (counts.agents.ready > 0 && (yield* store.ready(1, yield* store.suspended)).length > 0) return false
          if (counts.actionsQueued > 0 || (yield* pool.running).length > 0) return false
          return (yield* store.timers(1000)).every(({ kind }) => kind !== "retry" && kind !== "continue")
        })

        return Squadron.of({
          publish: bus.offer,
          watch: Stream.unwrap(
            Effect.gen(function* () {
              const lines = yield* Queue.sliding<JournalEntry>(4096)
              yield* store.observe(
                (committed) => {
                  for (const line of committed.journal) Queue.offerUnsafe(lines, line)
                },
                { journal: true }
              )
              return Stream.fromQueue(lines)
            })
          ),
          cancel: Effect.fn("Squadron.cancel")((agent: string, reason: string) =>
            ask(agent, "cancelling", "cancelled", { _tag: "agent.cancel_requested", agent, reason })
          ),
          pause: Effect.fn("Squadron.pause")((agent: string, reason: string) =>
            ask(agent, "pausing", "paused", { _tag: "agent.pause_requested", agent, reason })
          ),
          resume: Effect.fn("Squadron.resume")(function* (agent: string) {
            const held = yield* store.agent(agent)
            if (held.status !== "paused")
              return yield* new NotPossible({ agent, status: held.status, wanted: "resuming" })
            return yield* ask(agent, "resuming", "ready", { _tag: "agent.resume_requested", agent })
          }),
          retry: Effect.fn("Squadron.retry")((agent: string) =>
            ask(agent, "retrying", "ready", { _tag: "agent.retry_requested", agent })
          ),
          answer: Effect.fn("Squadron.answer")(function* (agent: string, answer: string) {
            const held = yield* store.agent(agent)
            if (held.status !== "asking" && held.status !== "escalated")
              return yield* new NotPossible({ agent, status: held.status, wanted: "answering" })
            return yield* ask(agent, "answering", "ready", { _tag: "agent.answered", agent, answer })
          }),
          approve: Effect.fn("Squadron.approve")(function* (agent: string, paths: ReadonlyArray<string>) {
            const { status } = yield* store.agent(agent)
            return yield* ask(agent, "approving", status, { _tag: "agent.approved", agent, paths })
          }),
          retryAction: Effect.fn("Squadron.retryAction")(function* (id: number) {
            return yield* store.retryAction(id, yield* Clock.currentTimeMillis)
          }),
          explainEvent: Effect.fn("Squadron.explainEvent")(function* (seq: number) {
            const event = yield* store.event(seq)
            const journal = yield* store.journal({ event: seq, limit: 100 })
            const ids = [...new Set(journal.flatMap((line) => line.agent ?? []))]
            return {
              event,
              journal: journal.toReversed(),
              agents: yield* store.agentsById(ids),
              routed: (yield* router.position) >= seq
            }
          }),
          explainAgent: Effect.fn("Squadron.explainAgent")(function* (id: string) {
            const agent = yield* store.agent(id)
            const journal = yield* store.journal({ agent: id, limit: 200 })
            return {
              agent,
              journal: journal.toReversed(),
              runs: yield* store.runs(id),
              actions: yield* store.actions({ agent: id, limit: 200 })
            }
          }),
          status: Effect.gen(function* () {
            const counts = yield* store.counts
            const squad = yield* squads.current
            const running = yield* pool.running
            return {
              ...counts,
              version: options.version,
              startedAt,
              accepting,
              permits: { held: running.length, limit: squad.concurrency },
              roles: squad.roles.map((role) => ({
                name: role.name,
                description: role.description,
                limit: role.limits.concurrency,
                running: running.filter((entry) => entry.role === role.name).length
              }))
            }
          }),
          idle: Effect.gen(function* () {
            while (true) {
              changed.closeUnsafe()
              if (yield* isIdle) return
              // a run's last commit comes a little before its end
              yield* (yield* pool.running).length === 0 ? changed.await : Effect.raceFirst(changed.await, pool.drained)
            }
          }),
          drain: Effect.gen(function* () {
            accepting = false
            yield* pool.drain(options.drainTimeout)
          })
        })
      })
    )
}
