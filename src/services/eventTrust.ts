import { Effect } from "effect"
import type { ForgeError } from "../domain/Errors.ts"
import type { EventDraft } from "../domain/Event.ts"
import { least, type Trust } from "../domain/Trust.ts"
import type { Forge } from "./Forge.ts"

/** Events whose actor wrote the text that they bring. */
const rewrites: ReadonlySet<string> = new Set(["issue.edited", "pull_request.edited"])

/**
 * The event with what the forge lets its people do: the actor, and whoever wrote the text of its issue or pull request,
 * unless that is known already.
 *
 * Fails where the forge cannot say now: an event that nobody vouches for must not be taken for one of a stranger, nor of a
 * friend.
 */
export const withTrust = Effect.fnUntraced(function* (
  forge: Pick<Forge["Service"], "trust">,
  draft: EventDraft
): Effect.fn.Return<EventDraft, ForgeError> {
  const { actor, detail, subject } = draft
  if (detail._tag === "other") return draft
  const known = new Map<string, Trust>()
  const trustOf = Effect.fnUntraced(function* (login: string) {
    const before = known.get(login)
    if (before !== undefined) return before
    const trust = yield* forge.trust(subject.repository, login)
    known.set(login, trust)
    return trust
  })
  const isPerson = actor.kind === "person" || actor.kind === "bot"
  const by = isPerson ? { ...actor, trust: yield* trustOf(actor.login) } : actor
  const written = Effect.fnUntraced(function* (author: string) {
    const trust = yield* trustOf(author)
    return rewrites.has(detail._tag) ? least(trust, by.trust ?? "none") : trust
  })
  if ("issue" in detail) {
    const issue = { ...detail.issue, trust: detail.issue.trust ?? (yield* written(detail.issue.author)) }
    return { ...draft, actor: by, detail: { ...detail, issue } }
  }
  if ("pullRequest" in detail) {
    const pullRequest = {
      ...detail.pullRequest,
      trust: detail.pullRequest.trust ?? (yield* written(detail.pullRequest.author))
    }
    return { ...draft, actor: by, detail: { ...detail, pullRequest } }
  }
  return { ...draft, actor: by }
})
