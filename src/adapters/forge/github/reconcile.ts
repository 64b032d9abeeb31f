import { Clock, Effect, Layer, Schema } from "effect"
import type { ForgeError, IssueNotFound, PullRequestNotFound, StoreUnavailable } from "../../../domain/Errors.ts"
import type { EventDraft, Published } from "../../../domain/Event.ts"
import { decideMissed, isKnownClosed, type Seen, watched } from "../../../domain/reconcile.ts"
import { EventBus } from "../../../services/EventBus.ts"
import { Forge } from "../../../services/Forge.ts"
import { reasonOf } from "../../../services/keepGoing.ts"
import { Store } from "../../../services/Store.ts"
import { Numbered } from "./answers.ts"
import { GitHubClient } from "./GitHubClient.ts"

const everyMillis = 5 * 60_000
/** Agents that are looked at. */
const most = 5000

export type ReconcileOptions = {
  /** Publishes as the webhook does; the bus alone, unless told. */
  readonly publish?: ((event: EventDraft) => Effect.Effect<Published, StoreUnavailable>) | undefined
}

/** One issue or pull request, whole. */
const look = Effect.fnUntraced(function* (
  repository: string,
  number: number
): Effect.fn.Return<Seen, IssueNotFound | PullRequestNotFound | ForgeError, Forge> {
  const forge = yield* Forge
  const issue = yield* forge.issue(repository, number)
  const { author, body, labels, state, title, updatedAt } = issue
  const text = { title, body, state, author, labels, trust: "none" as const }
  if (!issue.pullRequest) {
    return { kind: "issue", number, updatedAt, snapshot: { ...text, assignees: issue.assignees } }
  }
  const { base, draft, head, merged } = yield* forge.pullRequest(repository, number)
  return { kind: "pull_request", number, updatedAt, snapshot: { ...text, draft, merged, head, base } }
})

const inRepository = Effect.fnUntraced(function* (
  repository: string,
  numbers: ReadonlySet<number>,
  publish: NonNullable<ReconcileOptions["publish"]>
) {
  const client = yield* GitHubClient
  const store = yield* Store
  const open = yield* client.list(`/repos/${repository}/issues?state=open`, {
    page: Schema.Array(Numbered),
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
    const one = yield* Effect.catch(look(repository, number), (error) =>
      Effect.as(Effect.logWarning(`${subject} cannot be compared with GitHub now: ${error.message}`), null)
    )
    if (one !== null) seen.push(one)
  }
  const drafts = decideMissed(repository, takenForOpen, seen, yield* Clock.currentTimeMillis)
  for (const draft of drafts) yield* publish(draft)
  return drafts.length
})

/**
 * Compares what agents at work take for open with GitHub, and publishes the closings that were missed; gives how many. A
 * repository that cannot be read whole is left for the next time.
 */
export const reconcile = Effect.fn("reconcile")(function* (options: ReconcileOptions = {}) {
  const store = yield* Store
  const bus = yield* EventBus
  const agents = yield* store.agents({ live: true, limit: most })
  let published = 0
  for (const [repository, numbers] of watched(agents)) {
    published += yield* inRepository(repository, numbers, options.publish ?? bus.publish).pipe(
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
      const store = yield* Store
      const round = Effect.gen(function* () {
        const count = yield* reconcile(options)
        if (count > 0) yield* Effect.logInfo(`${count} closings that GitHub did not tell of are known now`)
        const [agent] = yield* store.agents({ live: true, limit: 1 })
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
