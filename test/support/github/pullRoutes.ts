import { git, mergedTree, patches, shaOf, tryGit } from "./gitCommands.ts"
import { nextNumber } from "./issueRoutes.ts"
import * as render from "./render.ts"
import {
  type AskedOfRepository,
  created,
  invalid,
  nothing,
  notFound,
  ok,
  paged,
  type Reply,
  type Route,
  sameName,
  textIn
} from "./Route.ts"
import { editText, type IssueRow, type PullRow, textOf } from "./State.ts"

type PullIssue = IssueRow & { readonly pull: PullRow }

const isPull = (row: IssueRow): row is PullIssue => row.pull !== null

const onPull =
  (answer: (asked: AskedOfRepository, row: PullIssue) => Reply) =>
  (asked: AskedOfRepository): Reply => {
    const row = asked.repository.issues.find(({ number }) => number === Number(asked.parts[0]))
    if (row === undefined || !isPull(row)) return notFound
    render.follow(asked.repository, row.pull, row.state === "open")
    return answer(asked, row)
  }

const open = ({ body, repository, state, who }: AskedOfRepository): Reply => {
  const { folder, issues, name } = repository
  const head = (textIn(body, "head") ?? "").replace(`${name.split("/")[0]}:`, "")
  const base = textIn(body, "base") ?? ""
  const [headSha, baseSha] = [shaOf(folder, head), shaOf(folder, base)]
  if (headSha === null) return invalid("Validation Failed", { resource: "PullRequest", field: "head", code: "invalid" })
  if (baseSha === null) return invalid("Validation Failed", { resource: "PullRequest", field: "base", code: "invalid" })
  const twin = issues.find((row) => row.state === "open" && row.pull?.head === head && row.pull.base === base)
  if (twin !== undefined) {
    return invalid("Validation Failed", {
      resource: "PullRequest",
      code: "custom",
      message: `A pull request already exists for ${name.split("/")[0]}:${head}.`
    })
  }
  if (git(folder, "rev-list", "--count", `${baseSha}..${headSha}`) === "0") {
    return invalid("Validation Failed", {
      resource: "PullRequest",
      code: "custom",
      message: `No commits between ${base} and ${head}`
    })
  }
  const row: PullIssue = {
    ...textOf(state, "PR", who.login, textIn(body, "body") ?? ""),
    number: nextNumber(repository),
    title: textIn(body, "title") ?? "",
    state: "open",
    labels: [],
    assignees: [],
    comments: [],
    timeline: [],
    pull: {
      head,
      base,
      headRepository: name,
      headSha,
      baseSha,
      draft: body["draft"] === true,
      merged: false,
      mergeCommit: null,
      reviews: [],
      comments: []
    }
  }
  issues.push(row)
  return created(render.pull(repository, row, true))
}

const refused = (message: string, status = 405): Reply => ({ status, body: { message } })

const merge = onPull(({ body, repository: { folder }, state }, row) => {
  const { pull } = row
  const message = [textIn(body, "commit_title") ?? row.title, textIn(body, "commit_message") ?? ""].join("\n\n")
  if (row.state === "closed" || pull.draft) return refused("Pull Request is not mergeable")
  if (textIn(body, "sha") !== pull.headSha)
    return refused("Head branch was modified. Review and try the merge again.", 409)
  const tree = mergedTree(folder, pull.baseSha, pull.headSha)
  if (tree === null) return refused("Pull Request is not mergeable")
  const method = textIn(body, "merge_method") ?? "merge"
  const fast = tryGit(folder, "merge-base", "--is-ancestor", pull.baseSha, pull.headSha) !== null
  if (method === "rebase" && !fast) return refused("This branch can't be rebased")
  const parents = method === "merge" ? ["-p", pull.baseSha, "-p", pull.headSha] : ["-p", pull.baseSha]
  // GitHub rewrites the commits of a rebase; here they stay as they are, which is possible since nothing is between
  const commit = method === "rebase" ? pull.headSha : git(folder, "commit-tree", tree, ...parents, "-m", message)
  git(folder, "update-ref", `refs/heads/${pull.base}`, commit, pull.baseSha)
  pull.merged = true
  pull.mergeCommit = commit
  row.state = "closed"
  row.updatedAt = state.now()
  row.timeline.push("merged")
  return ok({ sha: commit, merged: true, message: "Pull Request successfully merged" })
})

type Line = { readonly path: string; readonly line: number; readonly side: string; readonly body: string }

const linesOf = (body: AskedOfRepository["body"]): ReadonlyArray<Line> =>
  Array.isArray(body["comments"]) ? (body["comments"] as ReadonlyArray<Line>) : []

/** Whether the diff shows the line, on the side of the new file. */
const shows = (patch: string, line: number): boolean => {
  let at = 0
  return patch.split("\n").some((text) => {
    const hunk = /^@@ [^+]*\+(\d+)/.exec(text)
    if (hunk !== null) {
      at = Number(hunk[1])
      return false
    }
    return text.startsWith("-") || text.startsWith("\\") ? false : at++ === line
  })
}

const review = onPull(({ body, repository, state, who }, row) => {
  const event = textIn(body, "event")
  const text = textIn(body, "body") ?? ""
  if (event !== "COMMENT" && sameName(who.login, row.author)) {
    return invalid(
      "Unprocessable Entity",
      `Can not ${event === "APPROVE" ? "approve" : "request changes on"} your own pull request`
    )
  }
  if (event === "COMMENT" && text === "") return invalid("Unprocessable Entity", "Body can't be blank")
  const files = patches(repository.folder, row.pull.baseSha, row.pull.headSha)
  const lines = linesOf(body)
  const isShown = ({ line, path, side }: Line) =>
    side === "RIGHT" && files.some(({ filename, patch }) => filename === path && shows(patch, line))
  if (!lines.every(isShown)) {
    return invalid("Unprocessable Entity", "Pull request review thread line must be part of the diff")
  }
  const entry = {
    ...textOf(state, "PRR", who.login, text),
    state: event === "APPROVE" ? "APPROVED" : event === "REQUEST_CHANGES" ? "CHANGES_REQUESTED" : "COMMENTED",
    commit: textIn(body, "commit_id") ?? row.pull.headSha
  }
  row.pull.reviews.push(entry)
  for (const { body, line, path } of lines) {
    row.pull.comments.push({ ...textOf(state, "PRRC", who.login, body), review: entry.id, path, line, replyTo: null })
  }
  return ok(render.review(entry))
})

const reply = onPull(({ body, parts, state, who }, row) => {
  const to = row.pull.comments.find(({ id }) => id === Number(parts[1]))
  if (to === undefined || to.replyTo !== null) return notFound
  const text = textOf(state, "PRRC", who.login, textIn(body, "body") ?? "")
  // GitHub makes a review without a text for each answer
  const entry = { ...textOf(state, "PRR", who.login, ""), state: "COMMENTED", commit: row.pull.headSha }
  row.pull.reviews.push(entry)
  row.pull.comments.push({ ...text, review: entry.id, path: to.path, line: to.line, replyTo: to.id })
  const made = row.pull.comments.at(-1)
  return made === undefined ? notFound : created(render.reviewComment(made))
})

const branchAt = (asked: AskedOfRepository): string =>
  (asked.parts[0] ?? "").split("/").map(decodeURIComponent).join("/")

export const pullRoutes: ReadonlyArray<Route<AskedOfRepository>> = [
  {
    method: "GET",
    path: /^\/pulls$/,
    answer: (asked) => {
      const { query, repository } = asked
      const state = query.get("state") ?? "open"
      const head = query.get("head")
      const owner = (name: string | null) => (name ?? "").split("/")[0] ?? ""
      const rows = repository.issues
        .filter(isPull)
        .filter((row) => state === "all" || row.state === state)
        .filter(({ pull }) => head === null || sameName(head, `${owner(pull.headRepository)}:${pull.head}`))
        .toReversed()
      return paged(
        asked,
        rows.map((row) => render.pull(repository, row, false))
      )
    }
  },
  { method: "POST", path: /^\/pulls$/, answer: open },
  {
    method: "GET",
    path: /^\/pulls\/(\d+)$/,
    answer: onPull(({ repository }, row) => ok(render.pull(repository, row, true)))
  },
  {
    method: "PATCH",
    path: /^\/pulls\/(\d+)$/,
    answer: onPull(({ body, repository, state, who }, row) => {
      const title = textIn(body, "title")
      const text = textIn(body, "body")
      if (title !== null) row.title = title
      if (text !== null && text !== row.body) editText(state, row, who.login, text)
      row.timeline.push("patched")
      return ok(render.pull(repository, row, true))
    })
  },
  { method: "PUT", path: /^\/pulls\/(\d+)\/merge$/, answer: merge },
  {
    method: "GET",
    path: /^\/pulls\/(\d+)\/files$/,
    answer: onPull((asked, { pull }) => paged(asked, patches(asked.repository.folder, pull.baseSha, pull.headSha)))
  },
  {
    method: "GET",
    path: /^\/pulls\/(\d+)\/reviews$/,
    answer: onPull((asked, { pull }) => paged(asked, pull.reviews.map(render.review)))
  },
  { method: "POST", path: /^\/pulls\/(\d+)\/reviews$/, answer: review },
  {
    method: "GET",
    path: /^\/pulls\/(\d+)\/comments$/,
    answer: onPull((asked, { pull }) => paged(asked, pull.comments.map(render.reviewComment)))
  },
  { method: "POST", path: /^\/pulls\/(\d+)\/comments\/(\d+)\/replies$/, answer: reply },
  {
    method: "GET",
    path: /^\/git\/ref\/heads\/(.+)$/,
    answer: (asked) => {
      const sha = shaOf(asked.repository.folder, branchAt(asked))
      return sha === null ? notFound : ok({ ref: `refs/heads/${branchAt(asked)}`, object: { type: "commit", sha } })
    }
  },
  {
    method: "DELETE",
    path: /^\/git\/refs\/heads\/(.+)$/,
    answer: (asked) => {
      const { folder } = asked.repository
      if (shaOf(folder, branchAt(asked)) === null) return invalid("Reference does not exist")
      git(folder, "update-ref", "-d", `refs/heads/${branchAt(asked)}`)
      return nothing
    }
  }
]
