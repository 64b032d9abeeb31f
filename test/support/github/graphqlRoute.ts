import { type Asked, ok, type Reply } from "./Route.ts"
import { iso, type IssueRow, type State, type Text } from "./State.ts"

const textsOf = function* (state: State): Generator<Text> {
  for (const { issues } of state.repositories.values()) {
    for (const row of issues) {
      yield row
      yield* row.comments
      if (row.pull !== null) {
        yield* row.pull.reviews
        yield* row.pull.comments
      }
    }
  }
}

// GraphQL names apps without REST's ending.
const editorOf = (login: string | null) =>
  login === null ? null : { __typename: login.endsWith("[bot]") ? "Bot" : "User", login: login.replace(/\[bot\]$/, "") }

const node = (text: Text | undefined) =>
  text === undefined
    ? null
    : {
        id: text.nodeId,
        lastEditedAt: text.edit === null ? null : iso(text.edit.at),
        editor: text.edit === null ? null : editorOf(text.edit.editor)
      }

const setDraft = (state: State, id: unknown, draft: boolean): Reply => {
  const row = [...textsOf(state)].find(({ nodeId }) => nodeId === id) as IssueRow | undefined
  const pull = row?.pull ?? null
  if (row === undefined || pull === null) {
    return ok({
      data: null,
      errors: [{ type: "NOT_FOUND", message: `Could not resolve to a node with the global id of '${String(id)}'` }]
    })
  }
  pull.draft = draft
  row.timeline.push(draft ? "converted to draft" : "ready for review")
  return ok({ data: { done: { clientMutationId: null } } })
}

/** The few questions that nobody can ask by REST: who edited, and whether a pull request is a draft. */
export const answerGraphql = ({ body, state, who }: Asked): Reply => {
  const query = String(body["query"])
  const variables = (body["variables"] ?? {}) as { readonly ids?: ReadonlyArray<string>; readonly id?: string }
  if (query.includes("convertPullRequestToDraft")) return setDraft(state, variables.id, true)
  if (query.includes("markPullRequestReadyForReview")) return setDraft(state, variables.id, false)
  if (query.includes("viewer")) return ok({ data: { viewer: { login: who.login } } })
  const ids = variables.ids ?? []
  if (ids.length > 100)
    return ok({ data: null, errors: [{ type: "MAX_NODE_LIMIT_EXCEEDED", message: "too many ids" }] })
  const texts = new Map([...textsOf(state)].map((text) => [text.nodeId, text]))
  return ok({ data: { nodes: ids.map((id) => node(texts.get(id))) } })
}
