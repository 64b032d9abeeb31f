import { Command } from "effect/cli"
import { create } from "./issue/create.ts"
import { list } from "./issue/list.ts"
import { show } from "./issue/show.ts"
import { comment } from "./issue/comment.ts"
import { label } from "./issue/label.ts"
import { close, reopen } from "./issue/state.ts"

export const issue = Command.make("issue").pipe(
  Command.withDescription("Open, read and change issues of the local forge"),
  Command.withExamples([
    { command: 'squadron issue create "Totals are off by a cent" --label bug', description: "Open an issue" },
    { command: "squadron issue show 7", description: "Read one with its comments" }
  ]),
  Command.withSubcommands([create, list, show, comment, label, close, reopen])
)
