import { Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Detail } from "../../domain/Event.ts"
import { ask } from "../client.ts"
import { Failed } from "../failures.ts"
import { repository } from "../flags.ts"
import { print } from "../render.ts"

export const publish = Command.make(
  "publish",
  {
    name: Argument.String("name").pipe(Argument.withDescription("Name of your own event"), Argument.optional),
    payload: Argument.String("payload").pipe(
      Argument.withDescription("What comes with it, as JSON"),
      Argument.withSchema(Schema.fromJsonString(Schema.Json)),
      Argument.optional
    ),
    detail: Flag.String("detail").pipe(
      Flag.withDescription("Instead of a name: any event's detail as JSON, with its _tag"),
      Flag.withSchema(Schema.fromJsonString(Detail)),
      Flag.optional
    ),
    repository,
    number: Flag.Int("number").pipe(Flag.withDescription("The issue or pull request that it is about"), Flag.optional),
    key: Flag.String("key").pipe(Flag.withDescription("The same key is accepted once"), Flag.optional)
  },
  Effect.fn("cli.publish")(function* ({ detail, key, name, number, payload, repository }) {
    if (Option.isSome(name) === Option.isSome(detail)) {
      return yield* new Failed({ reason: "Give either the name of your event, or --detail for one of Squadron's." })
    }
    const about = {
      ...(Option.isSome(repository) ? { repository: repository.value } : {}),
      ...(Option.isSome(number) ? { number: number.value } : {}),
      ...(Option.isSome(key) ? { key: key.value } : {})
    }
    const event = Option.isSome(detail)
      ? { detail: detail.value, ...about }
      : {
          type: "custom" as const,
          name: Option.getOrElse(name, () => ""),
          payload: Option.getOrNull(payload),
          ...about
        }
    const published = yield* ask((client) => client.events.publish({ payload: event }))
    const { seq } = published
    const told = published._tag === "Accepted" ? `Event ${seq} is stored.` : `Event ${seq} has this key already.`
    yield* print(published, `${told} squadron explain e${seq} tells what it did.`)
  })
).pipe(
  Command.withDescription("Publish an event"),
  Command.withExamples([
    {
      command: "squadron publish deploy.failed '{\"stage\":2}' --number 7",
      description: "Your own event, about issue 7"
    },
    { command: "squadron publish nightly --key nightly-2026-01-31", description: "Once a night, however often it runs" }
  ])
)
