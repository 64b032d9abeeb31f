import { Clock, Effect, Layer, Schema } from "effect"
import type { StoreUnavailable } from "../../../domain/Errors.ts"
import type { EventDraft, Published } from "../../../domain/Event.ts"
import { births, decideMissed, isKnownClosed, type Seen, watched } from "../../../domain/reconcile.ts"
import { EventBus } from "../../../services/EventBus.ts"
import type { Forge } from "../../../services/Forge.ts"
import { reasonOf } from "../../../services/keepGoing.ts"
import { Store } from "../../../services/Store.ts"
import { Listed } from "./answers.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { look } from "./lookAt.ts"
import { type ChangeOptions, type Memory, missedChanges, newMemory } from "./missedChanges.ts"

const everyMillis = 5 * 60_000
/** Agents that are looked at. */
const most = 5000

export type ReconcileOptions = {
  /** Publishes as the webhook does; the bus alone, unless told. */
  readonly publish?: ((event: EventDraft) => Effect.Effect<Published, StoreUnavailable>) | undefined
  /** Whether a repository is on GitHub; all are, unless told. */
  readonly isOnGitHub?: ((repository: string) => boolean) | undefined
  /** Accounts that are Squadron's own, besides the one that asks. */
  readonly botLogins?: ReadonlyArray<string> | undefined
  /** What earlier looks saw; nothing, unless told. */
  readonly memory?: Memory | undefined
}

const inRepository = Effect.fnUntraced(function* (
  repository: string,
  numbers: ReadonlySet<number>,
  options: ChangeOptions
) {
  const client = yield* GitHubClient
  const store = yield* Store
  const open = yield* client.list(`/repos/${repository}/issues?state=open`, {
    page: Schema.Array(Listed),
    entries: (page) => page
  })
  const stillOpen = new Set(open.map(({ number }) => number))
  const takenForOpen = new Set<number>()
  const seen: Array<Seen> = []
  for (const number of numbers) {
    if (stillOpen.has(number)) continue
    const subject = `${repository}#${number}`
    if (isKnownClosed(yield* store.events({ limit: 50, subject }))) continue
    takenForOpen.add(number)
    // not being in the list is no evidence; being closed is
    const one = yield* look(repository, number)
    if (one !== null) seen.push(one)
  }
  let published = 0
  for (const draft of decideMissed(repository, takenForOpen, seen, yield* Clock.currentTimeMillis)) {
    if ((yield* options.publish(draft))._tag === "Accepted") published++
  }
  const mine = open.filter(({ number }) => numbers.has(number))
  return published + (yield* missedChanges(repository, mine, options))
})

/** The live agents that work on GitHub. */
const agentsOnGitHub = Effect.fnUntraced(function* ({ isOnGitHub = () => true }: ReconcileOptions) {
  const store = yield* Store
  const agents = yield* store.agents({ live: true, limit: most })
  return agents.filter(({ subject }) => isOnGitHub(subject.repository))
})

/**
 * Compares what agents at work take for the state of their issues and pull requests with GitHub, and publishes what was
 * missed: closings and merges, an issue that was given to a person, one that was opened again. Gives how many events that
 * were. A repository that cannot be read whole is left for the next time, and one that is not on GitHub is not asked about.
 */
export const reconcile = Effect.fn("reconcile")(function* (options: ReconcileOptions = {}) {
  const bus = yield* EventBus
  const { botLogins = [], isOnGitHub = () => true, memory = newMemory(), publish = bus.publish } = options
  const agents = yield* agentsOnGitHub(options)
  const bornAt = births(agents)
  let published = 0
  for (const [repository, numbers] of watched(agents)) {
    // what an agent waits for may be elsewhere
    if (!isOnGitHub(repository)) continue
    published += yield* inRepository(repository, numbers, { bornAt, botLogins, memory, publish }).pipe(
      Effect.catchTag("GitHubFault", (fault) =>
        Effect.as(Effect.logWarning(`${repository} cannot be compared with GitHub now: ${fault.message}`), 0)
      )
    )
  }
  return published
})

/** Compares at the start and every five minutes (less often where GitHub's budget is low), as long as the layer lives. */
export const layerReconcile = (
  options: ReconcileOptions = {}
): Layer.Layer<never, never, GitHubClient | Forge | Store | EventBus> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const client = yield* GitHubClient
      const memory = newMemory()
      const round = Effect.gen(function* () {
        const count = yield* reconcile({ memory, ...options })
        if (count > 0) yield* Effect.logInfo(`${count} changes that GitHub did not tell of are known now`)
        const [agent] = yield* agentsOnGitHub(options)
        return agent === undefined ? 1 : yield* client.slowness(agent.subject.repository)
      }).pipe(
        Effect.sandbox,
        Effect.catch((cause) =>
          Effect.as(Effect.logWarning(`Issues cannot be compared with GitHub now: ${reasonOf(cause)}`), 1)
        ),
        Effect.flatMap((slow) => Effect.sleep(everyMillis * slow))
      )
      yield* Effect.forkScoped(Effect.forever(round))
    })
  )
