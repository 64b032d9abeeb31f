import { Effect } from "effect"
import type { ActionStatus } from "../../domain/Action.ts"
import { Store } from "../../services/Store.ts"

/** Something that the agent pushed, or is about to. */
export type Push = { readonly commit: string; readonly status: ActionStatus }

const page = 200
/** Actions that are looked back through. */
const lookedBack = 2000

/** What an agent pushed to its branch, newest first, less what failed. */
export const pushesOf = Effect.fnUntraced(function* (agent: string, branch: string) {
  const store = yield* Store
  const pushes: Array<Push> = []
  let before: number | undefined
  for (let seen = 0; seen < lookedBack; seen += page) {
    const actions = yield* store.actions({ agent, limit: page, before })
    for (const { action, status } of actions) {
      if (action._tag === "push" && action.branch === branch && status !== "failed") {
        pushes.push({ commit: action.commit, status })
      }
    }
    before = actions.at(-1)?.id
    if (actions.length < page) break
  }
  return pushes
})
