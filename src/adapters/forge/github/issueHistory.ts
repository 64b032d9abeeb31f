import { Effect, Option, Schema } from "effect"
import type { Change } from "../../../domain/reconcile.ts"
import * as Answers from "./answers.ts"
import { GitHubClient } from "./GitHubClient.ts"

const readLine = Schema.decodeUnknownOption(Answers.HistoryLine)

/** Who was given an issue and when it was opened again, oldest first. Lines of other kinds may have any shape. */
export const issueHistory = Effect.fnUntraced(function* (
  repository: string,
  number: number,
  isOwn: (login: string) => boolean
) {
  const client = yield* GitHubClient
  const lines = yield* client.list(`/repos/${repository}/issues/${number}/events`, {
    page: Schema.Array(Schema.Unknown),
    entries: (page) => page
  })
  return lines.flatMap((one): ReadonlyArray<Change> => {
    const line = Option.getOrNull(readLine(one))
    const by = line?.assigner ?? line?.actor ?? null
    if (line === null || by === null) return []
    const change = {
      id: line.id,
      at: Answers.millis(line.created_at),
      by: { login: by.login, kind: isOwn(by.login) ? "agent" : by.type === "Bot" ? "bot" : "person" }
    } as const
    if (line.event === "reopened") return [{ ...change, what: { _tag: "reopened" } }]
    const assignee = line.event === "assigned" ? (line.assignee?.login ?? null) : null
    return assignee === null ? [] : [{ ...change, what: { _tag: "assigned", assignee } }]
  })
})
