import { Command } from "effect/cli"
import { list } from "./journal/list.ts"
import { verify } from "./journal/verify.ts"

export const journal = Command.make("journal").pipe(
  Command.withDescription("Read what was decided and why, and see that nobody has changed it since"),
  Command.withExamples([
    { command: "squadron journal list --agent fixer-7-e12", description: "What was decided about one agent" },
    { command: "squadron journal verify", description: "Whether each line is as it was written" }
  ]),
  Command.withSubcommands([list, verify])
)
