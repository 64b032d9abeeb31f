import type { ActionDraft } from "./Action.ts"
import type { Landing as Rules } from "./Role.ts"
import * as Subject from "./Subject.ts"

/** A pull request as the forge shows it now. */
export type LandingState = {
  readonly repository: string
  readonly number: number
  readonly title: string
  readonly body: string
  readonly open: boolean
  readonly draft: boolean
  readonly head: string
  /** Where the base is. */
  readonly base: string
  readonly mergeable: boolean | null
  readonly reviews: ReadonlyArray<{
    readonly author: string
    /** Whose review it is where one of our agents wrote it. */
    readonly role: string | null
    /** Whether its author may write to the repository. */
    readonly mayWrite: boolean
    readonly verdict: "approve" | "request_changes" | "comment"
    readonly commit: string
    readonly dismissed: boolean
  }>
  readonly checks: ReadonlyArray<{ readonly name: string; readonly conclusion: string }>
  /** Changed paths that need a person's word, less those that have it; null where the change could not be read. */
  readonly protectedPaths: ReadonlyArray<string> | null
  /** The agent whose work it is, and whether it is at work now or about to be. */
  readonly agent: string
  readonly busy: boolean
}

/** What to do about a pull request. `Ask` waits as well, and a person is told once why. */
export type Landing =
  | { readonly _tag: "Merge"; readonly action: ActionDraft }
  | { readonly _tag: "Conflicted" }
  | { readonly _tag: "Wait"; readonly reasons: ReadonlyArray<string> }
  | { readonly _tag: "Ask"; readonly reason: string; readonly action: ActionDraft }
  | { readonly _tag: "Nothing" }

/** The last word of each reviewer that says yes or no. */
const verdicts = (state: LandingState): ReadonlyArray<LandingState["reviews"][number]> => {
  const last = new Map<string, LandingState["reviews"][number]>()
  for (const review of state.reviews) {
    if (review.dismissed || review.verdict === "comment") continue
    last.set(review.role === null ? `@${review.author}` : review.role, review)
  }
  return [...last.values()]
}

/**
 * Decides whether a pull request of an agent is merged now: approvals and checks of exactly its newest commit, no
 * request for changes of anybody who may write, nothing protected in it without a person's word. What cannot be read
 * stops it. Pure and total.
 */
export const decideLanding = (state: LandingState, rules: Rules): Landing => {
  if (!state.open || state.draft) return { _tag: "Nothing" }
  // an agent at work may be about to push what resolves it
  if (state.mergeable === false && !state.busy) return { _tag: "Conflicted" }
  const subject = Subject.pullRequest(state.repository, state.number)
  const said = verdicts(state)
  const approves = (review: (typeof said)[number]) => review.verdict === "approve" && review.commit === state.head
  const people = said.filter((review) => review.role === null && review.mayWrite)
  const reasons: Array<string> = state.busy ? ["its agent is at work"] : []
  if (state.mergeable === false) reasons.push("it conflicts with its base")
  for (const role of rules.approvals) {
    const review = said.find((one) => one.role === role)
    if (review === undefined || !approves(review)) {
      reasons.push(
        review?.verdict === "request_changes" && review.commit === state.head
          ? `${role} requests changes`
          : `${role} has not approved ${state.head.slice(0, 9)}`
      )
    }
  }
  for (const review of said) {
    if (review.verdict !== "request_changes" || (review.role === null && !review.mayWrite)) continue
    if (review.role !== null && (rules.approvals.includes(review.role) || review.commit !== state.head)) continue
    reasons.push(`${review.role ?? review.author} requests changes`)
  }
  for (const name of rules.checks) {
    const check = state.checks.find((one) => one.name === name)
    if (check?.conclusion !== "success") reasons.push(`the check ${name} is ${check?.conclusion ?? "not there yet"}`)
  }
  for (const check of state.checks) {
    if (rules.checks.includes(check.name)) continue
    if (check.conclusion === "failure" || check.conclusion === "pending") {
      reasons.push(`the check ${check.name} is ${check.conclusion}`)
    }
  }
  const approvedBy = people.filter(approves)
  if (approvedBy.length < rules.people) {
    reasons.push(`${approvedBy.length} of ${rules.people} people with write access approve`)
  }
  if (state.mergeable === null) reasons.push("the forge does not know yet whether it can be merged")
  if (reasons.length > 0) return { _tag: "Wait", reasons }
  if (state.protectedPaths === null) return { _tag: "Wait", reasons: ["what it changes cannot be read"] }
  if (state.protectedPaths.length > 0 && approvedBy.length === 0) {
    const reason = `it changes ${state.protectedPaths.join(", ")}, which needs a person's approval`
    return {
      _tag: "Ask",
      reason,
      action: {
        key: `${Subject.key(subject)}/protected/${state.head}`,
        subject,
        agent: null,
        depth: 1,
        action: {
          _tag: "comment",
          body: `This is ready to be merged, but ${reason}. Approve the pull request, or run \`squadron approve ${state.agent} ${state.protectedPaths.join(" ")}\`.`
        }
      }
    }
  }
  return {
    _tag: "Merge",
    action: {
      key: `${Subject.key(subject)}/merge/${state.head}/${state.base}`,
      subject,
      agent: null,
      depth: 1,
      action: {
        _tag: "merge",
        method: rules.method,
        commit: state.head,
        title: `${state.title} (#${state.number})`,
        body: state.body
      }
    }
  }
}
