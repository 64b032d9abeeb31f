import { Clock, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { Issue } from "../../../services/Forge.ts"
import { ask } from "../../client.ts"
import { limit, repository } from "../../flags.ts"
import { age, print, table } from "../../render.ts"

const rows = (issues: ReadonlyArray<Issue>, now: number): string =>
  table(
    ["ISSUE", "STATE", "TITLE", "LABELS", "COMMENTS", "UPDATED"],
    issues.map((issue) => [
      `${issue.repository}#${issue.number}`,
      issue.state,
      issue.title,
      issue.labels.join(", "),
      issue.comments,
      age(now, issue.updatedAt)
    ])
  )

export const list = Command.make(
  "list",
  {
    state: Flag.Literals("state", ["open", "closed", "all"]).pipe(
      Flag.withDescription("Which ones"),
      Flag.withDefault("open")
    ),
    repository,
    limit
  },
  Effect.fn("cli.issue.list")(function* (flags) {
    const query = {
      limit: flags.limit,
      ...(flags.state === "all" ? {} : { state: flags.state }),
      ...(Option.isSome(flags.repository) ? { repository: flags.repository.value } : {})
    }
    const found = yield* ask((client) => client.issues.list({ query }))
    const none =
      flags.state === "open"
        ? 'No open issues. Open one: squadron issue create "What you want"'
        : `No ${flags.state === "all" ? "" : "closed "}issues.`
    yield* print(found, found.length === 0 ? none : rows(found, yield* Clock.currentTimeMillis))
  })
).pipe(
  Command.withDescription("List issues"),
  Command.withExamples([{ command: "squadron issue list --state all", description: "Open and closed ones" }])
)
