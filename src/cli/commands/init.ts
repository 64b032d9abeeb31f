import { Effect, Option, Path, Stdio } from "effect"
import { Argument, Command, Flag, Prompt } from "effect/cli"
import type { PlannedFile } from "../../adapters/config/template.ts"
import { asFailure, Failed } from "../failures.ts"
import { hint, print } from "../render.ts"
import { root } from "../root.ts"

const listed = (files: ReadonlyArray<PlannedFile>): string =>
  files
    .map(({ contents, exists, path }) =>
      exists ? `  keep   ${path} (is there already)` : `  write  ${path} (${contents.split("\n").length - 1} lines)`
    )
    .join("\n")

const agreed = Effect.fnUntraced(function* (yes: boolean, count: number) {
  if (yes) return true
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdinIsTerminal)) {
    return yield* new Failed({ reason: "Nothing was written, since nobody can be asked here. Repeat it with --yes." })
  }
  const message = `Write ${count === 1 ? "this file" : `these ${count} files`}?`
  return yield* Prompt.run(Prompt.Confirm({ message, initial: false }))
})

export const init = Command.make(
  "init",
  {
    dir: Argument.Directory("dir", { mustExist: true }).pipe(
      Argument.withDescription("The project's folder; this one unless told"),
      Argument.optional
    ),
    yes: Flag.Boolean("yes").pipe(
      Flag.withAlias("y"),
      Flag.withDescription("Write without asking"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("cli.init")(function* ({ dir, yes }) {
    const flags = yield* root
    const folder = (yield* Path.Path).resolve(Option.getOrElse(dir, () => flags.dir))
    const { plan, write } = yield* Effect.promise(() => import("../../adapters/config/template.ts"))
    const files = yield* Effect.mapError(plan(folder), asFailure)
    const missing = files.filter(({ exists }) => !exists)
    if (missing.length === 0) {
      return yield* print({ written: [] }, `Everything is there already:\n${listed(files)}`)
    }
    yield* hint(listed(files))
    if (!(yield* agreed(yes, missing.length))) return yield* print({ written: [] }, "Nothing was written.")
    const written = yield* Effect.mapError(write(files), asFailure)
    yield* print({ written }, "Written. Look at .squadron/config.yaml, then: squadron start")
  })
).pipe(
  Command.withDescription("Write a first configuration; shows what it will write and asks before it does"),
  Command.withExamples([
    { command: "squadron init", description: "Set up this folder" },
    { command: "squadron init --yes", description: "The same without a question, for scripts" }
  ])
)
