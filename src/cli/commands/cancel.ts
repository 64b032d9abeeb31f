import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { ask } from "../client.ts"
import { agent, reason } from "../flags.ts"
import { standing } from "../standing.ts"

export const cancel = Command.make(
  "cancel",
  { agent, reason },
  Effect.fn("cli.cancel")(function* ({ agent, reason }) {
    const payload = Option.isSome(reason) ? { reason: reason.value } : null
    yield* standing(yield* ask((client) => client.agents.cancel({ params: { id: agent }, payload })))
  })
).pipe(
  Command.withDescription("Stop an agent for good; its branch and its history stay"),
  Command.withExamples([
    { command: 'squadron cancel fixer-7-e12 --reason "solved by hand"', description: "Stop it, and say why" }
  ])
)
