import { Context, Effect, Latch, Layer } from "effect"
import { type Agent, isLive } from "../domain/Agent.ts"
import { branchKey } from "../domain/branches.ts"
import type { AgentExists, StoreUnavailable } from "../domain/Errors.ts"
import { type Event, textOf } from "../domain/Event.ts"
import type { Mention } from "../domain/Mention.ts"
import { agentsOfBranches, branchKeysOf } from "../domain/pullRequestNews.ts"
import type { Squad } from "../domain/Role.ts"
import { route } from "../domain/route.ts"
import * as Step from "../domain/Step.ts"
import * as Subject from "../domain/Subject.ts"
import { keepGoing } from "./keepGoing.ts"
import { Mentions } from "./Mentions.ts"
import { Squads } from "./Squads.ts"
import { Store } from "./Store.ts"

/** Events that one step routes at most. */
const batch = 500

/** The step of many events, each routed on what the one before it left. */
const routeAll = (
  events: ReadonlyArray<Event>,
  squad: Squad,
  known: ReadonlyArray<string>,
  current: ReadonlyMap<string, Agent>,
  said: ReadonlyArray<ReadonlyArray<Mention>>,
  cursor: number
): Step.Step => {
  const agents = new Map<string, Agent>()
  // by subject, so that a batch costs what its events cost and not their product with the roster
  const bySubject = new Map<string, Set<string>>()
  const place = (agent: Agent) => {
    agents.set(agent.id, agent)
    const pull = agent.pullRequest === null ? [] : [`${agent.subject.repository}#${agent.pullRequest}`]
    const branch = agent.branch === null ? [] : [branchKey(agent.subject.repository, agent.branch)]
    for (const key of [Subject.key(agent.subject), ...agent.blockedOn, ...pull, ...branch]) {
      const set = bySubject.get(key)
      if (set === undefined) bySubject.set(key, new Set([agent.id]))
      else set.add(agent.id)
    }
  }
  for (const id of known) {
    const agent = current.get(id)
    if (agent !== undefined) place(agent)
  }
  const versions = new Map([...agents].map(([id, agent]) => [id, agent.version]))
  const changed = new Map<string, Agent>()
  const steps = events.map((event, index) => {
    const ids = new Set(bySubject.get(Subject.key(event.subject)))
    if ("agent" in event.detail) ids.add(event.detail.agent)
    for (const id of agentsOfBranches(event)) ids.add(id)
    for (const key of branchKeysOf(event)) for (const id of bySubject.get(key) ?? []) ids.add(id)
    const roster = [...ids]
      .flatMap((id) => agents.get(id) ?? [])
      .filter((agent) => isLive(agent.status) || "agent" in event.detail)
    const step = route({ event, squad, roster, mentions: said[index] ?? [] })
    for (const { agent } of step.agents) {
      changed.set(agent.id, agent)
      place(agent)
    }
    return step
  })
  return Step.make({
    cursor,
    agents: [...changed.values()].map((agent) => ({ agent, expected: versions.get(agent.id) ?? null })),
    messages: steps.flatMap((step) => step.messages),
    restored: steps.flatMap((step) => step.restored),
    actions: steps.flatMap((step) => step.actions),
    timersDropped: steps.flatMap((step) => step.timersDropped),
    owned: steps.flatMap((step) => step.owned),
    journal: steps.flatMap((step) => step.journal)
  })
}

/**
 * Reads events in order and commits what they mean, cursor included, in one step: each event is routed exactly once.
 * It never waits for a permit.
 */
export class Router extends Context.Service<
  Router,
  {
    /** The number of the last routed event. */
    readonly position: Effect.Effect<number>
  }
>()("squadron/services/Router") {
  static readonly layer: Layer.Layer<Router, never, Store | Squads | Mentions> = Layer.effect(
    Router,
    Effect.gen(function* () {
      const store = yield* Store
      const squads = yield* Squads
      const mentions = yield* Mentions
      const wake = yield* Latch.make(true)
      let position = yield* store.cursor

      yield* store.observe((committed) => {
        if (committed.events.length > 0) wake.openUnsafe()
      })

      const rosterFor = Effect.fnUntraced(function* (events: ReadonlyArray<Event>) {
        const agents = new Map<string, Agent>()
        const add = (found: ReadonlyArray<Agent>) => {
          for (const agent of found) agents.set(agent.id, agent)
        }
        add(yield* store.roster([...new Set(events.map((event) => Subject.key(event.subject)))]))
        const named = events.flatMap((event) => ("agent" in event.detail ? [event.detail.agent] : []))
        named.push(...events.flatMap(agentsOfBranches))
        const pulls = events.flatMap(({ subject }) => (subject.kind === "pull_request" ? [Subject.key(subject)] : []))
        const owned = new Set([...pulls, ...events.flatMap(branchKeysOf)])
        if (owned.size > 0) named.push(...(yield* store.owners([...owned])))
        if (named.length > 0) add(yield* store.agentsById([...new Set(named)]))
        if (
          events.some((event) => event.detail._tag === "issue.closed" || event.detail._tag === "pull_request.closed")
        ) {
          add(yield* store.blocked)
        }
        return [...agents.keys()]
      })

      const routeBatch = Effect.fnUntraced(function* (events: ReadonlyArray<Event>) {
        const squad = yield* squads.current
        const known = yield* rosterFor(events)
        const said = events.map((event) => {
          const text = textOf(event.detail)
          return text === "" ? [] : mentions.find(text, squad.mention)
        })
        const cursor = events[events.length - 1]?.seq ?? position
        yield* store.decide(known, (current) => ({
          step: routeAll(events, squad, known, current, said, cursor),
          value: undefined
        }))
        position = cursor
      })

      const drainEvents: Effect.Effect<void, AgentExists | StoreUnavailable> = Effect.gen(function* () {
        while (true) {
          wake.closeUnsafe()
          const events = yield* store.eventsAfter(position, batch)
          if (events.length === 0) return yield* wake.await
          yield* routeBatch(events)
        }
      })

      // a store that cannot write now is asked again until it can
      yield* Effect.forkScoped(keepGoing(drainEvents, "Routing waits"))
      return Router.of({ position: Effect.sync(() => position) })
    })
  )
}
