import type { EventDraft } from "../../src/domain/Event.ts"
import * as Subject from "../../src/domain/Subject.ts"

let drafts = 0

/** A custom event on an issue of `acme/widgets`, with a key of its own unless one is given. */
export const customEvent = (
  options: { readonly issue?: number; readonly key?: string; readonly name?: string } = {}
): EventDraft => ({
  key: options.key ?? `test:${drafts++}`,
  source: "library",
  at: 0,
  actor: { login: "ada", kind: "person" },
  subject: Subject.issue("acme/widgets", options.issue ?? 1),
  causedBy: null,
  depth: 0,
  detail: { _tag: "custom", name: options.name ?? "ping", payload: null }
})
