import { Effect, Schema } from "effect"
import type { ActionDraft } from "../../../domain/Action.ts"
import type { Check } from "../../../services/Forge.ts"
import * as Answers from "./answers.ts"
import type { GitHubFault } from "./fault.ts"
import { GitHubClient } from "./GitHubClient.ts"
import type { Of } from "./issueActions.ts"
import { hashOf, maxBody } from "./mark.ts"

type Newest = Check & { readonly at: number }

const runConclusion = ({ conclusion, status }: Answers.CheckRun): Check["conclusion"] => {
  if (status !== "completed") return "pending"
  if (conclusion === "success") return "success"
  return conclusion === "neutral" || conclusion === "skipped" || conclusion === "stale" ? "neutral" : "failure"
}

/** What a status of ours carries in its link, since a status has no other place for it. */
const fragment = (key: string): string => `#squadron-${hashOf(key)}`
const neutral = "-neutral"

const isOwn = (status: Answers.Status, own: string): boolean =>
  status.creator?.login.toLowerCase() === own.toLowerCase()

const statusConclusion = (status: Answers.Status, own: string): Check["conclusion"] => {
  if (status.state === "pending") return "pending"
  if (status.state !== "success") return "failure"
  return isOwn(status, own) && (status.target_url ?? "").endsWith(neutral) ? "neutral" : "success"
}

const runs = (path: string) =>
  Effect.flatMap(GitHubClient, (client) =>
    client.list(path, { page: Answers.CheckRuns, entries: ({ check_runs }) => check_runs })
  )
const statuses = (path: string) =>
  Effect.flatMap(GitHubClient, (client) =>
    client.list(path, { page: Schema.Array(Answers.Status), entries: (page) => page })
  )

/** What GitHub says of a commit that it does not have. */
const isUnknown = (fault: GitHubFault): boolean => fault.status === 422 && fault.reason.includes("No commit found")

/** Check runs and commit statuses alike; of each name the newest. A commit that is not there has none. */
export const readChecks = (repository: string, commit: string) =>
  Effect.catchIf(readAll(repository, commit), isUnknown, () => Effect.succeed<ReadonlyArray<Check>>([]))

const readAll = Effect.fnUntraced(function* (repository: string, commit: string) {
  const client = yield* GitHubClient
  const own = yield* client.login(repository)
  const at = `/repos/${repository}/commits/${commit}`
  const newest = new Map<string, Newest>()
  const take = (check: Newest) => {
    const other = newest.get(check.name)
    if (other === undefined || other.at <= check.at) newest.set(check.name, check)
  }
  // statuses come newest first
  for (const status of (yield* statuses(`${at}/statuses`)).toReversed()) {
    take({
      name: status.context,
      commit,
      conclusion: statusConclusion(status, own),
      summary: status.description ?? "",
      at: Answers.millis(status.created_at)
    })
  }
  for (const run of (yield* runs(`${at}/check-runs?filter=latest`)).toSorted((a, b) => a.id - b.id)) {
    take({
      name: run.name,
      commit,
      conclusion: runConclusion(run),
      summary: run.output?.summary ?? run.output?.title ?? "",
      at: (run.started_at ?? null) === null ? 0 : Answers.millis(run.started_at ?? "")
    })
  }
  return [...newest.values()].map(({ commit, conclusion, name, summary }): Check => ({
    name,
    commit,
    conclusion,
    summary
  }))
})

/** A status' description may have 140 characters. */
const shortened = (text: string): string => (text.length <= 140 ? text : `${text.slice(0, 139).toWellFormed()}…`)

/** An app writes check runs, which no token of a person can; those write commit statuses. */
export const setCheck = Effect.fnUntraced(function* (
  draft: Pick<ActionDraft, "key" | "subject">,
  { commit, conclusion, name, summary }: Omit<Of<"set_check">, "_tag">,
  webUrl: string
) {
  const client = yield* GitHubClient
  const { repository } = draft.subject
  const at = `/repos/${repository}/commits/${commit}`
  if (client.app !== null) {
    const external_id = hashOf(draft.key)
    const there = yield* runs(`${at}/check-runs?filter=all&check_name=${encodeURIComponent(name)}`)
    if (there.some((run) => run.external_id === external_id && run.name === name)) return {}
    const output =
      summary === "" ? {} : { output: { title: name, summary: summary.slice(0, maxBody - 1).toWellFormed() } }
    const ending = conclusion === "pending" ? { status: "in_progress" } : { status: "completed", conclusion }
    const run = { name, head_sha: commit, external_id, ...ending, ...output }
    yield* client.write("POST", `/repos/${repository}/check-runs`, run, Answers.Identified)
    return {}
  }
  const own = yield* client.login(repository)
  const there = yield* statuses(`${at}/statuses`)
  const mark = fragment(draft.key)
  if (there.some((status) => isOwn(status, own) && (status.target_url ?? "").includes(mark))) return {}
  yield* client.write(
    "POST",
    `/repos/${repository}/statuses/${commit}`,
    {
      context: name,
      state: conclusion === "neutral" ? "success" : conclusion,
      description: shortened(summary),
      target_url: `${webUrl}/${repository}/commit/${commit}${mark}${conclusion === "neutral" ? neutral : ""}`
    },
    Schema.Unknown
  )
  return {}
})
