import { Effect, Path } from "effect"
import { Argument, Command } from "effect/cli"
import { ask } from "../client.ts"
import { print } from "../render.ts"

export const backup = Command.make(
  "backup",
  {
    path: Argument.String("path").pipe(Argument.withDescription("Where the copy goes; no file may be there yet"))
  },
  Effect.fn("cli.backup")(function* ({ path }) {
    const payload = { path: (yield* Path.Path).resolve(path) }
    const copy = yield* ask((client) => client.backup.create({ payload }))
    yield* print(copy, `${copy.path} holds a copy of everything so far (${copy.bytes} bytes).`)
  })
).pipe(
  Command.withDescription("Copy the database while the squadron runs"),
  Command.withExamples([
    {
      command: "squadron backup squadron-backup.db",
      description: "A consistent copy, made by the daemon on its machine"
    }
  ])
)
