import { Clock, Effect } from "effect"
import { type Answer, GitHubFault, limitOf, untilReset } from "./fault.ts"

/** How many times slower to go: by what part of the budget is left, and back to full speed above a half only. */
export const slowness = (left: number, before: number): number => {
  if (left < 0.01) return 10
  if (left < 0.05) return 6
  if (left < 0.1) return 4
  if (left < 0.2) return 2
  return before > 1 && left <= 0.5 ? 2 : 1
}

type Window = {
  readonly limit: number
  readonly remaining: number
  /** By our clock, in milliseconds since 1970. */
  readonly resetAt: number
  readonly slowness: number
}

const countOf = (text: string | undefined): number | null => {
  const count = Number(text)
  return text === undefined || !Number.isInteger(count) || count < 0 ? null : count
}

/** What one account may still ask of GitHub, as its answers say. */
export const makeBudget = () => {
  const windows = new Map<string, Window>()
  // a secondary limit holds for everything that the account asks
  let heldUntil = 0

  const current = (resource: string, now: number): Window | undefined => {
    const window = windows.get(resource)
    if (window === undefined || now < window.resetAt) return window
    windows.delete(resource)
    return undefined
  }

  return {
    /** Learns from an answer's headers. */
    observe: (answer: Answer, resource: string, now: number): void => {
      const limit = countOf(answer.headers["x-ratelimit-limit"])
      const remaining = countOf(answer.headers["x-ratelimit-remaining"])
      const reset = untilReset(answer.headers, now)
      if (limit !== null && limit > 0 && remaining !== null && reset !== null) {
        const name = answer.headers["x-ratelimit-resource"] ?? resource
        const before = current(name, now)?.slowness ?? 1
        windows.set(name, { limit, remaining, resetAt: now + reset, slowness: slowness(remaining / limit, before) })
      }
      const limited = limitOf(answer, now)
      if (limited?.kind === "secondary") heldUntil = Math.max(heldUntil, now + limited.retryAfter)
    },
    /** How many times slower to go now: 1 at full speed, 10 where nearly nothing is left. */
    slowness: (now: number): number =>
      [...windows.keys()].reduce((most, resource) => Math.max(most, current(resource, now)?.slowness ?? 1), 1),
    /** Fails where GitHub would refuse anyway, with the time to wait. */
    check: Effect.fnUntraced(function* (request: string, resource: string) {
      const now = yield* Clock.currentTimeMillis
      const spent = (what: string, until: number) =>
        new GitHubFault({
          request,
          status: null,
          reason: `${what}; not asked`,
          retryable: true,
          retryAfter: Math.max(1000, Math.ceil(until - now))
        })
      if (now < heldUntil) return yield* spent("GitHub's secondary rate limit is reached", heldUntil)
      const window = current(resource, now)
      if (window?.remaining === 0) {
        return yield* spent(`GitHub's limit of ${window.limit} requests for ${resource} is used up`, window.resetAt)
      }
    })
  }
}

export type Budget = ReturnType<typeof makeBudget>
