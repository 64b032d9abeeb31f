import { Cause, Clock, Effect, Exit, Scope } from "effect"
import type { Agent } from "../domain/Agent.ts"
import { change } from "../domain/changeAgent.ts"
import type { Claim } from "../domain/claim.ts"
import type { StoreUnavailable } from "../domain/Errors.ts"
import type { Message } from "../domain/Message.ts"
import { Outcome, tellsOfCut } from "../domain/Outcome.ts"
import { resultTools, type Role } from "../domain/Role.ts"
import * as Step from "../domain/Step.ts"
import { plus, type Usage } from "../domain/Usage.ts"
import { Harness, type HarnessSession, resultOf, type TurnResult } from "./Harness.ts"
import { reasonOf } from "./keepGoing.ts"
import { Prompts } from "./Prompts.ts"
import { Store } from "./Store.ts"
import { Supervisor, type TurnEnd, type Verdict } from "./Supervisor.ts"

/** Why a run was interrupted from outside; a shutdown where it is not known better. */
export type Stop = "shutdown" | "timeout" | "stopped"

/** A run that has its permit. */
export type Running = {
  readonly agent: string
  readonly role: string
  deadline: number
  limit: number
  stop: Stop
  turn: number
  /** As a commit last left it; it may have been stopped before its run is under way. */
  seen: Agent | null
}

/** What a run needs of its pool. */
type Pool = {
  /** Sets its deadline and has it watched. */
  readonly watch: (entry: Running, now: number, role: Role) => void
  /** Whether the pool still gives permits. */
  readonly isOpen: () => boolean
  /** Tries again what must be done before anything else may happen, until the pool closes. */
  readonly untilClosing: <A, E>(effect: Effect.Effect<A, E>, what: string) => Effect.Effect<A, E>
}

/** Messages that one turn sees at most. */
export const perTurn = 100

const refuse = (role: Role, result: TurnResult): TurnResult => {
  if (result.actions.length === 0) return result
  const allowed: ReadonlyArray<string> = resultTools(role)
  const denied = result.actions.map(({ action }) => action._tag).filter((name) => !allowed.includes(name))
  return denied.length === 0
    ? result
    : { ...result, actions: [], outcome: Outcome.cases.ToolsDenied.make({ tools: [...new Set(denied)] }) }
}

/**
 * Runs an agent from its permit to its end: opens the harness in a scope of its own, takes turns until the supervisor
 * wants no other, closes all that was opened, and has the end written, whatever it was.
 */
export const makeRunAgent = Effect.fnUntraced(function* ({ isOpen, untilClosing, watch }: Pool) {
  const store = yield* Store
  const supervisor = yield* Supervisor
  const harness = yield* Harness
  const prompts = yield* Prompts

  const settle = (end: TurnEnd): Effect.Effect<Verdict, StoreUnavailable> =>
    Effect.uninterruptible(untilClosing(supervisor.settle(end), `The end of ${end.run.id} waits to be written`))

  const remember = Effect.fnUntraced(function* (id: string, session: string) {
    const now = yield* Clock.currentTimeMillis
    yield* (
      store
        .decide([id], (current) => {
          const held = current.get(id)
          const agents =
            held === undefined || held.status !== "running"
              ? []
              : [{ agent: change(held, now, { session }), expected: held.version }]
          return { step: Step.make({ agents }), value: undefined }
        })
        // it is only of use after a crash
        .pipe(Effect.ignore({ log: "Warn" }))
    )
  })

  const turns = Effect.fnUntraced(function* (
    entry: Running,
    claimed: Claim,
    first: ReadonlyArray<Message>,
    session: HarnessSession,
    seen: { ids: ReadonlyArray<number>; turn: number }
  ) {
    let messages = first
    let agent = session.opened?.agent ?? claimed.agent
    let usage: Usage | undefined
    const before =
      agent.note === "" || !tellsOfCut(agent.note)
        ? agent.note
        : `The last run was cut off (${agent.note}). It may have acted: look before you repeat anything.`
    let notice = [before, session.opened?.notice ?? ""].filter((part) => part !== "").join("\n\n")
    for (let turn = 1; ; turn++) {
      seen.turn = turn
      const capped = turn > claimed.role.limits.maxTurns
      // a turn that does not take place has seen nothing
      seen.ids = capped ? [] : messages.map((message) => message.id)
      const now = yield* Clock.currentTimeMillis
      // a person stopped it between two turns
      if (entry.stop === "stopped") {
        return yield* settle({
          agent,
          role: claimed.role,
          run: { ...claimed.run, turns: turn - 1 },
          outcome: Outcome.cases.Cancelled.make({ by: "a person" }),
          delivered: [],
          actions: [],
          session: null,
          fingerprint: null
        })
      }
      watch(entry, now, claimed.role)
      entry.turn = turn
      const result = refuse(
        claimed.role,
        capped
          ? resultOf(Outcome.cases.TurnCap.make({ progressed: true }))
          : yield* session.turn({
              agent,
              role: claimed.role,
              run: claimed.run.id,
              turn,
              messages,
              notice,
              briefing: prompts.briefing({ agent, role: claimed.role, messages, notice }),
              remember: (session) => remember(agent.id, session)
            })
      )
      if (result.usage !== undefined) usage = usage === undefined ? result.usage : plus(usage, result.usage)
      // from here on the turn is over: nobody may stop what is about to be committed
      entry.deadline = Number.POSITIVE_INFINITY
      entry.turn = 0
      const verdict = yield* settle({
        agent,
        role: claimed.role,
        run: {
          ...claimed.run,
          turns: turn,
          transcript: result.transcript,
          exit: result.exit,
          stderr: result.stderr,
          ...(usage === undefined ? {} : { usage })
        },
        outcome: result.outcome,
        delivered: seen.ids,
        actions: result.actions,
        session: result.session,
        fingerprint: result.fingerprint,
        missing: result.missing ?? [],
        own: result.own ?? []
      })
      if (!verdict.again) return
      agent = verdict.agent
      messages = agent.unread > 0 ? yield* store.unread([agent.id], perTurn) : []
      notice = verdict.notice
    }
  })

  const outcomeOf = (cause: Cause.Cause<StoreUnavailable>, entry: Running): Outcome => {
    if (!Cause.hasInterruptsOnly(cause)) return Outcome.cases.Crashed.make({ exit: null, stderr: Cause.pretty(cause) })
    switch (entry.stop) {
      case "timeout":
        return Outcome.cases.TimedOut.make({ limit: entry.limit })
      case "stopped":
        return Outcome.cases.Cancelled.make({ by: "a person" })
      case "shutdown":
        // nobody stopped it: it interrupted itself, and would again
        if (isOpen()) return Outcome.cases.Crashed.make({ exit: null, stderr: "the turn interrupted itself" })
        return Outcome.cases.Interrupted.make({ reason: "Squadron was stopped while it ran" })
    }
  }

  return (entry: Running, claimed: Claim, messages: ReadonlyArray<Message>): Effect.Effect<void> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const seen: { ids: ReadonlyArray<number>; turn: number } = { ids: [], turn: 0 }
        watch(entry, yield* Clock.currentTimeMillis, claimed.role)
        // from here on it can be stopped, also while it opens
        entry.turn = 1
        const exit = yield* Effect.exit(
          restore(
            entry.stop === "stopped"
              ? Effect.interrupt
              : Effect.flatMap(
                  Scope.provide(harness.open(claimed.agent, claimed.role, claimed.run.id), scope),
                  (session) => turns(entry, claimed, messages, session, seen)
                )
          )
        )
        entry.turn = 0
        entry.deadline = Number.POSITIVE_INFINITY
        // everything that the run started is gone before its end is written
        yield* Effect.catchCause(Scope.close(scope, exit), (cause) =>
          Effect.logError(`What ${claimed.run.id} had opened did not close: ${reasonOf(cause)}`)
        )
        if (Exit.isFailure(exit)) {
          yield* settle({
            agent: claimed.agent,
            role: claimed.role,
            run: { ...claimed.run, turns: seen.turn },
            outcome: outcomeOf(exit.cause, entry),
            delivered: seen.ids,
            actions: [],
            session: null,
            fingerprint: null
          }).pipe(
            Effect.catch((error) =>
              Effect.logError(
                `The end of ${claimed.run.id} is not written; it will be at the next start: ${error.message}`
              )
            )
          )
        }
      })
    )
})
