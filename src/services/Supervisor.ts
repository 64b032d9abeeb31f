import { Clock, Context, Effect, Layer, Random, Schedule } from "effect"
import type { ActionDraft, RequestedAction } from "../domain/Action.ts"
import type { Agent } from "../domain/Agent.ts"
import { blockerKey, numberedSubject, refuseBlockers } from "../domain/blockers.ts"
import { change } from "../domain/changeAgent.ts"
import type { StoreUnavailable } from "../domain/Errors.ts"
import { isRetried, Outcome } from "../domain/Outcome.ts"
import { makeRole, type Role, roleOf } from "../domain/Role.ts"
import type { Run } from "../domain/Run.ts"
import * as Step from "../domain/Step.ts"
import * as Subject from "../domain/Subject.ts"
import { supervise } from "../domain/supervise.ts"
import { Forge } from "./Forge.ts"
import { Squads } from "./Squads.ts"
import { Store } from "./Store.ts"

/** The end of one turn. */
export type TurnEnd = {
  readonly agent: Agent
  readonly role: Role
  readonly run: Run
  readonly outcome: Outcome
  readonly delivered: ReadonlyArray<number>
  readonly actions: ReadonlyArray<RequestedAction>
  readonly session: string | null
  readonly fingerprint: string | null
  /** What a completed turn lacks; nothing unless told. */
  readonly missing?: ReadonlyArray<string>
  /** Squadron's own actions; none unless told. */
  readonly own?: ReadonlyArray<ActionDraft>
}

/** What comes next: another turn of the same run, with something to tell the agent as it is now, or nothing. */
export type Verdict = { readonly again: boolean; readonly notice: string; readonly agent: Agent }

/** Answers the end of each turn by its outcome's policy, in one commit. */
export class Supervisor extends Context.Service<
  Supervisor,
  {
    settle(end: TurnEnd): Effect.Effect<Verdict, StoreUnavailable>
    /**
     * For the start: runs that a crash cut off become `Interrupted`, and blocked agents whose blockers closed unseen go
     * on. Idempotent. Answers with the runs that were cut off.
     */
    readonly recover: Effect.Effect<ReadonlyArray<string>, StoreUnavailable>
  }
>()("squadron/services/Supervisor") {
  static readonly layer: Layer.Layer<Supervisor, never, Store | Squads | Forge> = Layer.effect(
    Supervisor,
    Effect.gen(function* () {
      const store = yield* Store
      const squads = yield* Squads
      const forge = yield* Forge

      const isOpen = (key: string) => {
        const subject = numberedSubject(key)
        if (subject === null) return Effect.succeed(true)
        return forge.issue(subject.repository, subject.number).pipe(
          Effect.map((issue): boolean | null => issue.state === "open"),
          Effect.catchTag("IssueNotFound", () => Effect.succeed(null)),
          // a forge that cannot say now is no evidence that anything closed
          Effect.catchTag("ForgeError", () => Effect.succeed(true)),
          // nor is one that does not answer
          Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => Effect.succeed(true) })
        )
      }

      const blockers = Effect.fnUntraced(function* (agent: Agent, named: ReadonlyArray<string>) {
        const subject = Subject.key(agent.subject)
        const keys = named.map((text) => blockerKey(text, agent.subject.repository))
        const wrong = named.find((_, index) => keys[index] === null)
        if (wrong !== undefined) {
          return { on: [], refusal: `Refused: ${JSON.stringify(wrong)} names no issue. Write 12 or owner/name#12.` }
        }
        const on = [...new Set(keys.filter((key) => key !== null))]
        const cycle = refuseBlockers(subject, on, yield* store.blocked)
        if (cycle !== null) return { on: [], refusal: cycle }
        const open: Array<string> = []
        for (const key of on) {
          const state = yield* isOpen(key)
          if (state === null) return { on: [], refusal: `Refused: there is no ${key} to wait for.` }
          if (state) open.push(key)
        }
        return { on: open, refusal: null }
      })

      // a blocker may close between the look and the commit; its event then found nobody to wake
      const recheck = Effect.fnUntraced(function* (agent: Agent) {
        const states = yield* Effect.forEach(agent.blockedOn, (key) =>
          Effect.map(isOpen(key), (open) => ({ key, open }))
        )
        const closed = new Set(states.filter(({ open }) => open === false).map(({ key }) => key))
        if (closed.size === 0) return
        const now = yield* Clock.currentTimeMillis
        yield* store
          .decide([agent.id], (current) => {
            const held = current.get(agent.id)
            if (held === undefined || (held.status !== "blocked" && held.status !== "escalated")) {
              return { step: Step.empty, value: undefined }
            }
            const left = held.blockedOn.filter((key) => !closed.has(key))
            const why = `${held.blockedOn.filter((key) => closed.has(key)).join(", ")} closed meanwhile`
            const next =
              left.length > 0 ? { blockedOn: left } : { status: "ready" as const, blockedOn: [], note: `${why}.` }
            return {
              step: Step.make({
                agents: [{ agent: change(held, now, next), expected: held.version }],
                journal: [
                  {
                    kind: "agent.changed",
                    at: now,
                    event: null,
                    agent: held.id,
                    verdicts: [],
                    text: left.length > 0 ? `still waits for ${left.join(", ")}` : `${held.status} → ready: ${why}`
                  }
                ]
              }),
              value: undefined
            }
          })
          .pipe(Effect.catchTag("AgentExists", Effect.die))
      })

      const settle = Effect.fnUntraced(function* (end: TurnEnd) {
        const { policy } = yield* squads.current
        const now = yield* Clock.currentTimeMillis
        const { agent } = end
        let outcome = end.outcome
        let refusal: string | null = null
        let jitter = 0
        let subjectOpen = true
        if (outcome._tag === "Blocked") {
          const found = yield* blockers(agent, outcome.on)
          refusal = found.refusal
          outcome = Outcome.cases.Blocked.make({ on: found.on, reason: outcome.reason })
        } else if (outcome._tag === "TurnEnded" || end.role.lifetime === "subject" || (end.missing ?? []).length > 0) {
          subjectOpen =
            agent.subject.kind === "repository"
              ? outcome._tag !== "TurnEnded"
              : (yield* isOpen(Subject.key(agent.subject))) !== false
        }
        if (isRetried(outcome)) jitter = yield* Random.next
        const verdict = yield* store
          .decide([agent.id], (current) => {
            const held = current.get(agent.id) ?? agent
            const decision = supervise({
              missing: [],
              own: [],
              ...end,
              agent: held,
              outcome,
              policy,
              now,
              jitter,
              subjectOpen,
              refusal
            })
            return {
              step: decision.step,
              value: { again: decision.again, notice: decision.notice, agent: decision.step.agents[0]?.agent ?? held }
            }
          })
          .pipe(Effect.catchTag("AgentExists", Effect.die))
        if (verdict.agent.status === "blocked") yield* recheck(verdict.agent)
        return verdict
      })

      return Supervisor.of({
        settle,
        recover: Effect.gen(function* () {
          const squad = yield* squads.current
          const runs = yield* store.openRuns
          const agents = new Map(
            (yield* store.agentsById(runs.map((run) => run.agent))).map((agent) => [agent.id, agent])
          )
          for (const run of runs) {
            const agent = agents.get(run.agent)
            if (agent === undefined) continue
            yield* settle({
              agent,
              role:
                roleOf(squad, agent.role) ??
                makeRole({ name: agent.role, harness: { _tag: "function", name: agent.role } }),
              run,
              outcome: Outcome.cases.Interrupted.make({ reason: "Squadron was cut off while it ran" }),
              delivered: [],
              actions: [],
              session: agent.session,
              fingerprint: agent.fingerprint
            })
          }
          yield* Effect.forEach(yield* store.blocked, recheck, { discard: true })
          return runs.map((run) => run.id)
        }).pipe(Effect.retry({ schedule: Schedule.spaced("1 second"), times: 30 }))
      })
    })
  )
}
