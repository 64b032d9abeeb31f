/** What is read of issues. */
import { Effect, Schema } from "effect"
import { IssueNotFound } from "../../../domain/Errors.ts"
import type { Issue } from "../../../services/Forge.ts"
import * as Answers from "./answers.ts"
import { writtenOf } from "./editors.ts"
import { isMissing, refused } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { unique, upTo } from "./pages.ts"

const issuesOf = Effect.fnUntraced(function* (repository: string, all: ReadonlyArray<Answers.Issue>) {
  const texts = yield* writtenOf(
    repository,
    all.map((issue) => ({ ...issue, createdAt: issue.created_at, updatedAt: issue.updated_at, exact: false }))
  )
  return all.flatMap((issue, index): ReadonlyArray<Issue> => {
    const text = texts[index]
    return text === undefined
      ? []
      : [
          {
            ...text,
            repository,
            number: issue.number,
            title: issue.title,
            state: issue.state,
            labels: Answers.labelsOf(issue.labels),
            assignees: issue.assignees.map(({ login }) => login),
            updatedAt: Answers.millis(issue.updated_at),
            comments: issue.comments,
            pullRequest: (issue.pull_request ?? null) !== null
          }
        ]
  })
})

const isIssue = (issue: Answers.Issue): boolean => (issue.pull_request ?? null) === null

/** Newest first, at most `limit`. */
export const listIssues = Effect.fnUntraced(function* (repository: string, state: string, limit: number) {
  const client = yield* GitHubClient
  const path = `/repos/${repository}/issues?state=${state}&sort=created&direction=desc`
  const all = yield* client.list(path, {
    page: Schema.Array(Answers.Issue),
    entries: (page) => page,
    more: upTo(limit, isIssue)
  })
  return yield* issuesOf(repository, unique(all).filter(isIssue).slice(0, limit))
})

const Installations = Schema.Array(Schema.Struct({ id: Schema.Int }))

/** All repositories that an app is installed on. */
export const installedOn = Effect.gen(function* () {
  const client = yield* GitHubClient
  if (client.app === null) {
    return yield* refused("whose issues? Name a repository: GitHub is asked with a token, which may see very many")
  }
  const installations = yield* client.list("/app/installations", { page: Installations, entries: (page) => page })
  const names = yield* Effect.forEach(installations, ({ id }) =>
    client.list(
      "/installation/repositories",
      { page: Answers.Repositories, entries: ({ repositories }) => repositories },
      client.installation(id) ?? undefined
    )
  )
  return names.flat().map(({ full_name }) => full_name)
})

export const readIssue = Effect.fnUntraced(function* (repository: string, number: number) {
  const client = yield* GitHubClient
  const issue = yield* Effect.catchIf(
    client.get(`/repos/${repository}/issues/${number}`, Answers.Issue),
    isMissing,
    () => Effect.fail(new IssueNotFound({ issue: `${repository}#${number}` }))
  )
  const [found] = yield* issuesOf(repository, [issue])
  return found ?? (yield* new IssueNotFound({ issue: `${repository}#${number}` }))
})

/** Oldest first, all of them. */
export const readComments = Effect.fnUntraced(function* (repository: string, number: number) {
  const client = yield* GitHubClient
  const all = yield* Effect.catchIf(
    client.list(`/repos/${repository}/issues/${number}/comments`, {
      page: Schema.Array(Answers.Comment),
      entries: (page) => page
    }),
    isMissing,
    () => Effect.fail(new IssueNotFound({ issue: `${repository}#${number}` }))
  )
  const texts = yield* writtenOf(
    repository,
    all.map((comment) => ({ ...comment, createdAt: comment.created_at, updatedAt: comment.updated_at, exact: true }))
  )
  return all.flatMap(({ id }, index) => {
    const text = texts[index]
    return text === undefined ? [] : [{ ...text, id }]
  })
})
