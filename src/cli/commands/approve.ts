import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { ask } from "../client.ts"
import { agent } from "../flags.ts"
import { standing } from "../standing.ts"

export const approve = Command.make(
  "approve",
  {
    agent,
    paths: Argument.String("path").pipe(
      Argument.withDescription("A protected path that it may change, as the agent's question names it"),
      Argument.variadic({ min: 1 })
    )
  },
  Effect.fn("cli.approve")(function* ({ agent, paths }) {
    const [first = "", ...rest] = paths
    const payload = { paths: [first, ...rest] as const }
    yield* standing(yield* ask((client) => client.agents.approve({ params: { id: agent }, payload })))
  })
).pipe(
  Command.withDescription("Let an agent change protected paths, such as CI or lock files"),
  Command.withExamples([
    { command: "squadron approve feat-dev-7-e12 package.json", description: "It may change that file, and goes on" }
  ])
)
