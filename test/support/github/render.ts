import { mergedTree, shaOf } from "./gitCommands.ts"
import {
  type CheckRunRow,
  type DeliveryRow,
  type HistoryRow,
  type IssueRow,
  iso,
  type PullRow,
  type Repository,
  type ReviewCommentRow,
  type ReviewRow,
  type StatusRow,
  type Text
} from "./State.ts"

// GitHub's answers, with the fields that anybody could need of them.

const user = (login: string) => ({ login, type: login.endsWith("[bot]") ? "Bot" : "User" })
const text = (row: Text) => ({
  id: row.id,
  node_id: row.nodeId,
  user: user(row.author),
  body: row.body,
  author_association: "NONE"
})
const dated = (row: Text) => ({ created_at: iso(row.createdAt), updated_at: iso(row.updatedAt) })

export const comment = (row: Text) => ({ ...text(row), ...dated(row) })

export const history = ({ actor, assignee, assigner, at, event, id }: HistoryRow) => ({
  id,
  event,
  actor: actor === null ? null : user(actor),
  ...(assignee === undefined ? {} : { assignee: user(assignee) }),
  ...(assigner === undefined ? {} : { assigner: user(assigner) }),
  created_at: iso(at)
})

export const issue = (row: IssueRow) => ({
  ...text(row),
  ...dated(row),
  number: row.number,
  title: row.title,
  state: row.state,
  labels: row.labels.map((name, id) => ({ id, name, color: "ededed" })),
  assignees: row.assignees.map(user),
  comments: row.comments.length,
  ...(row.pull === null ? {} : { pull_request: { url: `/pulls/${row.number}` } })
})

/** An open pull request follows its branches; one of a fork stays where it was put. */
export const follow = (repository: Repository, pull: PullRow, isOpen: boolean): void => {
  if (!isOpen) return
  if (pull.headRepository === repository.name) pull.headSha = shaOf(repository.folder, pull.head) ?? pull.headSha
  pull.baseSha = shaOf(repository.folder, pull.base) ?? pull.baseSha
}

export const pull = (repository: Repository, row: IssueRow & { readonly pull: PullRow }, whole: boolean) => {
  const { pull } = row
  follow(repository, pull, row.state === "open")
  const {
    assignees: _,
    comments: __,
    pull_request: ___,
    ...shared
  } = issue(row) as ReturnType<typeof issue> & {
    pull_request?: unknown
  }
  return {
    ...shared,
    draft: pull.draft,
    merged_at: pull.merged ? iso(row.updatedAt) : null,
    merge_commit_sha: pull.mergeCommit,
    head: {
      ref: pull.head,
      sha: pull.headSha,
      repo: pull.headRepository === null ? null : { full_name: pull.headRepository }
    },
    base: { ref: pull.base, sha: pull.baseSha, repo: { full_name: repository.name } },
    ...(whole
      ? {
          merged: pull.merged,
          mergeable: row.state === "open" ? mergedTree(repository.folder, pull.baseSha, pull.headSha) !== null : null
        }
      : {})
  }
}

export const review = (row: ReviewRow) => ({
  ...text(row),
  state: row.state,
  submitted_at: iso(row.createdAt),
  commit_id: row.commit
})

export const reviewComment = (row: ReviewCommentRow) => ({
  ...text(row),
  ...dated(row),
  pull_request_review_id: row.review,
  path: row.path,
  line: row.line,
  ...(row.replyTo === null ? {} : { in_reply_to_id: row.replyTo })
})

export const status = (row: StatusRow) => ({
  state: row.state,
  context: row.context,
  description: row.description,
  target_url: row.url,
  creator: user(row.creator),
  created_at: iso(row.at)
})

export const checkRun = (row: CheckRunRow) => ({
  id: row.id,
  name: row.name,
  head_sha: row.sha,
  status: row.status,
  conclusion: row.conclusion,
  external_id: row.externalId,
  started_at: iso(row.at),
  app: { id: row.app },
  output: { title: row.title, summary: row.summary }
})

export const delivery = (row: DeliveryRow) => ({
  id: row.id,
  guid: row.guid,
  event: row.event,
  delivered_at: iso(row.deliveredAt),
  redelivery: false,
  status: row.status < 300 ? "OK" : "failed",
  status_code: row.status
})
