import { Clock, Duration, Effect, Layer, Schema } from "effect"
import type { StoreUnavailable } from "../../../domain/Errors.ts"
import type { Event, EventDraft, Published } from "../../../domain/Event.ts"
import { EventBus } from "../../../services/EventBus.ts"
import { reasonOf } from "../../../services/keepGoing.ts"
import { Store } from "../../../services/Store.ts"
import { millis } from "./answers.ts"
import { toEvent } from "./events.ts"
import type { GitHubFault } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { installationOf, repositoryOf } from "./payload.ts"

/** Whose deliveries: the app's own, or those of a webhook of one repository. */
export type Hook =
  | { readonly _tag: "app" }
  | { readonly _tag: "repository"; readonly repository: string; readonly id: number }

export type MissedOptions = {
  readonly hook: Hook
  /** Accounts that are bots although GitHub says they are users. */
  readonly botLogins: ReadonlyArray<string>
  /** Full names, in any case, of the only repositories that are listened to; all where there are none. */
  readonly repositories?: ReadonlyArray<string> | undefined
  /** Ids of the only app installations that are listened to; all where there are none. */
  readonly installations?: ReadonlyArray<number> | undefined
  /** Publishes as the webhook does; the bus alone, unless told. */
  readonly publish?: ((event: EventDraft) => Effect.Effect<Published, StoreUnavailable>) | undefined
}

/** GitHub keeps deliveries for three days; in milliseconds. */
const lookBack = 70 * 3_600_000
/** Deliveries are looked for again that may have been under way when they were last looked for; in milliseconds. */
const overlap = 3_600_000
const everyMillis = 15 * 60_000
/** Time that passed unseen by more than this was downtime, such as a machine that slept; in milliseconds. */
const jump = 5 * 60_000
/** How often the clock is looked at. */
const tick = 60_000

const Id = Schema.Union([Schema.Int, Schema.String])
const Listed = Schema.Struct({ id: Id, guid: Schema.NonEmptyString, delivered_at: Schema.String, event: Schema.String })
type Listed = typeof Listed.Type
const Delivered = Schema.Struct({ request: Schema.Struct({ payload: Schema.Unknown }) })

const keyOf = (guid: string): string => `github:${guid}`

/** Keys of the events that came in since then, or little before. */
const knownKeys = Effect.fnUntraced(function* (since: number) {
  const store = yield* Store
  const keys = new Set<string>()
  const from = since - overlap
  let before: number | undefined
  for (;;) {
    const page: ReadonlyArray<Event> = yield* store.events({ limit: 500, before })
    for (const { key } of page) keys.add(key)
    const oldest = page.at(-1)
    if (oldest === undefined || page.every(({ at }) => at < from)) return keys
    before = oldest.seq
  }
})

const isListenedTo = (payload: unknown, { installations = [], repositories = [] }: MissedOptions): boolean => {
  const installation = installationOf(payload)
  if (installations.length > 0 && (installation === null || !installations.includes(installation))) return false
  const repository = repositoryOf(payload)?.toLowerCase()
  return repositories.length === 0 || repositories.some((name) => name.toLowerCase() === repository)
}

/**
 * Publishes the deliveries since then (milliseconds since 1970) that the store does not have, oldest first, as the
 * webhook would have; gives how many. One that cannot be read as an event is passed over with a warning.
 */
export const missedDeliveries = Effect.fn("missedDeliveries")(function* (
  options: MissedOptions & { readonly since: number }
) {
  const client = yield* GitHubClient
  const bus = yield* EventBus
  const { hook, since } = options
  const publish = options.publish ?? bus.publish
  const account = hook._tag === "app" ? (client.app ?? undefined) : undefined
  const path = hook._tag === "app" ? "/app/hook/deliveries" : `/repos/${hook.repository}/hooks/${hook.id}/deliveries`

  const listed = yield* client.list(
    path,
    {
      page: Schema.Array(Listed),
      entries: (page) => page,
      more: (page) => page.every(({ delivered_at }) => millis(delivered_at) >= since),
      pages: 1000
    },
    account
  )
  const oldest = Math.min(...listed.map(({ delivered_at }) => millis(delivered_at)))
  const known = listed.length === 0 ? new Set<string>() : yield* knownKeys(Math.max(since, oldest))
  const missed = new Map<string, Listed>()
  // newest first; a delivery that was repeated has several entries of one guid
  for (const one of listed) {
    if (millis(one.delivered_at) >= since && !known.has(keyOf(one.guid))) missed.set(one.guid, one)
  }

  let published = 0
  for (const { delivered_at, event, guid, id } of [...missed.values()].toReversed()) {
    const pass = (why: string) => Effect.logWarning(`The missed delivery ${guid} (${event}) is passed over: ${why}`)
    const found = yield* Effect.catchIf(
      client.get(`${path}/${id}`, Delivered, account),
      (fault): fault is GitHubFault => !fault.retryable,
      (fault) => Effect.as(pass(fault.message), null)
    )
    if (found === null) continue
    const { payload } = found.request
    if (!isListenedTo(payload, options)) continue
    const draft = yield* Effect.catchTag(
      toEvent({ event, delivery: guid, payload, receivedAt: millis(delivered_at), botLogins: options.botLogins }),
      "PayloadInvalid",
      (error) => Effect.as(pass(error.message), null)
    )
    if (draft === null) continue
    if ((yield* publish(draft))._tag === "Accepted") published++
  }
  return published
})

/**
 * Looks for missed deliveries at the start, after downtime, and every 15 minutes (less often where GitHub's budget is
 * low), as long as the layer lives. A look that fails is repeated a minute later.
 */
export const layerMissed = (options: MissedOptions): Layer.Layer<never, never, GitHubClient | Store | EventBus> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const client = yield* GitHubClient
      let seenUntil: number | null = null
      let dueAt = 0
      let lastTick = yield* Clock.currentTimeMillis

      const look = Effect.fnUntraced(function* (now: number) {
        const since: number = Math.max(now - lookBack, (seenUntil ?? 0) - overlap)
        const count = yield* missedDeliveries({ ...options, since })
        if (count > 0) yield* Effect.logInfo(`${count} events that GitHub could not deliver are here now`)
        seenUntil = now
        const hook = options.hook
        const slow =
          hook._tag === "repository" ? yield* client.slowness(hook.repository) : (client.app?.budget.slowness(now) ?? 1)
        dueAt = now + everyMillis * slow
      })

      const round = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const slept = now - lastTick > tick + jump
        lastTick = now
        if (now >= dueAt || slept) {
          yield* look(now).pipe(
            Effect.sandbox,
            Effect.catch((cause) => Effect.logWarning(`Missed deliveries cannot be looked for now: ${reasonOf(cause)}`))
          )
        }
        yield* Effect.sleep(Duration.millis(tick))
      })

      yield* Effect.forkScoped(Effect.forever(round))
    })
  )
