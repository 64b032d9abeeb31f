import { type Usage, unmeasured } from "../../../domain/Usage.ts"
import { countOf, isObject, type Json, objectOf } from "./json.ts"

/** What a session's turns use, from what its agent reports of it. */
export type UsageMeter = {
  /** Takes a `usage_update`; those before the first turn are where the counting starts. */
  update(update: Json): void
  /** A turn begins. */
  begin(): void
  /** What the turn used, given the answer to its prompt; null where there was none. */
  end(answer: unknown): Usage
}

/**
 * How much a counter has grown. One that goes back has started anew, such as after a compaction, and has grown by what
 * it shows: never anything is taken away.
 */
const growth = (before: number, now: number): number => (now >= before ? now - before : now)

type Cost = { readonly amount: number; readonly currency: string }

const costOf = (value: unknown): Cost | null => {
  const { amount, currency } = objectOf(value)
  return typeof amount === "number" &&
    Number.isFinite(amount) &&
    amount >= 0 &&
    typeof currency === "string" &&
    currency !== ""
    ? { amount, currency }
    : null
}

/**
 * A meter for one session of one process. Tokens are `measured` where the answer to a prompt says what the turn took
 * (an extension of ACP 1 that some agents have), else `estimated` from the growth of the agent's context, which leaves
 * out what is sent again and again. Costs are cumulative per session; costs in a second currency are left out.
 */
export const makeUsageMeter = (): UsageMeter => {
  let context = 0
  let total: Cost | null = null
  let grown: number | null = null
  let spent: Cost | null = null

  return {
    update: (update) => {
      const used = countOf(update["used"])
      if (used !== null) {
        grown = (grown ?? 0) + growth(context, used)
        context = used
      }
      const cost = costOf(update["cost"])
      if (cost === null) return
      const more = growth(total?.currency === cost.currency ? total.amount : 0, cost.amount)
      total = cost
      if (spent === null) spent = { amount: more, currency: cost.currency }
      else if (spent.currency === cost.currency) spent = { ...spent, amount: spent.amount + more }
    },
    begin: () => {
      grown = null
      spent = null
    },
    end: (answer) => {
      const usage = objectOf(answer)["usage"]
      const [inputTokens, outputTokens] = isObject(usage)
        ? [countOf(usage["inputTokens"]), countOf(usage["outputTokens"])]
        : [null, null]
      if (inputTokens !== null || outputTokens !== null) {
        return { source: "measured", inputTokens, outputTokens, cost: spent }
      }
      return grown === null && spent === null
        ? unmeasured
        : { source: "estimated", inputTokens: grown, outputTokens: null, cost: spent }
    }
  }
}
