import { Result } from "effect"
import { describe, type QueuedAction } from "./Action.ts"
import { ActionNotFailed, ActionNotFound } from "./Errors.ts"
import * as Step from "./Step.ts"
import * as Subject from "./Subject.ts"

/** What a retry came to: the action as it is queued, or why it is not. */
export type Retried = Result.Result<QueuedAction, ActionNotFound | ActionNotFailed>

/**
 * A person's wish to try a failed action again, on the action as it is. It keeps its key, so that what was done in spite
 * of its error is found by its mark; its number, so that it comes before what its subject has still queued; and the
 * count of its tries, which tells its history (the outbox counts the ten of each round for itself).
 */
export const retryAction = (
  id: number,
  action: QueuedAction | undefined,
  at: number
): { readonly step: Step.Step; readonly value: Retried } => {
  if (action === undefined) return { step: Step.empty, value: Result.fail(new ActionNotFound({ action: id })) }
  const { agent, error, status } = action
  if (status !== "failed") return { step: Step.empty, value: Result.fail(new ActionNotFailed({ action: id, status })) }
  const text = `to be tried again: ${describe(action.action)} on ${Subject.key(action.subject)}, which failed: ${error}`
  return {
    step: Step.make({
      retried: [id],
      journal: [{ kind: "action.retried", at, event: null, agent, text, verdicts: [] }]
    }),
    value: Result.succeed({ ...action, status: "queued", error: "" })
  }
}
