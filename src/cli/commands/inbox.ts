import { Clock, Effect, Option } from "effect"
import { Command } from "effect/cli"
import type { Message } from "../../domain/Message.ts"
import * as Subject from "../../domain/Subject.ts"
import { ask } from "../client.ts"
import { agent, before, limit } from "../flags.ts"
import { age, print, table } from "../render.ts"

const rows = (messages: ReadonlyArray<Message>, now: number): string =>
  table(
    ["MESSAGE", "STATUS", "KIND", "EVENT", "SUBJECT", "AGE", "TEXT"],
    messages.map(({ event, id, kind, reason, status, text }) => [
      id,
      status,
      kind,
      `e${event.seq} ${event.detail._tag}`,
      Subject.key(event.subject),
      age(now, event.at),
      reason === "" ? text : reason
    ])
  )

export const inbox = Command.make(
  "inbox",
  { agent, before, limit },
  Effect.fn("cli.inbox")(function* (input) {
    const query = { limit: input.limit, ...(Option.isSome(input.before) ? { before: input.before.value } : {}) }
    const found = yield* ask((client) => client.agents.inbox({ params: { id: input.agent }, query }))
    yield* print(found, found.length === 0 ? "No messages." : rows(found, yield* Clock.currentTimeMillis))
  })
).pipe(
  Command.withDescription("List an agent's messages, read and unread"),
  Command.withExamples([{ command: "squadron inbox fixer-7-e12", description: "What this agent was told" }])
)
