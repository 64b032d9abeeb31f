import * as render from "./render.ts"
import {
  type AskedOfRepository,
  created,
  invalid,
  listIn,
  notFound,
  ok,
  paged,
  type Reply,
  type Route,
  sameName,
  textIn
} from "./Route.ts"
import { editText, type IssueRow, type State, type Repository, textOf } from "./State.ts"

const find = (asked: AskedOfRepository): IssueRow | undefined =>
  asked.repository.issues.find(({ number }) => number === Number(asked.parts[0]))

const onIssue =
  (answer: (asked: AskedOfRepository, row: IssueRow) => Reply) =>
  (asked: AskedOfRepository): Reply => {
    const row = find(asked)
    return row === undefined ? notFound : answer(asked, row)
  }

const changed = (state: State, row: IssueRow, what: string): void => {
  row.updatedAt = state.now()
  row.timeline.push(what)
}

const addLabels = (state: State, row: IssueRow, labels: ReadonlyArray<string>): void => {
  for (const label of labels) {
    if (row.labels.some((one) => sameName(one, label))) continue
    row.labels.push(label)
    changed(state, row, `labeled ${label}`)
  }
}

/** The next number, which issues and pull requests share. */
export const nextNumber = (repository: Repository): number =>
  repository.issues.reduce((most, { number }) => Math.max(most, number), 0) + 1

export const newIssue = (
  state: State,
  repository: Repository,
  author: string,
  row: { readonly title: string; readonly body: string; readonly labels?: ReadonlyArray<string> }
): IssueRow => {
  const issue: IssueRow = {
    ...textOf(state, "I", author, row.body),
    number: nextNumber(repository),
    title: row.title,
    state: "open",
    labels: [...(row.labels ?? [])],
    assignees: [],
    comments: [],
    pull: null,
    timeline: [],
    history: []
  }
  repository.issues.push(issue)
  return issue
}

/** Whom GitHub lets be assigned: who has access to the repository. */
const assignable = (repository: Repository, login: string): boolean =>
  [...repository.permissions.keys()].some((known) => sameName(known, login))

const patch = onIssue(({ body, state, who }, row) => {
  const title = textIn(body, "title")
  const text = textIn(body, "body")
  const next = textIn(body, "state")
  if (title !== null && title !== row.title) {
    row.title = title
    changed(state, row, "renamed")
  }
  if (text !== null && text !== row.body) editText(state, row, who.login, text)
  if ((next === "open" || next === "closed") && next !== row.state) {
    row.state = next
    changed(state, row, next === "open" ? "reopened" : `closed ${textIn(body, "state_reason") ?? "completed"}`)
  }
  return ok(render.issue(row))
})

export const issueRoutes: ReadonlyArray<Route<AskedOfRepository>> = [
  {
    method: "GET",
    path: /^\/issues$/,
    answer: (asked) => {
      const state = asked.query.get("state") ?? "open"
      const creator = asked.query.get("creator")
      const rows = asked.repository.issues
        .filter((row) => state === "all" || row.state === state)
        .filter((row) => creator === null || sameName(row.author, creator))
        .toReversed()
      return paged(asked, rows.map(render.issue))
    }
  },
  {
    method: "POST",
    path: /^\/issues$/,
    answer: ({ body, repository, state, who }) => {
      const title = textIn(body, "title")
      if (title === null || title === "") return invalid("Validation Failed", { field: "title", code: "missing_field" })
      const row = newIssue(state, repository, who.login, {
        title,
        body: textIn(body, "body") ?? "",
        labels: listIn(body, "labels")
      })
      return created(render.issue(row))
    }
  },
  { method: "GET", path: /^\/issues\/(\d+)$/, answer: onIssue((_, row) => ok(render.issue(row))) },
  { method: "PATCH", path: /^\/issues\/(\d+)$/, answer: patch },
  {
    method: "GET",
    path: /^\/issues\/(\d+)\/events$/,
    answer: onIssue((asked, row) => paged(asked, (row.history ?? []).map(render.history)))
  },
  {
    method: "GET",
    path: /^\/issues\/(\d+)\/comments$/,
    answer: onIssue((asked, row) => paged(asked, row.comments.map(render.comment)))
  },
  {
    method: "POST",
    path: /^\/issues\/(\d+)\/comments$/,
    answer: onIssue(({ body, state, who }, row) => {
      const text = textIn(body, "body")
      if (text === null || text === "") return invalid("Validation Failed", { field: "body", code: "missing_field" })
      if (text.length > 65_536) return invalid("Validation Failed", "body is too long (maximum is 65536 characters)")
      const comment = textOf(state, "IC", who.login, text)
      row.comments.push(comment)
      row.updatedAt = state.now()
      return created(render.comment(comment))
    })
  },
  {
    method: "POST",
    path: /^\/issues\/(\d+)\/labels$/,
    answer: onIssue(({ body, state }, row) => {
      addLabels(state, row, listIn(body, "labels"))
      return ok(render.issue(row).labels)
    })
  },
  {
    method: "DELETE",
    path: /^\/issues\/(\d+)\/labels\/([^/]+)$/,
    answer: onIssue(({ parts, state }, row) => {
      const label = decodeURIComponent(parts[1] ?? "")
      const at = row.labels.findIndex((one) => sameName(one, label))
      if (at === -1) return { status: 404, body: { message: "Label does not exist" } }
      row.labels.splice(at, 1)
      changed(state, row, `unlabeled ${label}`)
      return ok(render.issue(row).labels)
    })
  },
  {
    method: "POST",
    path: /^\/issues\/(\d+)\/assignees$/,
    answer: onIssue(({ body, repository, state }, row) => {
      for (const login of listIn(body, "assignees")) {
        if (!assignable(repository, login) || row.assignees.some((one) => sameName(one, login))) continue
        row.assignees.push(login)
        changed(state, row, `assigned ${login}`)
      }
      return created(render.issue(row))
    })
  },
  {
    method: "GET",
    path: /^\/collaborators\/([^/]+)\/permission$/,
    answer: ({ parts, repository }) => {
      const login = decodeURIComponent(parts[0] ?? "")
      const known = [...repository.permissions].find(([name]) => sameName(name, login))
      if (known === undefined) return { status: 404, body: { message: `${login} is not a user` } }
      return ok({ permission: known[1].permission, role_name: known[1].role, user: { login } })
    }
  }
]
