import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { line } from "../../../app/terminalText.ts"
import { ask } from "../../client.ts"
import { author } from "../../flags.ts"
import { issueArgument, issueParams } from "../../reference.ts"
import { print } from "../../render.ts"

export const review = Command.make(
  "review",
  {
    pull: issueArgument,
    verdict: Flag.Literals("verdict", ["approve", "request_changes", "comment"]).pipe(
      Flag.withDescription("What you say to it"),
      Flag.withDefault("comment")
    ),
    body: Flag.String("body").pipe(Flag.withAlias("b"), Flag.withDescription("Why"), Flag.optional),
    author
  },
  Effect.fn("cli.pull.review")(function* ({ author, body, pull, verdict }) {
    const payload = { verdict, author, ...(Option.isSome(body) ? { body: body.value } : {}) }
    const written = yield* ask((client) =>
      Effect.flatMap(issueParams(client, pull), (params) => client.pulls.review({ params, payload }))
    )
    yield* print(written, line(`Reviewed ${written.commit.slice(0, 9)}: ${written.verdict.replace("_", " ")}.`))
  })
).pipe(
  Command.withDescription("Review a pull request of the local forge"),
  Command.withExamples([
    { command: "squadron pull review 8 --verdict approve", description: "It may be merged" },
    {
      command: 'squadron pull review 8 --verdict request_changes --body "Say it in the README, too"',
      description: "Its agent goes on"
    }
  ])
)
