import { Clock, Context, Duration, Effect, FiberMap, Latch, Layer, Schedule } from "effect"
import { describe, type QueuedAction } from "../domain/Action.ts"
import { type AgentExists, ForgeError, type StaleVersion, type StoreUnavailable } from "../domain/Errors.ts"
import * as Step from "../domain/Step.ts"
import * as Subject from "../domain/Subject.ts"
import { Forge } from "./Forge.ts"
import { keepGoing } from "./keepGoing.ts"
import { Store } from "./Store.ts"

/** Subjects that are acted on at once. */
const width = 8

/** Tries of one action before it counts as failed; as many again after a person's retry. */
const tries = 10

/** How long a try may take; whether it was done is not known then, and the forge's mark tells. */
const patience = "1 minute"
const noAnswer = new ForgeError({ reason: "no answer within a minute", retryable: true, retryAfter: null })

/** One line for a person. */
const describeAction = ({ action, subject }: QueuedAction): string => `${describe(action)} on ${Subject.key(subject)}`

/**
 * Performs queued actions: in order per subject, side by side across subjects. What the forge refuses for now is tried
 * again with growing pauses, as the forge says where it does; the forge's mark keeps a repeated try from acting twice.
 */
export class Outbox extends Context.Service<
  Outbox,
  {
    /** Subjects that are acted on now. */
    readonly underWay: Effect.Effect<ReadonlyArray<string>>
  }
>()("squadron/services/Outbox") {
  static readonly layer: Layer.Layer<Outbox, never, Store | Forge> = Layer.effect(
    Outbox,
    Effect.gen(function* () {
      const store = yield* Store
      const forge = yield* Forge
      const fibers = yield* FiberMap.make<string, void, never>()
      const busy = new Set<string>()
      const wake = yield* Latch.make(true)

      yield* store.observe((committed) => {
        if (committed.actions) wake.openUnsafe()
      })

      const settle = Effect.fnUntraced(function* (
        action: QueuedAction,
        tries: number,
        status: "done" | "failed",
        error: string
      ) {
        const at = yield* Clock.currentTimeMillis
        const text = `${describeAction(action)}${error === "" ? "" : `: ${error}`}`
        const commit: Effect.Effect<void, StaleVersion | AgentExists | StoreUnavailable> = store.commit(
          Step.make({
            settled: [{ id: action.id, status, error, tries }],
            journal: [
              {
                kind: status === "done" ? "action.done" : "action.failed",
                at,
                event: null,
                agent: action.agent,
                text,
                verdicts: []
              }
            ]
          })
        )
        yield* Effect.retry(commit, { schedule: Schedule.spaced("1 second") })
      })

      const pauses = Schedule.max([
        Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("5 minutes")]),
        Schedule.recurs(tries - 1)
      ])
      const perform = (action: QueuedAction) => {
        let tried = 0
        const attempt = Effect.suspend(() => {
          tried++
          return forge.perform(action)
        })
        return attempt.pipe(
          Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(noAnswer) }),
          Effect.tapError((error) =>
            Effect.when(
              Effect.andThen(
                Effect.logWarning(`${describeAction(action)} waits: ${error.message}`),
                Effect.sleep(Duration.millis(error.retryAfter ?? 0))
              ),
              Effect.succeed(error.retryable)
            )
          ),
          // being told when to come again is no failed try
          Effect.retry({ while: (error: ForgeError) => error.retryable && error.retryAfter !== null }),
          Effect.retry({ schedule: pauses, while: (error: ForgeError) => error.retryable }),
          Effect.orDie,
          Effect.sandbox,
          Effect.matchEffect({
            onFailure: (cause) => {
              const [reason] = cause.reasons
              const why =
                reason?._tag === "Die" && reason.defect instanceof Error ? reason.defect.message : "an internal fault"
              return settle(action, tried, "failed", why)
            },
            onSuccess: () => settle(action, tried, "done", "")
          }),
          Effect.catch(() => Effect.void)
        )
      }

      const round = Effect.gen(function* () {
        wake.closeUnsafe()
        const room = width - busy.size
        if (room <= 0) return yield* wake.await
        const queued = yield* store.queuedActions(200, [...busy])
        const bySubject = Map.groupBy(queued, (action) => Subject.key(action.subject))
        if (bySubject.size === 0) return yield* wake.await
        for (const [subject, actions] of [...bySubject].slice(0, room)) {
          busy.add(subject)
          yield* FiberMap.run(
            fibers,
            subject,
            Effect.forEach(actions, perform, { discard: true }).pipe(
              Effect.ensuring(
                Effect.sync(() => {
                  busy.delete(subject)
                  wake.openUnsafe()
                })
              )
            )
          )
        }
      })

      yield* Effect.forkScoped(keepGoing(round, "Actions wait"))
      return Outbox.of({ underWay: Effect.sync(() => [...busy]) })
    })
  )
}
