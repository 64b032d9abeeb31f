import { Effect, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { describe, type QueuedAction } from "../../../domain/Action.ts"
import * as Subject from "../../../domain/Subject.ts"
import { line } from "../../../app/terminalText.ts"
import { ask } from "../../client.ts"
import type { Client } from "../../connection.ts"
import { Failed } from "../../failures.ts"
import { print } from "../../render.ts"

const batch = 200

/** The numbers of all that failed, oldest first. */
const allFailed = Effect.fnUntraced(function* (client: Client) {
  const ids: Array<number> = []
  while (true) {
    const last = ids.at(-1)
    const before = last === undefined ? {} : { before: last }
    const found = yield* client.actions.list({ query: { status: "failed", limit: batch, ...before } })
    ids.push(...found.map(({ id }) => id))
    if (found.length < batch) return ids.toReversed()
  }
})

const queued = ({ action, id, subject }: QueuedAction): string =>
  line(`Action ${id} is queued again: ${describe(action)} on ${Subject.key(subject)}`)

export const retry = Command.make(
  "retry",
  {
    ids: Argument.Int("action").pipe(
      Argument.withDescription("A failed action's number, as squadron actions list shows it"),
      Argument.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
      Argument.variadic()
    ),
    all: Flag.Boolean("all").pipe(Flag.withDescription("Every action that has failed"), Flag.withDefault(false))
  },
  Effect.fn("cli.actions.retry")(function* ({ all, ids }) {
    if (all === ids.length > 0)
      return yield* new Failed({ reason: "Say which: the numbers of failed actions, or --all for every one." })
    const wanted = all ? yield* ask(allFailed) : [...new Set(ids)].toSorted((a, b) => a - b)
    if (wanted.length === 0) return yield* print([], "No action has failed; there is nothing to retry.")
    // one after the other, oldest first, so that each subject gets them in order
    const retried: Array<QueuedAction> = []
    const refused: Array<string> = []
    yield* ask((client) =>
      Effect.forEach(
        wanted,
        (id) =>
          Effect.map(client.actions.retry({ params: { id } }), (action) => retried.push(action)).pipe(
            Effect.catchTag(["ActionNotFound", "ActionNotFailed"], (error) =>
              Effect.sync(() => refused.push(error.message))
            )
          ),
        { discard: true }
      )
    )
    if (retried.length > 0 || refused.length === 0) yield* print(retried, retried.map(queued).join("\n"))
    if (refused.length > 0) return yield* new Failed({ reason: refused.join("\n") })
  })
).pipe(
  Command.withDescription("Queue failed actions again, each done once; mend what their error says first"),
  Command.withExamples([
    { command: "squadron actions retry 12 15", description: "These two" },
    { command: "squadron actions retry --all", description: "Every one that has failed" }
  ])
)
