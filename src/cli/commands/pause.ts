import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { ask } from "../client.ts"
import { agent, reason } from "../flags.ts"
import { standing } from "../standing.ts"

export const pause = Command.make(
  "pause",
  { agent, reason },
  Effect.fn("cli.pause")(function* ({ agent, reason }) {
    const payload = Option.isSome(reason) ? { reason: reason.value } : null
    yield* standing(yield* ask((client) => client.agents.pause({ params: { id: agent }, payload })))
  })
).pipe(
  Command.withDescription("Park an agent until squadron resume; a running turn is cut off"),
  Command.withExamples([{ command: "squadron pause fixer-7-e12", description: "Let it wait" }])
)
