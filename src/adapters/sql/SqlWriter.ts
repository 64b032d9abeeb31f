import { Cause, Context, Deferred, Effect, Exit, Layer, Queue, References, type Scope } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import type { QueuedAction } from "../../domain/Action.ts"
import type { Agent, AgentStatus } from "../../domain/Agent.ts"
import { type AgentExists, StoreUnavailable } from "../../domain/Errors.ts"
import { type EventDraft, Published } from "../../domain/Event.ts"
import type { Step } from "../../domain/Step.ts"
import type { Committed } from "../../services/Store.ts"
import { type Applied, decided } from "./applySteps.ts"
import { numbering } from "./numbering.ts"
import { type RecentAgents, recentAgents } from "./recentAgents.ts"
import { recentEvents } from "./recentEvents.ts"
import { type Group, isUniqueViolation, type Job, type Refusal, writeGroup } from "./writeGroup.ts"

/** What a write came to, and the facts that follow from it. */
export type Written<A> = { readonly value: A; readonly events: ReadonlyArray<EventDraft> }

type Decide<A> = (
  current: ReadonlyMap<string, Agent>,
  actions: ReadonlyMap<number, QueuedAction>
) => { readonly step: Step; readonly value: A }

const queueLength = 1024
const groupSize = 512

/** What the database said, as the caller shall hear it. */
export const unavailable = (error: SqlError.SqlError): StoreUnavailable => {
  const cause = error.cause
  return new StoreUnavailable({
    reason: `${error.reason._tag}: ${cause instanceof Error ? cause.message : error.message}`
  })
}

/** The one writer of the database: all that waits is committed in one transaction, then each caller is answered. */
export class SqlWriter extends Context.Service<
  SqlWriter,
  {
    /**
     * Runs `body` in a savepoint of the writer's next transaction and appends its events there: all of it is durable
     * when this returns, or none. A failing body undoes itself only.
     */
    write<A, E>(
      body: Effect.Effect<Written<A>, E, SqlClient.SqlClient>
    ): Effect.Effect<A, Exclude<E, SqlError.SqlError> | StoreUnavailable>
    publish(draft: EventDraft): Effect.Effect<Published, StoreUnavailable>
    commit(step: Step): Effect.Effect<void, Refusal>
    /** `actions` are the numbers of those that `decide` must see, too. */
    decide<A>(
      agents: ReadonlyArray<string>,
      decide: Decide<A>,
      actions?: ReadonlyArray<number>
    ): Effect.Effect<A, AgentExists | StoreUnavailable>
    observe(
      listener: (committed: Committed) => void,
      options?: { readonly journal: boolean }
    ): Effect.Effect<void, never, Scope.Scope>
    /** The newest events, kept in memory. */
    readonly recent: ReturnType<typeof recentEvents>
    /** Agents that were of use lately, kept in memory. */
    readonly agents: RecentAgents
    /** How many events there are; their numbers may have gaps, so the last number does not tell. */
    readonly eventCount: () => number
    /** Called with how many agents came to or left each status. */
    onMoved(listener: (moved: ReadonlyMap<AgentStatus, number>) => void): void
  }
>()("squadron/adapters/sql/SqlWriter") {
  static readonly layer: Layer.Layer<SqlWriter, SqlError.SqlError, SqlClient.SqlClient> = Layer.effect(
    SqlWriter,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const queue = yield* Queue.bounded<Job>(queueLength)
      const last = yield* numbering
      const recent = recentEvents(4096)
      recent.begin(last.events)
      const agents = recentAgents(4096)
      let eventCount = (yield* sql<{ n: number }>`SELECT count(*) AS n FROM events`)[0]?.n ?? 0
      const observers = new Set<{ readonly listener: (committed: Committed) => void; readonly journal: boolean }>()
      const movers: Array<(moved: ReadonlyMap<AgentStatus, number>) => void> = []
      let closed = false
      // what was taken and may not be answered yet
      let taken: ReadonlyArray<Job> = []

      const answer = (done: Group) => {
        const first = new Set<string>()
        for (const { draft, done: deferred } of done.publishes) {
          const seq = done.appended?.seqs.get(draft.key) ?? 0
          if (done.appended?.fresh.has(draft.key) === true && !first.has(draft.key)) {
            first.add(draft.key)
            Deferred.doneUnsafe(deferred, Exit.succeed(Published.cases.Accepted.make({ seq })))
          } else {
            Deferred.doneUnsafe(deferred, Exit.succeed(Published.cases.Duplicate.make({ seq })))
          }
        }
        for (const [index, { settle }] of done.steps.entries()) {
          const outcome = done.outcomes[done.together ? 0 : index]
          const refused =
            outcome === undefined || !("refused" in outcome)
              ? (outcome ?? null)
              : (outcome.refused[done.together ? index : 0] ?? null)
          settle(refused)
        }
      }

      const tell = (done: Group) => {
        recent.add(done.events)
        eventCount += done.events.length
        const applied = done.outcomes.filter((outcome): outcome is Applied => "refused" in outcome)
        for (const one of applied) agents.changed(one.agents)
        for (const one of applied) if (one.moved.size > 0) for (const mover of movers) mover(one.moved)
        if (observers.size === 0) return
        const committed: Committed = {
          events: done.events,
          agents: applied.length === 1 ? (applied[0]?.agents ?? []) : applied.flatMap((one) => one.agents),
          journal: applied.flatMap((one) => one.journal),
          actions: applied.some((one) => one.actions),
          timers: applied.some((one) => one.timers)
        }
        for (const observer of observers) observer.listener(committed)
      }

      const fail = (jobs: ReadonlyArray<Job>, failure: StoreUnavailable) => {
        agents.clear()
        // whether the transaction is in the database after all is not always known
        last.seal = null
        for (const job of jobs) {
          if (job._tag === "Publish") Deferred.doneUnsafe(job.done, Exit.fail(failure))
          else job.settle(failure)
        }
      }

      const group = (jobs: ReadonlyArray<Job>) => {
        const watched = [...observers].some((observer) => observer.journal)
        const context = { watched, last, known: agents.get }
        return sql.withTransaction(writeGroup(jobs, true, context)).pipe(
          // a savepoint for each costs copies of all pages that it changes, so only once something is wrong
          Effect.catchIf(isUniqueViolation, () => sql.withTransaction(writeGroup(jobs, false, context))),
          Effect.map((done) => {
            last.seal = done.seal ?? last.seal
            tell(done)
            answer(done)
            for (const job of jobs) if (job._tag === "Write") job.settle(null)
          }),
          Effect.catch((error) => Effect.sync(() => fail(jobs, unavailable(error)))),
          // an internal fault must not leave its callers waiting, nor end the writer
          Effect.catchCause((cause) =>
            Effect.andThen(
              Effect.sync(() => fail(jobs, new StoreUnavailable({ reason: Cause.pretty(cause) }))),
              Effect.logError("The writer could not commit a group", cause)
            )
          ),
          Effect.uninterruptible
        )
      }

      yield* Effect.addFinalizer(() =>
        Effect.gen(function* () {
          closed = true
          const closing = new StoreUnavailable({ reason: "the store is closing" })
          fail(taken, closing)
          // each clearing lets those in who waited for room
          for (let jobs = yield* Queue.clear(queue); jobs.length > 0; jobs = yield* Queue.clear(queue))
            fail(jobs, closing)
        })
      )
      yield* Effect.gen(function* () {
        while (true) {
          // let whoever is about to write join this transaction
          yield* Effect.yieldNow
          taken = yield* Queue.takeBetween(queue, 1, groupSize)
          yield* group(taken)
        }
      }).pipe(Effect.provideService(References.TracerEnabled, false), Effect.forkScoped)

      const submit = <A, E>(make: (done: Deferred.Deferred<A, E>) => Job): Effect.Effect<A, E | StoreUnavailable> =>
        Effect.suspend((): Effect.Effect<A, E | StoreUnavailable> => {
          if (closed) return Effect.fail(new StoreUnavailable({ reason: "the store is closed" }))
          const done = Deferred.makeUnsafe<A, E>()
          const job = make(done)
          return Queue.offerUnsafe(queue, job)
            ? Deferred.await(done)
            : Effect.andThen(Queue.offer(queue, job), Deferred.await(done))
        })

      return SqlWriter.of({
        recent,
        agents,
        eventCount: () => eventCount,
        publish: (draft) => submit<Published, StoreUnavailable>((done) => ({ _tag: "Publish", draft, done })),
        commit: (step) =>
          submit<void, Refusal>((done) => ({
            _tag: "Step",
            decision: decided(step),
            settle: (refused) => {
              Deferred.doneUnsafe(done, refused === null ? Exit.void : Exit.fail(refused))
            }
          })),
        decide: <A>(agents: ReadonlyArray<string>, decide: Decide<A>, actions: ReadonlyArray<number> = []) =>
          submit<A, AgentExists | StoreUnavailable>((done) => {
            let value: A | undefined
            return {
              _tag: "Step",
              decision: {
                agents,
                actions,
                decide: (current, held) => {
                  const decision = decide(current, held)
                  value = decision.value
                  return decision.step
                }
              },
              settle: (refused) => {
                if (refused === null) Deferred.doneUnsafe(done, Exit.succeed(value as A))
                else if (refused._tag === "StaleVersion") Deferred.doneUnsafe(done, Exit.die(refused))
                else Deferred.doneUnsafe(done, Exit.fail(refused))
              }
            }
          }),
        write: <A, E>(body: Effect.Effect<Written<A>, E, SqlClient.SqlClient>) =>
          submit<A, Exclude<E, SqlError.SqlError> | StoreUnavailable>((done) => {
            type End = Exit.Exit<A, Exclude<E, SqlError.SqlError> | StoreUnavailable>
            let end: End = Exit.die(new Error("the write did not run"))
            return {
              _tag: "Write",
              body: Effect.flatMap(SqlClient.SqlClient, (client) =>
                Effect.matchCauseEffect(client.withTransaction(body), {
                  onFailure: (cause) => {
                    const fault = cause.reasons.find(Cause.isFailReason)?.error
                    // a full or failing disk may have undone all of the transaction; what followed would be on its own
                    if (SqlError.isSqlError(fault) && fault.isRetryable) return Effect.fail(fault)
                    end = Exit.failCause(
                      Cause.map(cause, (error) =>
                        SqlError.isSqlError(error) ? unavailable(error) : (error as Exclude<E, SqlError.SqlError>)
                      )
                    )
                    return Effect.succeed([])
                  },
                  onSuccess: (written) => {
                    end = Exit.succeed(written.value)
                    return Effect.succeed(written.events)
                  }
                })
              ),
              settle: (failure) => {
                Deferred.doneUnsafe(done, failure === null ? end : Exit.fail(failure))
              }
            }
          }),
        observe: (listener, options) =>
          Effect.asVoid(
            Effect.acquireRelease(
              Effect.sync(() => {
                const observer = { listener, journal: options?.journal ?? false }
                observers.add(observer)
                return observer
              }),
              (observer) => Effect.sync(() => observers.delete(observer))
            )
          ),
        onMoved: (listener) => {
          movers.push(listener)
        }
      })
    })
  )
}
