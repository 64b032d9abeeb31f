import { Schema } from "effect"

/** What a timer is for: `retry` after a failure, `continue` a clean turn, `limit` an account's quota or rate. */
export const TimerKind = Schema.Literals(["retry", "continue", "limit"])
export type TimerKind = typeof TimerKind.Type

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
