import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { ask } from "../../client.ts"
import { author } from "../../flags.ts"
import { issueArgument, issueParams } from "../../reference.ts"
import { line } from "../../../app/terminalText.ts"
import { print } from "../../render.ts"

export const close = Command.make(
  "close",
  {
    issue: issueArgument,
    reason: Flag.Literals("reason", ["completed", "not_planned"]).pipe(
      Flag.withDescription("Why it is closed"),
      Flag.withDefault("completed")
    ),
    author
  },
  Effect.fn("cli.issue.close")(function* ({ author, issue, reason }) {
    const closed = yield* ask((client) =>
      Effect.flatMap(issueParams(client, issue), (params) =>
        client.issues.close({ params, payload: { reason, author } })
      )
    )
    yield* print(closed, line(`${closed.repository}#${closed.number} is closed.`))
  })
).pipe(
  Command.withDescription("Close an issue"),
  Command.withExamples([{ command: "squadron issue close 7 --reason not_planned", description: "Not worth doing" }])
)

export const reopen = Command.make(
  "reopen",
  { issue: issueArgument, author },
  Effect.fn("cli.issue.reopen")(function* ({ author, issue }) {
    const opened = yield* ask((client) =>
      Effect.flatMap(issueParams(client, issue), (params) => client.issues.reopen({ params, payload: { author } }))
    )
    yield* print(opened, line(`${opened.repository}#${opened.number} is open again.`))
  })
).pipe(
  Command.withDescription("Open a closed issue again"),
  Command.withExamples([{ command: "squadron issue reopen 7", description: "It was not done after all" }])
)
