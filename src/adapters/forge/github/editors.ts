import { Clock, Effect, Schema } from "effect"
import type { Written } from "../../../services/Forge.ts"
import type { GitHubFault } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { millis } from "./answers.ts"
import { marksOf, withoutMarks } from "./mark.ts"

/** Stands for whoever may have changed a text where GitHub does not say: a login that nobody can have or be trusted by. */
const unknownEditor = "?"

/** GitHub's own name for an account that is gone. */
const ghost = "ghost"

/** Nodes of one question; GitHub answers no more at once. */
const most = 100

type Edit = Pick<Written, "editor" | "editedAt">
const unedited: Edit = { editor: null, editedAt: null }

const question = `query ($ids: [ID!]!) {
  nodes(ids: $ids) { id ... on Comment { lastEditedAt editor { __typename login } } }
}`

const Edits = Schema.Struct({
  nodes: Schema.Array(
    Schema.NullOr(
      Schema.Struct({
        id: Schema.String,
        lastEditedAt: Schema.optionalKey(Schema.NullOr(Schema.String)),
        editor: Schema.optionalKey(Schema.NullOr(Schema.Struct({ __typename: Schema.String, login: Schema.String })))
      })
    )
  )
})

/** A text as REST gives it. */
export type Source = {
  readonly node_id?: string | null
  readonly body?: string | null
  readonly user?: { readonly login: string } | null
  readonly createdAt: string
  /** Not before the last edit; null where GitHub has no such time. */
  readonly updatedAt: string | null
  /** Whether `updatedAt` moves with the text alone, so that one equal to `createdAt` says that nobody edited it. */
  readonly exact: boolean
}

// GraphQL names apps without what REST puts behind their names.
const loginOf = (editor: { readonly __typename: string; readonly login: string } | null): string =>
  editor === null ? ghost : editor.__typename === "Bot" ? `${editor.login}[bot]` : editor.login

const ask = Effect.fnUntraced(function* (repository: string, ids: ReadonlyArray<string>) {
  const client = yield* GitHubClient
  const found = new Map<string, Edit>()
  for (let from = 0; from < ids.length; from += most) {
    const { nodes } = yield* client.query(repository, question, { ids: ids.slice(from, from + most) }, Edits)
    for (const node of nodes) {
      if (node === null || node.lastEditedAt === undefined) continue
      if (node.lastEditedAt === null) found.set(node.id, unedited)
      else found.set(node.id, { editor: loginOf(node.editor ?? null), editedAt: millis(node.lastEditedAt) })
    }
  }
  return found
})

/** Clients of which was said that they cannot tell who edited. */
const silent = new WeakSet<GitHubClient["Service"]>()

const warnOnce = (client: GitHubClient["Service"], fault: GitHubFault): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (silent.has(client)) return Effect.void
    silent.add(client)
    return Effect.logWarning(`GitHub does not say who edited texts, so these are not trusted: ${fault.message}`)
  })

const mayBeEdited = (source: Source): boolean => !source.exact || source.createdAt !== source.updatedAt

/**
 * Texts with who wrote and who last changed them.
 *
 * REST does not say who edited. A comment whose two times are equal was not edited; of everything else GraphQL is asked,
 * a hundred at once. Where it cannot say, the editor is `unknownEditor`, whom nobody trusts; where it cannot say now, the
 * whole read fails and may be repeated. What our own account wrote tells by its mark which agent it was, and is given
 * without the mark.
 */
export const writtenOf = Effect.fnUntraced(function* (
  repository: string,
  sources: ReadonlyArray<Source>
): Effect.fn.Return<ReadonlyArray<Written>, GitHubFault, GitHubClient> {
  if (sources.length === 0) return []
  const client = yield* GitHubClient
  const ids = sources.flatMap((source) => (mayBeEdited(source) && source.node_id ? [source.node_id] : []))
  const edits = yield* ask(repository, ids).pipe(
    Effect.tap(() => Effect.sync(() => ids.length > 0 && silent.delete(client))),
    Effect.catchIf(
      (fault) => !fault.retryable,
      (fault) => Effect.as(warnOnce(client, fault), new Map<string, Edit>())
    )
  )
  const own = (yield* client.login(repository)).toLowerCase()
  const now = yield* Clock.currentTimeMillis
  return sources.map((source): Written => {
    const author = source.user?.login ?? ghost
    const isOwn = author.toLowerCase() === own
    const body = source.body ?? ""
    const agent = isOwn ? (marksOf(body).at(-1)?.agent ?? null) : null
    const latest = source.updatedAt === null ? now : millis(source.updatedAt)
    const edit = mayBeEdited(source)
      ? (edits.get(source.node_id ?? "") ?? { editor: unknownEditor, editedAt: latest })
      : unedited
    return {
      body: isOwn ? withoutMarks(body) : body,
      author,
      createdAt: millis(source.createdAt),
      ...edit,
      ...(agent === null ? {} : { agent })
    }
  })
})
