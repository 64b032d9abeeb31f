/** What the double of GitHub knows. Times in milliseconds since 1970. */

export type Edit = { readonly editor: string | null; readonly at: number }

export type Text = {
  readonly nodeId: string
  readonly id: number
  readonly author: string
  body: string
  createdAt: number
  updatedAt: number
  edit: Edit | null
}

export type ReviewRow = Text & { state: string; commit: string }
export type ReviewCommentRow = Text & {
  readonly review: number
  readonly path: string
  readonly line: number
  readonly replyTo: number | null
}

export type PullRow = {
  readonly head: string
  readonly base: string
  /** Null where the fork is gone. */
  headRepository: string | null
  /** Where the head was when it was last looked at. */
  headSha: string
  baseSha: string
  draft: boolean
  merged: boolean
  mergeCommit: string | null
  readonly reviews: Array<ReviewRow>
  readonly comments: Array<ReviewCommentRow>
}

export type HistoryRow = {
  readonly id: number
  readonly event: string
  readonly actor: string | null
  readonly assigner?: string
  readonly assignee?: string
  readonly at: number
}

export type IssueRow = Text & {
  readonly number: number
  title: string
  state: "open" | "closed"
  labels: Array<string>
  assignees: Array<string>
  readonly comments: Array<Text>
  readonly pull: PullRow | null
  /** How often each kind of change was made, as the timeline would show. */
  readonly timeline: Array<string>
  /** What its events tell, oldest first; GitHub names who assigned apart from the actor. */
  readonly history?: Array<HistoryRow>
}

export type StatusRow = {
  readonly sha: string
  readonly context: string
  readonly state: string
  readonly description: string
  readonly url: string | null
  readonly creator: string
  readonly at: number
}

export type CheckRunRow = {
  readonly id: number
  readonly sha: string
  readonly name: string
  readonly status: string
  readonly conclusion: string | null
  readonly externalId: string
  readonly title: string | null
  readonly summary: string | null
  readonly app: number
  readonly at: number
}

export type DeliveryRow = {
  readonly id: number | string
  readonly guid: string
  readonly event: string
  readonly deliveredAt: number
  readonly status: number
  readonly payload: unknown
}

export type Repository = {
  readonly name: string
  readonly folder: string
  readonly issues: Array<IssueRow>
  readonly statuses: Array<StatusRow>
  readonly runs: Array<CheckRunRow>
  /** By login: GitHub's `permission` and `role_name`. */
  readonly permissions: Map<string, { permission: string; role: string }>
}

/** Who asks: an account with a token, or an app by its own signature. */
export type Principal = { readonly login: string; readonly owner: string | null; readonly app: boolean }

export type State = {
  readonly repositories: Map<string, Repository>
  readonly tokens: Map<string, Principal & { readonly expiresAt: number }>
  readonly deliveries: Array<DeliveryRow>
  /** Login of the app's own account. */
  readonly appLogin: string
  /** Tokens that were given out to installations. */
  issued: number
  now: () => number
  lastId: number
}

export const nextId = (state: State): number => {
  state.lastId++
  return state.lastId
}

export const textOf = (state: State, kind: string, author: string, body: string): Text => {
  const id = nextId(state)
  const at = state.now()
  return { nodeId: `${kind}_${id}`, id, author, body, createdAt: at, updatedAt: at, edit: null }
}

/** As GitHub keeps it: somebody changed the text. */
export const editText = (state: State, text: Text, editor: string | null, body: string): void => {
  text.body = body
  text.updatedAt = state.now()
  text.edit = { editor, at: state.now() }
}

export const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`

export const repositoryOf = (state: State, name: string): Repository | undefined =>
  state.repositories.get(name.toLowerCase())
