import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { ask } from "../../client.ts"
import { Failed } from "../../failures.ts"
import { author } from "../../flags.ts"
import { issueArgument, issueParams } from "../../reference.ts"
import { line } from "../../../app/terminalText.ts"
import { print } from "../../render.ts"

const several = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(`${description}; may be given several times`), Flag.atLeast(0))

export const label = Command.make(
  "label",
  { issue: issueArgument, add: several("add", "Put this label on"), remove: several("remove", "Take it off"), author },
  Effect.fn("cli.issue.label")(function* ({ add, author, issue, remove }) {
    if (add.length + remove.length === 0) return yield* new Failed({ reason: "Say which: --add bug, or --remove bug." })
    const changed = yield* ask((client) =>
      Effect.flatMap(issueParams(client, issue), (params) =>
        client.issues.label({ params, payload: { add, remove, author } })
      )
    )
    const labels = changed.labels.length === 0 ? "no labels" : `labels ${changed.labels.join(", ")}`
    yield* print(changed, line(`${changed.repository}#${changed.number} has ${labels}.`))
  })
).pipe(
  Command.withDescription("Put labels on an issue, or take them off"),
  Command.withExamples([{ command: "squadron issue label 7 --add bug --remove triage", description: "Both at once" }])
)
