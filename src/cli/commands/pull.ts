import { Command } from "effect/cli"
import { list } from "./pull/list.ts"
import { review } from "./pull/review.ts"
import { show } from "./pull/show.ts"
import { close, merge } from "./pull/state.ts"

export const pull = Command.make("pull").pipe(
  Command.withDescription("Read, review and merge pull requests"),
  Command.withExamples([
    { command: "squadron pull list", description: "Open ones" },
    { command: "squadron pull show 8", description: "One with its reviews, checks and changes" }
  ]),
  Command.withSubcommands([list, show, review, merge, close])
)
