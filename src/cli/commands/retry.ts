import { Effect } from "effect"
import { Command } from "effect/cli"
import { ask } from "../client.ts"
import { agent } from "../flags.ts"
import { standing } from "../standing.ts"

export const retry = Command.make(
  "retry",
  { agent },
  Effect.fn("cli.retry")(function* ({ agent }) {
    yield* standing(yield* ask((client) => client.agents.retry({ params: { id: agent } })))
  })
).pipe(
  Command.withDescription("Give a stuck agent a new chance, with the messages that were set aside"),
  Command.withExamples([{ command: "squadron retry fixer-7-e12", description: "Try once more" }])
)
