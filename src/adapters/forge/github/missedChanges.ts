import { Clock, Effect } from "effect"
import type { StoreUnavailable } from "../../../domain/Errors.ts"
import type { EventDraft, Published } from "../../../domain/Event.ts"
import { decideHandedOver, decideReopened, type OpenIssue } from "../../../domain/reconcile.ts"
import { Store } from "../../../services/Store.ts"
import { type Listed, millis } from "./answers.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { issueHistory } from "./issueHistory.ts"
import { look } from "./lookAt.ts"

/** Events about one issue that are looked through. */
const looked = 50
/** Closings that are looked through for issues that are open again. */
const closings = 1000
/** GitHub tells whole seconds; in milliseconds. */
const second = 1000

/** What was seen before, so that only what has changed is asked for again; as long as the process lives. */
export type Memory = {
  /** Subject keys of issues that were open at the last look. */
  readonly open: Set<string>
  /** How an issue was listed when it was last looked at whole, by subject key. */
  readonly judged: Map<string, string>
}

export const newMemory = (): Memory => ({ open: new Set(), judged: new Map() })

export type ChangeOptions = {
  /** When the newest agent on each subject was born, by subject key. */
  readonly bornAt: ReadonlyMap<string, number>
  /** Accounts that are Squadron's own, besides the one that asks. */
  readonly botLogins: ReadonlyArray<string>
  readonly memory: Memory
  readonly publish: (event: EventDraft) => Effect.Effect<Published, StoreUnavailable>
}

/** Subject keys of issues that the store knows to have been closed once. */
const onceClosed = Effect.gen(function* () {
  const store = yield* Store
  const events = yield* store.events({ type: "issue.closed", limit: closings })
  return new Set(events.map(({ subject }) => `${subject.repository}#${subject.number}`))
})

/**
 * Publishes what happened to these open issues without an event: one was given to a person, or opened again; gives how
 * many changes were new. An issue is read whole only where its place in the list lets one think so; one that cannot be
 * read is looked at the next time.
 */
export const missedChanges = Effect.fnUntraced(function* (
  repository: string,
  open: ReadonlyArray<Listed>,
  { bornAt, botLogins, memory, publish }: ChangeOptions
) {
  const client = yield* GitHubClient
  const store = yield* Store
  const now = yield* Clock.currentTimeMillis
  const issues = new Map<string, Listed>(
    open.flatMap((one) => ((one.pull_request ?? null) === null ? [[`${repository}#${one.number}`, one] as const] : []))
  )
  // what is closed meanwhile may be opened again
  for (const key of memory.open) {
    if (!key.startsWith(`${repository}#`) || issues.has(key)) continue
    memory.open.delete(key)
    memory.judged.delete(key)
  }
  const closed = [...issues.keys()].every((key) => memory.open.has(key)) ? new Set<string>() : yield* onceClosed
  const own = new Set([...botLogins, yield* client.login(repository)].map((login) => login.toLowerCase()))
  const isOwn = (login: string): boolean => own.has(login.toLowerCase())
  let published = 0
  for (const [key, { assignees, number, updated_at }] of issues) {
    const again = !memory.open.has(key) && closed.has(key)
    const born = bornAt.get(key)
    const state = JSON.stringify([updated_at, assignees])
    const given =
      born !== undefined &&
      assignees.some(({ login }) => !isOwn(login)) &&
      millis(updated_at) + second > born &&
      memory.judged.get(key) !== state
    if (again || given) {
      const seen = yield* look(repository, number)
      if (seen?.kind !== "issue") continue
      // one that cannot be read keeps no other back
      const history = yield* Effect.catchTag(issueHistory(repository, number, isOwn), "GitHubFault", (fault) =>
        Effect.as(Effect.logWarning(`The history of ${key} cannot be read now: ${fault.message}`), null)
      )
      if (history === null) continue
      const events = yield* store.events({ limit: looked, subject: key })
      const issue: OpenIssue = { repository, seen, history, events }
      const handedOver = born === undefined ? [] : decideHandedOver(issue, born, now)
      for (const draft of [...decideReopened(issue, now), ...handedOver]) {
        if (draft.detail._tag === "issue.assigned" && isOwn(draft.detail.assignee)) continue
        if ((yield* publish(draft))._tag === "Accepted") published++
      }
      memory.judged.set(key, state)
    }
    memory.open.add(key)
  }
  return published
})
