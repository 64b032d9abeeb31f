import { Effect } from "effect"
import type { Seen } from "../../../domain/reconcile.ts"
import { Forge } from "../../../services/Forge.ts"

const whole = Effect.fnUntraced(function* (repository: string, number: number) {
  const forge = yield* Forge
  const issue = yield* forge.issue(repository, number)
  const { author, body, labels, state, title, updatedAt } = issue
  const text = { title, body, state, author, labels, trust: "none" as const }
  if (!issue.pullRequest) {
    const seen: Seen = { kind: "issue", number, updatedAt, snapshot: { ...text, assignees: issue.assignees } }
    return seen
  }
  const { base, draft, head, merged } = yield* forge.pullRequest(repository, number)
  const seen: Seen = { kind: "pull_request", number, updatedAt, snapshot: { ...text, draft, merged, head, base } }
  return seen
})

/** One issue or pull request, whole; null, with a warning, where it cannot be read now. */
export const look = (repository: string, number: number): Effect.Effect<Seen | null, never, Forge> =>
  Effect.catch(whole(repository, number), (error) =>
    Effect.as(Effect.logWarning(`${repository}#${number} cannot be compared with GitHub now: ${error.message}`), null)
  )
