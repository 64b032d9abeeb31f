import { Effect } from "effect"
import { Command } from "effect/cli"
import { ask } from "../client.ts"
import { agent } from "../flags.ts"
import { standing } from "../standing.ts"

export const resume = Command.make(
  "resume",
  { agent },
  Effect.fn("cli.resume")(function* ({ agent }) {
    yield* standing(yield* ask((client) => client.agents.resume({ params: { id: agent } })))
  })
).pipe(
  Command.withDescription("Let a paused agent go on"),
  Command.withExamples([{ command: "squadron resume fixer-7-e12", description: "Go on where it stopped" }])
)
