import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { ask } from "../../client.ts"
import { author } from "../../flags.ts"
import { issueArgument, issueParams } from "../../reference.ts"
import { line } from "../../../app/terminalText.ts"
import { print } from "../../render.ts"

export const comment = Command.make(
  "comment",
  {
    issue: issueArgument,
    text: Argument.String("text").pipe(
      Argument.withDescription("What you say; a mention addresses an agent"),
      Argument.variadic({ min: 1 })
    ),
    author
  },
  Effect.fn("cli.issue.comment")(function* (input) {
    const payload = { body: input.text.join(" "), author: input.author }
    const comment = yield* ask((client) =>
      Effect.flatMap(issueParams(client, input.issue), (params) => client.issues.comment({ params, payload }))
    )
    yield* print(comment, line(`Commented on ${input.issue} as ${comment.author}.`))
  })
).pipe(
  Command.withDescription("Comment on an issue"),
  Command.withExamples([
    {
      command: 'squadron issue comment 7 "@squadron fixer: keep the old format"',
      description: "Tell an agent something"
    }
  ])
)
