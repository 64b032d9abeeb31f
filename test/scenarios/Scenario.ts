import { Deferred, type Duration, Effect, Layer, Queue, Ref } from "effect"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { engineLayer, sqliteStoreLayer } from "../../src/app/layers.ts"
import { canMove, liveStatuses, type AgentStatus } from "../../src/domain/Agent.ts"
import type { ActionDraft } from "../../src/domain/Action.ts"
import { ForgeError } from "../../src/domain/Errors.ts"
import type { Detail, EventDraft } from "../../src/domain/Event.ts"
import { Outcome } from "../../src/domain/Outcome.ts"
import { makeRole, makeSquad, type Role, type Squad } from "../../src/domain/Role.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { AgentPool } from "../../src/services/AgentPool.ts"
import { Forge } from "../../src/services/Forge.ts"
import type { FunctionAgent, FunctionAnswer, Harness, TurnInput } from "../../src/services/Harness.ts"
import { Squads } from "../../src/services/Squads.ts"
import { Store } from "../../src/services/Store.ts"
import { until } from "../../src/testing.ts"

export const repository = "acme/widgets"

export const done = Outcome.cases.Completed.make({ evidence: { summary: "done" } })
export const crash = Outcome.cases.Crashed.make({ exit: 1, stderr: "boom" })
export const asks = (question: string) => Outcome.cases.NeedsInput.make({ question })
export const blockedOn = (...on: ReadonlyArray<string>) => Outcome.cases.Blocked.make({ on, reason: "needs it first" })

let drafts = 0

/** An event on an issue, or on a pull request, with a key of its own; by a person unless told. */
export const happened = (
  detail: Detail,
  options: {
    readonly number?: number
    readonly kind?: "issue" | "pull_request"
    readonly key?: string
    readonly actor?: EventDraft["actor"]
    readonly causedBy?: string
    readonly depth?: number
  } = {}
): EventDraft => ({
  key: options.key ?? `scenario:${drafts++}`,
  source: "library",
  at: 0,
  actor: options.actor ?? { login: "ada", kind: "person" },
  subject: (options.kind === "pull_request" ? Subject.pullRequest : Subject.issue)(repository, options.number ?? 1),
  causedBy: options.causedBy ?? null,
  depth: options.depth ?? 0,
  detail
})

/** A comment on an issue. */
export const said = (body: string, options: Parameters<typeof happened>[1] = {}): EventDraft =>
  happened(
    {
      _tag: "comment.created",
      comment: { id: drafts, body, author: options.actor?.login ?? "ada", association: "OWNER" },
      title: "An issue",
      labels: []
    },
    options
  )

const issue = { title: "An issue", body: "", author: "ada", labels: [], assignees: [] }
export const closed = (number: number): EventDraft =>
  happened({ _tag: "issue.closed", issue: { ...issue, state: "closed" } }, { number })
export const assigned = (number: number, assignee: string): EventDraft =>
  happened({ _tag: "issue.assigned", issue: { ...issue, state: "open", assignees: [assignee] }, assignee }, { number })
export const labeled = (number: number, label: string): EventDraft =>
  happened({ _tag: "issue.labeled", issue: { ...issue, state: "open", labels: [label] }, label }, { number })

/** One turn of a `heldAgent`, which goes on when it is answered. */
export type HeldTurn = {
  readonly input: TurnInput
  /** Ends the turn with this. */
  answer(answer: FunctionAnswer | Effect.Effect<FunctionAnswer, unknown>): Effect.Effect<void>
}

/** An agent whose every turn waits for the test. `opened` and `closed` count what its turns acquired and released. */
export const heldAgent = Effect.gen(function* () {
  const turns = yield* Queue.unbounded<HeldTurn>()
  const opened = yield* Ref.make(0)
  const closed = yield* Ref.make(0)
  const agent: FunctionAgent = (input) =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Ref.update(opened, (n) => n + 1),
        () => Ref.update(closed, (n) => n + 1)
      )
      const answer = yield* Deferred.make<FunctionAnswer, unknown>()
      yield* Queue.offer(turns, {
        input,
        answer: (given) =>
          Effect.asVoid(Effect.isEffect(given) ? Deferred.complete(answer, given) : Deferred.succeed(answer, given))
      })
      return yield* Deferred.await(answer)
    }).pipe(Effect.scoped)
  return { agent, turn: Queue.take(turns), opened: Ref.get(opened), closed: Ref.get(closed) }
})

/** Keys of the events that a turn was told of. */
export const keysOf = (input: TurnInput): ReadonlyArray<string> => input.messages.map(({ event }) => event.key)

/** Waits until the agent has the status. */
export const untilStatus = (id: string, ...statuses: ReadonlyArray<AgentStatus>) =>
  until(
    Effect.flatMap(Store, (store) =>
      Effect.map(store.agentsById([id]), ([agent]) => agent !== undefined && statuses.includes(agent.status))
    )
  )

/** Waits until every event that was published so far is routed. */
export const allRouted = until(
  Effect.flatMap(Store, (store) => Effect.map(store.counts, ({ events, routed }) => routed === events))
)

/** Waits until nobody runs, and asserts nothing. */
export const nobodyRuns = Effect.flatMap(AgentPool, (pool) => pool.drained)

/** How many moves of the table lead from one status to the other at least. */
const distance = (from: AgentStatus, to: AgentStatus): number => {
  let reached = new Set<AgentStatus>([from])
  for (let moves = 0; moves < 20; moves++) {
    if (reached.has(to)) return moves
    reached = new Set(
      [...reached].flatMap((status) => [status, ...allStatuses.filter((next) => canMove(status, next))])
    )
  }
  return Number.POSITIVE_INFINITY
}
const allStatuses: ReadonlyArray<AgentStatus> = [...liveStatuses, "done", "cancelled"]

/**
 * Looks at each commit: counts agents that run, agents per role and subject, and moves that the table forbids.
 * `problems` holds what no commit may ever show; `peak` is the most agents that ran at once, by the store's rows.
 */
export const watchInvariants = Effect.gen(function* () {
  const store = yield* Store
  const rows = new Map<string, { readonly status: AgentStatus; readonly version: number; readonly place: string }>()
  const seen: { peak: number; readonly problems: Array<string> } = { peak: 0, problems: [] }
  yield* store.observe(({ agents }) => {
    for (const agent of agents) {
      const before = rows.get(agent.id)
      if (before !== undefined) {
        if (agent.version <= before.version)
          seen.problems.push(`${agent.id}: version ${before.version} → ${agent.version}`)
        if (distance(before.status, agent.status) > agent.version - before.version) {
          seen.problems.push(`${agent.id}: ${before.status} → ${agent.status}`)
        }
      }
      const waits = agent.status === "waiting" || agent.status === "blocked" || agent.status === "asking"
      if (waits && agent.timer === null) seen.problems.push(`${agent.id} is ${agent.status} without a deadline`)
      if (!waits && agent.status !== "paused" && agent.timer !== null)
        seen.problems.push(`${agent.id} is ${agent.status} and has a timer`)
      rows.set(agent.id, {
        status: agent.status,
        version: agent.version,
        place: `${agent.role} on ${Subject.key(agent.subject)}`
      })
    }
    const live = [...rows.values()].filter(({ status }) => liveStatuses.includes(status)).map(({ place }) => place)
    if (new Set(live).size < live.length) seen.problems.push(`two live agents at one place: ${live.join(", ")}`)
    seen.peak = Math.max(seen.peak, [...rows.values()].filter(({ status }) => status === "running").length)
  })
  return seen
})

/** Roles as `testSquadronLayer` makes them: functions of their own name, woken by `custom` events. */
export const rolesOf = (roles: ReadonlyArray<Partial<Role> & { readonly name: string }>): ReadonlyArray<Role> =>
  roles.map((role) => makeRole({ harness: { _tag: "function", name: role.name }, on: [{ event: "custom" }], ...role }))

/** A whole squadron like `testSquadronLayer`, with parts exchanged; `store` stands between the database and the rest. */
export const squadronWith = (options: {
  readonly roles: ReadonlyArray<Role>
  readonly harness: Layer.Layer<Harness>
  readonly squad?: Partial<Squad>
  readonly filename?: string
  readonly busyTimeout?: Duration.Input
  readonly store?: Layer.Layer<Store, never, Store>
  readonly forge?: Layer.Layer<Forge, never, LocalForge>
}) => {
  const store = sqliteStoreLayer({ filename: options.filename ?? ":memory:", busyTimeout: options.busyTimeout })
  const forge = options.forge ?? LocalForge.layerForge
  return engineLayer({ drainTimeout: 1_000 }).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Squads.layer(makeSquad({ roles: options.roles, ...options.squad })),
        options.harness,
        forge.pipe(Layer.provideMerge(LocalForge.layer()))
      )
    ),
    Layer.provideMerge(options.store === undefined ? store : Layer.provideMerge(options.store, store)),
    Layer.orDie
  )
}

/** A forge that keeps what reached it, in order, and fails as often as it is told, before or after it acted. */
export const recordingForge = Effect.gen(function* () {
  const acted = yield* Ref.make<ReadonlyArray<ActionDraft>>([])
  const faults = yield* Ref.make<ReadonlyArray<"before" | "after" | "never">>([])
  const tries = yield* Queue.unbounded<ActionDraft>()
  const unknown = new ForgeError({ reason: "503", retryable: true, retryAfter: null })
  const layer = Layer.mock(Forge, {
    perform: Effect.fnUntraced(function* (draft: ActionDraft) {
      yield* Queue.offer(tries, draft)
      const fault = (yield* Ref.getAndUpdate(faults, (left) => left.slice(1)))[0]
      if (fault === "before") return yield* unknown
      if (fault === "never") return yield* Effect.never
      yield* Ref.update(acted, (all) => (all.some(({ key }) => key === draft.key) ? all : [...all, draft]))
      if (fault === "after") return yield* unknown
      return {}
    }),
    issue: (repository, number) =>
      Effect.succeed({
        repository,
        number,
        title: "An issue",
        body: "",
        state: "open" as const,
        author: "ada",
        labels: [],
        assignees: [],
        createdAt: 0,
        editor: null,
        editedAt: null,
        updatedAt: 0,
        comments: 0,
        pullRequest: false
      }),
    issues: () => Effect.succeed([]),
    comments: () => Effect.succeed([])
  })
  return { layer, acted: Ref.get(acted), faults, tried: Queue.take(tries) }
})

/** Opens an issue in the local forge, as a person. */
export const openIssue = (title: string) =>
  LocalForge.use((forge) => forge.open({ repository, title, body: "", labels: [], author: "ada" }))

/** The agent as the store has it. */
export const agentOf = (id: string) => Store.use((store) => store.agent(id))

/** What is written on an issue of the local forge, oldest first. */
export const comments = (number: number) =>
  LocalForge.use((forge) => Effect.map(forge.comments(repository, number), (all) => all.map(({ body }) => body)))
