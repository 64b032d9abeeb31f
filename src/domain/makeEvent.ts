import type { EventDraft } from "./Event.ts"
import * as Subject from "./Subject.ts"

/**
 * A library user's own event, ready to publish: `name` is what rules ask for, `key` what makes it the same event
 * again, `subject` what it is about (an issue number, or the repository where it is none).
 *
 * @example
 * bus.publish(event({ key: "build/42", name: "build.failed", repository: "acme/app", payload: { log: "…" } }))
 */
export const event = (options: {
  readonly key: string
  readonly name: string
  readonly repository: string
  readonly issue?: number
  /** Milliseconds since 1970; the time of its publication unless told. */
  readonly at?: number
  readonly payload?: Extract<EventDraft["detail"], { readonly _tag: "custom" }>["payload"]
}): EventDraft => ({
  key: options.key,
  source: "library",
  at: options.at ?? 0,
  actor: { login: "library", kind: "system" },
  subject:
    options.issue === undefined
      ? Subject.repository(options.repository)
      : Subject.issue(options.repository, options.issue),
  causedBy: null,
  depth: 0,
  detail: { _tag: "custom", name: options.name, payload: options.payload ?? null }
})
