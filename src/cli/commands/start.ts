import { Effect, Option, Path } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { asFailure } from "../failures.ts"
import { root } from "../root.ts"

export const start = Command.make(
  "start",
  {
    dir: Argument.Directory("dir", { mustExist: true }).pipe(
      Argument.withDescription("Folder with .squadron/config.yaml; this one unless told"),
      Argument.optional
    ),
    once: Flag.Boolean("once").pipe(Flag.withDescription("End when nothing is left to do"), Flag.withDefault(false)),
    makeSecret: Flag.Boolean("make-secret").pipe(
      Flag.withDescription("Make a webhook secret in the state folder where none is configured"),
      Flag.withDefault(false)
    ),
    issues: Flag.Directory("issues", { mustExist: true }).pipe(
      Flag.withDescription("Open an issue for each Markdown file of a folder, once"),
      Flag.optional
    ),
    agent: Flag.String("agent").pipe(
      Flag.withDescription("A preset such as claude, or a command line, instead of what roles say under `agent`"),
      Flag.optional
    ),
    port: Flag.Int("port").pipe(Flag.withDescription("Port to listen on, 0 for any free one"), Flag.optional),
    host: Flag.String("host").pipe(
      Flag.withDescription("Address to listen on; one that other machines reach needs SQUADRON_TOKEN"),
      Flag.optional
    )
  },
  Effect.fn("cli.start")(function* (input) {
    const flags = yield* root
    const path = yield* Path.Path
    // The daemon is most of the program; nothing else on the command line needs it.
    const { runDaemon } = yield* Effect.promise(() => import("../../app/daemon.ts"))
    yield* runDaemon({
      root: path.resolve(Option.getOrElse(input.dir, () => flags.dir)),
      once: input.once,
      makeSecret: input.makeSecret,
      issues: Option.getOrNull(Option.map(input.issues, (folder) => path.resolve(folder))),
      agent: Option.getOrNull(input.agent),
      port: Option.getOrUndefined(input.port),
      host: Option.getOrUndefined(input.host),
      json: flags.json
    }).pipe(Effect.mapError(asFailure))
  })
).pipe(
  Command.withDescription("Run the squadron of a folder until it is told to stop"),
  Command.withExamples([
    { command: "squadron start", description: "Run the squadron of this folder" },
    { command: "squadron start examples/first-squad --once", description: "Do what there is to do, then end" },
    { command: "squadron start --agent codex", description: "The same roles, with another coding agent" }
  ])
)
