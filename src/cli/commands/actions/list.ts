import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { ActionStatus, describe, type QueuedAction } from "../../../domain/Action.ts"
import * as Subject from "../../../domain/Subject.ts"
import { ask } from "../../client.ts"
import { limit } from "../../flags.ts"
import { print, table } from "../../render.ts"
import { howToRetry } from "../../standing.ts"

const page = (actions: ReadonlyArray<QueuedAction>): string =>
  [
    table(
      ["ACTION", "STATUS", "TRIES", "SUBJECT", "WHAT", "AGENT", "ERROR"],
      actions.map(({ action, agent, attempts, error, id, status, subject }) => [
        id,
        status,
        attempts,
        Subject.key(subject),
        describe(action),
        agent ?? "",
        error
      ])
    ),
    ...(actions.some(({ status }) => status === "queued")
      ? ["", "Queued ones need nobody: the outbox does them in order, and tries again what the forge refuses for now."]
      : []),
    ...howToRetry(actions).flatMap((text) => ["", text])
  ].join("\n")

export const list = Command.make(
  "list",
  {
    status: Flag.Literals("status", ActionStatus.literals).pipe(
      Flag.withDescription("Only those that stand there; else those that are queued or failed"),
      Flag.optional
    ),
    agent: Flag.String("agent").pipe(Flag.withDescription("Only those of this agent"), Flag.optional),
    limit: limit.pipe(Flag.withDescription("At most so many of the newest"))
  },
  Effect.fn("cli.actions.list")(function* (flags) {
    const agent = Option.isSome(flags.agent) ? { agent: flags.agent.value } : {}
    const statuses: ReadonlyArray<ActionStatus> = Option.isSome(flags.status)
      ? [flags.status.value]
      : ["queued", "failed"]
    const found = yield* ask((client) =>
      Effect.forEach(statuses, (status) => client.actions.list({ query: { ...agent, limit: flags.limit, status } }))
    )
    const newest = found
      .flat()
      .toSorted((a, b) => a.id - b.id)
      .slice(-flags.limit)
    const none =
      Option.isSome(flags.status) || Option.isSome(flags.agent)
        ? "No actions like that."
        : "Nothing waits and nothing has failed. What is done: squadron actions list --status done"
    yield* print(newest, newest.length === 0 ? none : page(newest))
  })
).pipe(
  Command.withDescription("List actions that are queued or failed, the newest last"),
  Command.withExamples([
    { command: "squadron actions list --status failed", description: "What was given up, and why" },
    { command: "squadron actions list --agent fixer-7-e12 --status done", description: "What an agent did" }
  ])
)
