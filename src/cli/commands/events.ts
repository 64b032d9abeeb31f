import { Clock, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { Event } from "../../domain/Event.ts"
import * as Subject from "../../domain/Subject.ts"
import { ask } from "../client.ts"
import { before, limit } from "../flags.ts"
import { age, print, table } from "../render.ts"

/** The event's own name for a `custom` event, else its type. */
export const nameOf = ({ detail }: Event): string => (detail._tag === "custom" ? `custom ${detail.name}` : detail._tag)

const rows = (events: ReadonlyArray<Event>, now: number): string =>
  table(
    ["EVENT", "TYPE", "SUBJECT", "BY", "AGE"],
    events.map((event) => [event.seq, nameOf(event), Subject.key(event.subject), event.actor.login, age(now, event.at)])
  )

export const events = Command.make(
  "events",
  {
    type: Flag.String("type").pipe(Flag.withDescription("Only of this type, such as issue.opened"), Flag.optional),
    subject: Flag.String("subject").pipe(
      Flag.withDescription("Only about this subject, such as owner/name#12"),
      Flag.optional
    ),
    before,
    limit
  },
  Effect.fn("cli.events")(function* (flags) {
    const query = {
      limit: flags.limit,
      ...(Option.isSome(flags.type) ? { type: flags.type.value } : {}),
      ...(Option.isSome(flags.subject) ? { subject: flags.subject.value } : {}),
      ...(Option.isSome(flags.before) ? { before: flags.before.value } : {})
    }
    const found = yield* ask((client) => client.events.list({ query }))
    const filtered = Object.keys(query).length > 1
    const none = filtered ? "No events like that." : "No events yet. Open an issue: squadron issue create …"
    yield* print(found, found.length === 0 ? none : rows(found, yield* Clock.currentTimeMillis))
  })
).pipe(
  Command.withDescription("List events, the newest first"),
  Command.withExamples([
    { command: "squadron events --type issue.opened", description: "The latest issues opened" },
    { command: "squadron events --subject acme/shop#7 --json", description: "All about one issue, for a program" }
  ])
)
