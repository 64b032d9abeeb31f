import { Clock, Context, Effect, Latch, Layer } from "effect"
import { type Agent, isLive } from "../domain/Agent.ts"
import type { Event } from "../domain/Event.ts"
import { gateCheck } from "../domain/evidence.ts"
import { decideLanding, type Landing as Decision, type LandingState } from "../domain/landing.ts"
import { protectedAmong } from "../domain/protectedPaths.ts"
import { roleOf, type Squad } from "../domain/Role.ts"
import * as Step from "../domain/Step.ts"
import * as Subject from "../domain/Subject.ts"
import { maySteer } from "../domain/Trust.ts"
import { EventBus } from "./EventBus.ts"
import { Forge, type PullRequest } from "./Forge.ts"
import { keepGoing } from "./keepGoing.ts"
import { Squads } from "./Squads.ts"
import { Store } from "./Store.ts"
import { Workspaces } from "./Workspaces.ts"

/** How often all are looked at without a reason, in case an event was missed. */
const every = "5 minutes"

/** Whether what happened may change what a pull request lacks, and of which repository. */
const concerns = ({ detail }: Event): boolean =>
  "pullRequest" in detail ||
  detail._tag === "push" ||
  detail._tag === "agent.approved" ||
  detail._tag === "status.changed" ||
  detail._tag.startsWith("check_")

const describe = (pull: PullRequest, decision: Decision): string => {
  const what = `pull request #${pull.number}`
  switch (decision._tag) {
    case "Merge":
      return `${what} is ready: ${pull.head.sha.slice(0, 9)} is to be merged`
    case "Conflicted":
      return `${what} conflicts with ${pull.base.ref}`
    case "Ask":
      return `${what} waits for a person: ${decision.reason}`
    case "Wait":
      return `${what} waits: ${decision.reasons.join("; ")}`
    case "Nothing":
      return `${what} is not to be merged now`
  }
}

/**
 * Merges agents' pull requests once all that the squad asks for is there. It looks again at whatever an event may have
 * changed, at all of them at the start, and every five minutes.
 */
export class Landing extends Context.Service<
  Landing,
  {
    /** Looks at one agent's pull request now; null where it has none or nothing is to be merged by Squadron. */
    look(agent: string): Effect.Effect<Decision | null>
  }
>()("squadron/services/Landing") {
  static readonly layer: Layer.Layer<Landing, never, Store | Forge | Workspaces | Squads | EventBus> = Layer.effect(
    Landing,
    Effect.gen(function* () {
      const store = yield* Store
      const forge = yield* Forge
      const workspaces = yield* Workspaces
      const squads = yield* Squads
      const bus = yield* EventBus
      const dirty = new Set<string>()
      const wake = yield* Latch.make(true)
      // what was last written down of each, so that the journal tells of changes only
      const told = new Map<string, string>()
      // live agents with a pull request, however many others there are
      const repositoryOf = new Map<string, string>()
      const lands = (agent: Agent) => agent.pullRequest !== null && isLive(agent.status)
      const take = (agents: ReadonlyArray<Agent>) => {
        for (const agent of agents) {
          if (lands(agent)) repositoryOf.set(agent.id, agent.subject.repository)
          else {
            repositoryOf.delete(agent.id)
            told.delete(agent.id)
          }
          if (agent.pullRequest !== null) dirty.add(agent.subject.repository)
        }
      }

      yield* store.observe((committed) => {
        for (const event of committed.events) if (concerns(event)) dirty.add(event.subject.repository)
        take(committed.agents)
        if (dirty.size > 0) wake.openUnsafe()
      })
      take(yield* store.withPulls)

      const stateOf = Effect.fnUntraced(function* (agent: Agent, pull: PullRequest) {
        const { repository } = pull
        const reviews = yield* forge.reviews(repository, pull.number)
        const writers = new Map<string, boolean>()
        for (const review of reviews) {
          if (review.role !== null || writers.has(review.author)) continue
          writers.set(review.author, maySteer(yield* forge.trust(repository, review.author)))
        }
        const changed = yield* Effect.option(workspaces.changed(repository, pull.base.sha, pull.head.sha))
        const state: LandingState = {
          repository,
          number: pull.number,
          title: pull.title,
          body: pull.body,
          open: pull.state === "open",
          draft: pull.draft,
          head: pull.head.sha,
          base: pull.base.sha,
          mergeable: pull.mergeable,
          reviews: reviews.map((review) => ({ ...review, mayWrite: writers.get(review.author) ?? false })),
          checks: yield* forge.checks(repository, pull.head.sha),
          protectedPaths: changed._tag === "None" ? null : protectedAmong(changed.value, agent.approved),
          agent: agent.id,
          // one that asks, waits or is blocked has not said its last word
          busy: agent.status !== "sleeping"
        }
        return state
      })

      const judge = Effect.fnUntraced(function* (agent: Agent, squad: Squad) {
        if (squad.landing === null || agent.pullRequest === null) return null
        const pull = yield* forge.pullRequest(agent.subject.repository, agent.pullRequest)
        if (pull.state === "closed" || pull.head.repository !== pull.repository) return null
        const role = roleOf(squad, agent.role)
        const gates = role === undefined || role.gate === null ? [] : [gateCheck(role)]
        const rules = { ...squad.landing, checks: [...squad.landing.checks, ...gates] }
        const decision = decideLanding(yield* stateOf(agent, pull), rules)
        const subject = Subject.pullRequest(pull.repository, pull.number)
        const now = yield* Clock.currentTimeMillis
        if (decision._tag === "Conflicted") {
          // its agent shall find the commit that it conflicts with
          yield* workspaces.mirror(pull.repository)
          yield* bus.publish({
            key: `${Subject.key(subject)}/conflict/${pull.head.sha}/${pull.base.sha}`,
            source: "timer",
            at: now,
            actor: { login: "squadron", kind: "system" },
            subject,
            causedBy: null,
            depth: agent.depth,
            detail: {
              _tag: "pull_request.conflicted",
              pullRequest: {
                title: pull.title,
                body: pull.body,
                state: pull.state,
                author: pull.author,
                labels: pull.labels,
                draft: pull.draft,
                merged: pull.merged,
                head: pull.head,
                base: pull.base,
                trust: "admin"
              }
            }
          })
        }
        const text = describe(pull, decision)
        const fresh = told.get(agent.id) !== text
        if (fresh || "action" in decision) {
          yield* store.commit(
            Step.make({
              actions: "action" in decision ? [{ ...decision.action, depth: agent.depth + 1 }] : [],
              journal: fresh
                ? [{ kind: "landing.decided", at: now, event: null, agent: agent.id, text, verdicts: [] }]
                : []
            })
          )
          told.set(agent.id, text)
        }
        return decision
      })

      const look = Effect.fn("Landing.look")(function* (id: string) {
        const agent = yield* store.agent(id)
        return yield* judge(agent, yield* squads.current)
      })

      const round = Effect.gen(function* () {
        wake.closeUnsafe()
        const repositories = new Set(dirty)
        dirty.clear()
        const squad = yield* squads.current
        if (squad.landing !== null && repositories.size > 0) {
          const ids = [...repositoryOf].filter(([, repository]) => repositories.has(repository)).map(([id]) => id)
          yield* Effect.forEach(
            (yield* store.agentsById(ids)).filter(lands),
            (agent) =>
              Effect.catch(judge(agent, squad), (error) =>
                Effect.logWarning(`The pull request of ${agent.id} cannot be judged now: ${error.message}`)
              ),
            { discard: true }
          )
        }
        if (dirty.size === 0) yield* wake.await
      })

      const all = Effect.gen(function* () {
        for (const repository of repositoryOf.values()) dirty.add(repository)
        if (dirty.size > 0) wake.openUnsafe()
        yield* Effect.sleep(every)
      })

      yield* Effect.forkScoped(keepGoing(round, "Nothing is merged"))
      yield* Effect.forkScoped(keepGoing(all, "Pull requests are not looked at"))
      return Landing.of({ look: (id) => Effect.catch(look(id), () => Effect.succeed(null)) })
    })
  )
}
