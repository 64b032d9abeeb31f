import { Effect, FileSystem, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { ask } from "../../client.ts"
import { Failed } from "../../failures.ts"
import { author, labels, repository } from "../../flags.ts"
import { line } from "../../../app/terminalText.ts"
import { print } from "../../render.ts"

const bodyOf = Effect.fnUntraced(function* (body: Option.Option<string>, file: Option.Option<string>) {
  if (Option.isNone(file)) return Option.getOrElse(body, () => "")
  if (Option.isSome(body)) return yield* new Failed({ reason: "Give either --body or --body-file." })
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.mapError(
    fs.readFileString(file.value),
    (error) => new Failed({ reason: `${file.value} cannot be read: ${error.message}` })
  )
})

export const create = Command.make(
  "create",
  {
    title: Argument.String("title").pipe(Argument.withDescription("One line that says what is wanted")),
    body: Flag.String("body").pipe(Flag.withAlias("b"), Flag.withDescription("The text, as Markdown"), Flag.optional),
    bodyFile: Flag.File("body-file").pipe(
      Flag.withAlias("F"),
      Flag.withDescription("A file that holds the text"),
      Flag.optional
    ),
    labels,
    repository,
    author
  },
  Effect.fn("cli.issue.create")(function* (input) {
    const payload = {
      title: input.title,
      body: yield* bodyOf(input.body, input.bodyFile),
      labels: input.labels,
      author: input.author,
      ...(Option.isSome(input.repository) ? { repository: input.repository.value } : {})
    }
    const issue = yield* ask((client) => client.issues.create({ payload }))
    yield* print(issue, `Opened ${line(`${issue.repository}#${issue.number}: ${issue.title}`)}`)
  })
).pipe(
  Command.withDescription("Open an issue"),
  Command.withExamples([
    { command: 'squadron issue create "Totals are off by a cent" --label bug', description: "With a label" },
    { command: 'squadron issue create "Add a dark theme" --body-file idea.md', description: "With a text from a file" }
  ])
)
