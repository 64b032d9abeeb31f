import { Clock, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { JournalEntry } from "../../../domain/Journal.ts"
import { ask } from "../../client.ts"
import { before, limit } from "../../flags.ts"
import { age, print, table } from "../../render.ts"

const rows = (entries: ReadonlyArray<JournalEntry>, now: number): string =>
  table(
    ["LINE", "AGE", "KIND", "AGENT", "TEXT"],
    entries.map((entry) => [entry.id, age(now, entry.at), entry.kind, entry.agent ?? "", entry.text])
  )

export const list = Command.make(
  "list",
  {
    agent: Flag.String("agent").pipe(
      Flag.withDescription("Only lines about this agent, by its id as squadron agents shows it"),
      Flag.optional
    ),
    before,
    limit
  },
  Effect.fn("cli.journal.list")(function* (flags) {
    const query = {
      limit: flags.limit,
      ...(Option.isSome(flags.agent) ? { agent: flags.agent.value } : {}),
      ...(Option.isSome(flags.before) ? { before: flags.before.value } : {})
    }
    // as it was written: the newest line stands last, where a terminal ends
    const found = (yield* ask((client) => client.journal.list({ query }))).toReversed()
    const filtered = Object.keys(query).length > 1
    const none = filtered ? "No lines like that." : "No lines yet. Whatever a squadron decides is written here."
    yield* print(found, found.length === 0 ? none : rows(found, yield* Clock.currentTimeMillis))
  })
).pipe(
  Command.withDescription("List the newest lines, the newest one last"),
  Command.withExamples([
    { command: "squadron journal list --limit 20", description: "The last twenty decisions" },
    { command: "squadron journal list --agent fixer-7-e12 --json", description: "All about one agent, for a program" }
  ])
)
