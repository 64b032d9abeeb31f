/** What is read of pull requests. */
import { Effect, Schema } from "effect"
import { PullRequestNotFound } from "../../../domain/Errors.ts"
import type { PullRequest } from "../../../services/Forge.ts"
import * as Answers from "./answers.ts"
import { writtenOf } from "./editors.ts"
import { isMissing } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import { unique, upTo } from "./pages.ts"

/** Stands for the repository of a fork that is gone; no real one begins so. */
const noRepository = "-/deleted"

const pullsOf = Effect.fnUntraced(function* (repository: string, all: ReadonlyArray<Answers.PullRequest>) {
  const texts = yield* writtenOf(
    repository,
    all.map((pull) => ({ ...pull, createdAt: pull.created_at, updatedAt: pull.updated_at, exact: false }))
  )
  return all.flatMap((pull, index): ReadonlyArray<PullRequest> => {
    const text = texts[index]
    if (text === undefined) return []
    const merged = pull.merged ?? (pull.merged_at ?? null) !== null
    const from = pull.head.repo?.full_name ?? noRepository
    return [
      {
        ...text,
        repository,
        number: pull.number,
        title: pull.title,
        state: pull.state,
        draft: pull.draft ?? false,
        merged,
        mergeCommit: merged ? (pull.merge_commit_sha ?? null) : null,
        head: {
          ref: pull.head.ref,
          sha: pull.head.sha,
          // GitHub takes no account of case in names
          repository: from.toLowerCase() === repository.toLowerCase() ? repository : from
        },
        base: { ref: pull.base.ref, sha: pull.base.sha },
        mergeable: pull.mergeable ?? null,
        labels: Answers.labelsOf(pull.labels),
        updatedAt: Answers.millis(pull.updated_at)
      }
    ]
  })
})

/** Newest first, at most `limit`. */
export const listPulls = Effect.fnUntraced(function* (
  repository: string,
  { head, limit, state }: { readonly head?: string | undefined; readonly limit: number; readonly state: string }
) {
  const client = yield* GitHubClient
  const owner = repository.slice(0, repository.indexOf("/"))
  const size = head === undefined ? Math.min(100, Math.max(limit, 1)) : 100
  const isWanted = (pull: Answers.PullRequest): boolean =>
    head === undefined ||
    (pull.head.ref === head && pull.head.repo?.full_name.toLowerCase() === repository.toLowerCase())
  const filter = head === undefined ? "" : `&head=${encodeURIComponent(`${owner}:${head}`)}`
  const all = yield* client.list(
    `/repos/${repository}/pulls?state=${state}&sort=created&direction=desc&per_page=${size}${filter}`,
    { page: Schema.Array(Answers.PullRequest), entries: (page) => page, more: upTo(limit, isWanted) }
  )
  return yield* pullsOf(repository, unique(all).filter(isWanted).slice(0, limit))
})

export const readPull = Effect.fnUntraced(function* (repository: string, number: number) {
  const client = yield* GitHubClient
  const pull = yield* Effect.catchIf(
    client.get(`/repos/${repository}/pulls/${number}`, Answers.PullRequest),
    isMissing,
    () => Effect.fail(new PullRequestNotFound({ pullRequest: `${repository}#${number}` }))
  )
  const [found] = yield* pullsOf(repository, [pull])
  return found ?? (yield* new PullRequestNotFound({ pullRequest: `${repository}#${number}` }))
})
