import { Schema } from "effect"

/**
 * What turns used. `measured`: the agent reported it; `estimated`: it follows from what the agent reported of something
 * else, such as the filling of its context; `unmeasured`: nobody knows, and the figures are null.
 */
export const Usage = Schema.Struct({
  source: Schema.Literals(["measured", "estimated", "unmeasured"]),
  inputTokens: Schema.NullOr(Schema.Int),
  outputTokens: Schema.NullOr(Schema.Int),
  cost: Schema.NullOr(Schema.Struct({ amount: Schema.Finite, currency: Schema.String }))
})
export type Usage = typeof Usage.Type

export const unmeasured: Usage = { source: "unmeasured", inputTokens: null, outputTokens: null, cost: null }

const certainty: ReadonlyArray<Usage["source"]> = ["unmeasured", "estimated", "measured"]
const sum = (one: number | null, other: number | null): number | null =>
  one === null ? other : other === null ? one : one + other

/** Both together, as certain as the less certain of the two; costs in two currencies have no sum. */
export const plus = (one: Usage, other: Usage): Usage => ({
  source: certainty[Math.min(certainty.indexOf(one.source), certainty.indexOf(other.source))] ?? "unmeasured",
  inputTokens: sum(one.inputTokens, other.inputTokens),
  outputTokens: sum(one.outputTokens, other.outputTokens),
  cost:
    one.cost === null || other.cost === null
      ? (one.cost ?? other.cost)
      : one.cost.currency === other.cost.currency
        ? { amount: one.cost.amount + other.cost.amount, currency: one.cost.currency }
        : null
})
