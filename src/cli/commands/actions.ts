import { Command } from "effect/cli"
import { list } from "./actions/list.ts"
import { retry } from "./actions/retry.ts"

export const actions = Command.make("actions").pipe(
  Command.withDescription("See what is to be done in the forge, and retry what failed"),
  Command.withExamples([
    { command: "squadron actions list", description: "What waits in the outbox, and what failed for good" },
    { command: "squadron actions retry 12", description: "Try a failed one again, once its cause is mended" }
  ]),
  Command.withSubcommands([list, retry])
)
