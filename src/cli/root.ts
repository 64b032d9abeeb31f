import { Command, Flag } from "effect/cli"

/** The command above all others, with what each of them understands. */
export const root = Command.make("squadron").pipe(
  Command.withSharedFlags({
    url: Flag.String("url").pipe(
      Flag.withDescription(
        "Address of the daemon; else SQUADRON_URL, else what .squadron-state/daemon.json says, else http://127.0.0.1:7700"
      ),
      Flag.optional
    ),
    dir: Flag.Directory("dir").pipe(
      Flag.withDescription("Folder whose daemon is meant, or one below it"),
      Flag.withDefault(".")
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print JSON for programs instead of text for people"),
      Flag.withDefault(false)
    )
  }),
  Command.withDescription("Turns what happens in a repository into work done by supervised agents.")
)
