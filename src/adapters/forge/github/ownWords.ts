import type { Detail, EventDraft } from "../../../domain/Event.ts"
import { type Mark, marksOf, withoutMarks } from "./mark.ts"

/** What GitHub calls the verdict of a review; ours all come as comments, since one account has only one say. */
const states: Readonly<Record<string, string>> = { approve: "approved", request_changes: "changes_requested" }

type Words = { readonly author: string; readonly body: string }

/** The words that an event brings, and the event with other ones in their place. */
const wordsOf = (
  detail: Detail
): { readonly words: Words; readonly put: (body: string, mark: Mark) => Detail } | null => {
  switch (detail._tag) {
    case "comment.created":
    case "comment.edited":
      return { words: detail.comment, put: (body) => ({ ...detail, comment: { ...detail.comment, body } }) }
    case "review_comment.created":
      return { words: detail.comment, put: (body) => ({ ...detail, comment: { ...detail.comment, body } }) }
    case "review.submitted":
    case "review.dismissed":
      return {
        words: detail.review,
        put: (body, { verdict }) => ({
          ...detail,
          review: { ...detail.review, body, state: states[verdict ?? ""] ?? detail.review.state }
        })
      }
    case "issue.opened":
      return { words: detail.issue, put: (body) => ({ ...detail, issue: { ...detail.issue, body } }) }
    case "pull_request.opened":
      return { words: detail.pullRequest, put: (body) => ({ ...detail, pullRequest: { ...detail.pullRequest, body } }) }
    default:
      return null
  }
}

/** Issues and pull requests of ours, with the agent that wrote them and no mark, and trusted as far as that one is. */
const ownText = <A extends Words>(text: A, isOwn: (login: string) => boolean): A => {
  const mark = isOwn(text.author) ? marksOf(text.body).at(-1) : undefined
  return mark === undefined
    ? text
    : { ...text, author: mark.agent ?? text.author, body: withoutMarks(text.body), trust: "write" }
}

/** The event with our own texts as what they are. Nobody else's text is touched, whatever stands in it. */
const withOwnTexts = (draft: EventDraft, isOwn: (login: string) => boolean): EventDraft => {
  const { detail } = draft
  if ("issue" in detail) return { ...draft, detail: { ...detail, issue: ownText(detail.issue, isOwn) } }
  if (!("pullRequest" in detail)) return draft
  return { ...draft, detail: { ...detail, pullRequest: ownText(detail.pullRequest, isOwn) } }
}

/**
 * What our own account did, with the agent whose doing it is and the words as that meant them, by the mark that they
 * carry. Marks in what anybody else did or wrote mean nothing.
 */
export const attributed = (draft: EventDraft, isOwn: (login: string) => boolean): EventDraft => {
  if (!isOwn(draft.actor.login)) return withOwnTexts(draft, isOwn)
  // somebody stands between this and what a person did, also where nobody can say how many
  const own = { ...withOwnTexts(draft, isOwn), depth: 1 }
  const found = wordsOf(draft.detail)
  if (found === null || !isOwn(found.words.author)) return own
  const mark = marksOf(found.words.body).at(-1)
  if (mark === undefined) return own
  return {
    ...own,
    depth: mark.depth ?? 1,
    causedBy: mark.agent === "squadron" ? null : mark.agent,
    // a text that was ours has lost its mark already
    detail: wordsOf(own.detail)?.put(withoutMarks(found.words.body), mark) ?? own.detail
  }
}
