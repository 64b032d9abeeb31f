import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { line } from "../../../app/terminalText.ts"
import { ask } from "../../client.ts"
import { author } from "../../flags.ts"
import { issueArgument, issueParams } from "../../reference.ts"
import { print } from "../../render.ts"

export const merge = Command.make(
  "merge",
  {
    pull: issueArgument,
    method: Flag.Literals("method", ["squash", "merge", "rebase"]).pipe(
      Flag.withDescription("How its commits come to the base"),
      Flag.withDefault("squash")
    ),
    author
  },
  Effect.fn("cli.pull.merge")(function* ({ author, method, pull }) {
    const merged = yield* ask((client) =>
      Effect.flatMap(issueParams(client, pull), (params) => client.pulls.merge({ params, payload: { method, author } }))
    )
    yield* print(
      merged,
      line(`${merged.repository}#${merged.number} is merged as ${merged.mergeCommit?.slice(0, 9) ?? "?"}.`)
    )
  })
).pipe(
  Command.withDescription("Merge a pull request of the local forge"),
  Command.withExamples([{ command: "squadron pull merge 8 --method rebase", description: "Commit by commit" }])
)

export const close = Command.make(
  "close",
  { pull: issueArgument, author },
  Effect.fn("cli.pull.close")(function* ({ author, pull }) {
    const closed = yield* ask((client) =>
      Effect.flatMap(issueParams(client, pull), (params) => client.pulls.close({ params, payload: { author } }))
    )
    yield* print(closed, line(`${closed.repository}#${closed.number} is closed; its agent stops, its branch stays.`))
  })
).pipe(
  Command.withDescription("Close a pull request of the local forge without merging it"),
  Command.withExamples([{ command: "squadron pull close 8", description: "Not wanted after all" }])
)
