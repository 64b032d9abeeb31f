import { Schema } from "effect"

/** What a timer is for: `retry` after a failure, `continue` a clean turn, `limit` a rate,
 * `quota` an account's quota, `authorization` a person who gives what is missing, with no end of its own: as long as one
 * of its agents waits for either, no other agent of the role starts. `patience` ends what an agent that is blocked or asks
 * waits for: then a person is called. */
export const TimerKind = Schema.Literals(["retry", "continue", "limit", "quota", "authorization", "patience"])
export type TimerKind = typeof TimerKind.Type

/** When a timer is due that only a person ends: the last moment that a date can name. */
export const never = 8_640_000_000_000_000

/** A durable deadline; it becomes a `timer.fired` event when due. An agent has at most one. */
export const Timer = Schema.Struct({
  /** `<agent>/<version>`: unique, since a version is. */
  id: Schema.String,
  agent: Schema.String,
  kind: TimerKind,
  /** Milliseconds since 1970. */
  dueAt: Schema.Int
})
export type Timer = typeof Timer.Type
