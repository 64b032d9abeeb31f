import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { ask } from "../client.ts"
import { agent } from "../flags.ts"
import { standing } from "../standing.ts"

export const answer = Command.make(
  "answer",
  {
    agent,
    answer: Argument.String("answer").pipe(
      Argument.withDescription("What the agent wants to know"),
      Argument.variadic({ min: 1 })
    )
  },
  Effect.fn("cli.answer")(function* ({ agent, answer }) {
    const payload = { answer: answer.join(" ") }
    yield* standing(yield* ask((client) => client.agents.answer({ params: { id: agent }, payload })))
  })
).pipe(
  Command.withDescription("Answer an agent that asks"),
  Command.withExamples([
    { command: 'squadron answer fixer-7-e12 "Round half to even"', description: "It goes on with the answer" }
  ])
)
