import type { Agent } from "./Agent.ts"
import * as Subject from "./Subject.ts"

/** A blocker as agents name it (`12`, `#12`, `owner/name#12`) as a subject key, or null where it is none. */
export const blockerKey = (text: string, repository: string): string | null => {
  const short = /^#?([1-9]\d*)$/.exec(text.trim())
  if (short !== null) return `${repository}#${short[1]}`
  return /^[\w.-]+\/[\w.-]+#[1-9]\d*$/.test(text.trim()) ? text.trim() : null
}

/** Splits a subject key of an issue or pull request. */
export const numberedSubject = (key: string): { readonly repository: string; readonly number: number } | null => {
  const at = key.lastIndexOf("#")
  const number = Number(key.slice(at + 1))
  return at < 1 || !Number.isSafeInteger(number) ? null : { repository: key.slice(0, at), number }
}

/**
 * Why an agent on `subject` may not wait for `on`, or null where it may: a subject never waits for itself, neither
 * directly nor through the agents that are blocked now. Two ways to the same blocker are no cycle.
 */
export const refuseBlockers = (
  subject: string,
  on: ReadonlyArray<string>,
  blocked: ReadonlyArray<Agent>
): string | null => {
  const edges = new Map<string, Array<string>>()
  for (const agent of blocked) {
    const from = Subject.key(agent.subject)
    edges.set(from, [...(edges.get(from) ?? []), ...agent.blockedOn])
  }
  const paths = on.map((key) => [key])
  const seen = new Set<string>()
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const here = path[path.length - 1] ?? ""
    if (here === subject) {
      return path.length === 1
        ? `Refused: ${subject} cannot wait for itself.`
        : `Refused: ${subject} would wait for itself: ${[subject, ...path].join(" → ")}.`
    }
    if (seen.has(here)) continue
    seen.add(here)
    for (const next of edges.get(here) ?? []) paths.push([...path, next])
  }
  return null
}
