import { Console, Effect, Ref, Schedule, Stream } from "effect"
import { Command } from "effect/cli"
import type { JournalEntry } from "../../domain/Journal.ts"
import { connect, discover, failure } from "../client.ts"
import type { Client } from "../connection.ts"
import { clockTime, line } from "../../app/terminalText.ts"
import { hint } from "../render.ts"
import { root } from "../root.ts"

/** One entry as one line. */
export const entryLine = (entry: JournalEntry): string =>
  line(
    [clockTime(entry.at), entry.kind.padEnd(17), entry.agent ?? "", entry.text].filter((part) => part !== "").join("  ")
  )

/** What was written while the line was down, in order; at most the newest 1000. */
const missed = Effect.fnUntraced(function* (client: Client, last: number) {
  if (last === 0) return []
  const newest = yield* client.journal.list({ query: { limit: 1000 } })
  return newest.filter((entry) => entry.id > last).toReversed()
})

const follow = (client: Client, last: Ref.Ref<number>, show: (entry: JournalEntry) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const live = yield* client.journal.watch()
    const before = yield* missed(client, yield* Ref.get(last))
    yield* Stream.runForEach(Stream.concat(Stream.fromIterable(before), live), (entry) =>
      Effect.gen(function* () {
        if (entry.id <= (yield* Ref.get(last))) return
        yield* Ref.set(last, entry.id)
        yield* show(entry)
      })
    )
  })

export const watch = Command.make(
  "watch",
  {},
  Effect.fn("cli.watch")(function* () {
    const { json } = yield* root
    const daemon = yield* discover()
    const client = yield* connect(daemon)
    const status = yield* Effect.mapError(client.status.get(), (error) => failure(daemon.url, error))
    const last = yield* Ref.make(0)
    const show = (entry: JournalEntry) => Console.log(json ? JSON.stringify(entry) : entryLine(entry))
    yield* hint(`Watching ${line(status.repository)} at ${daemon.url}; Ctrl-C ends it.`)
    return yield* follow(client, last, show).pipe(
      Effect.ignore,
      Effect.andThen(hint(`The squadron at ${daemon.url} is gone; trying again every 2 s.`)),
      Effect.andThen(
        Effect.retry(client.status.get(), { schedule: Schedule.spaced("2 seconds") }).pipe(
          Effect.andThen(hint("It is back.")),
          Effect.ignore
        )
      ),
      Effect.forever
    )
  })
).pipe(
  Command.withDescription("Follow what happens, line by line, until Ctrl-C"),
  Command.withExamples([
    { command: "squadron watch", description: "Every decision, as it is made" },
    { command: "squadron watch --json | jq .text", description: "One JSON object a line" }
  ])
)
