import { type Event, labelsOf } from "./Event.ts"
import type { Rule } from "./Role.ts"

const covers = (pattern: string, text: string): boolean => {
  const parts = pattern.split("*")
  const [first = "", ...rest] = parts
  if (!text.startsWith(first)) return false
  if (rest.length === 0) return text.length === first.length
  let at = first.length
  for (const part of rest.slice(0, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  const last = rest[rest.length - 1] ?? ""
  return text.length - last.length >= at && text.endsWith(last)
}

/** The branch that an event is about, without `refs/heads/`, or null. */
export const branchOf = (event: Event): string | null => {
  const detail = event.detail
  if (detail._tag === "push") return detail.ref.replace(/^refs\/heads\//, "")
  return "pullRequest" in detail ? detail.pullRequest.head.ref : null
}

/** Whether a rule takes an event of its type, and in words why or why not. Pure and total. */
export const matchRule = (rule: Rule, event: Event): { readonly matched: boolean; readonly why: string } => {
  const no = (why: string) => ({ matched: false, why })
  const detail = event.detail
  if (rule.event !== detail._tag) return no(`listens to ${rule.event}`)
  if (rule.name !== undefined && (detail._tag !== "custom" || detail.name !== rule.name)) {
    return no(`wants the custom event ${rule.name}`)
  }
  if (rule.from !== undefined && rule.from !== "anyone" && rule.from !== event.actor.kind) {
    return no(`wants it from a ${rule.from}, this came from the ${event.actor.kind} ${event.actor.login}`)
  }
  if (rule.repositories !== undefined && !rule.repositories.includes(event.subject.repository)) {
    return no(`is for ${rule.repositories.join(", ")}`)
  }
  if (rule.label !== undefined && (!("label" in detail) || detail.label !== rule.label)) {
    return no(`wants the label ${rule.label} to be the one that changed`)
  }
  const labels = labelsOf(detail)
  const missing = rule.labels?.find((label) => !labels.includes(label))
  if (missing !== undefined) return no(`wants the label ${missing}`)
  const unwanted = rule.unlessLabels?.find((label) => labels.includes(label))
  if (unwanted !== undefined) return no(`stays away because of the label ${unwanted}`)
  if (rule.branch !== undefined) {
    const branch = branchOf(event)
    if (branch === null || !covers(rule.branch, branch)) {
      return no(`wants the branch ${rule.branch}, not ${branch ?? "an event without one"}`)
    }
  }
  return { matched: true, why: `listens to ${rule.event}` }
}
