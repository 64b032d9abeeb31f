import { Clock, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { explainAgent, explainEvent } from "../explanations.ts"
import { ask } from "../client.ts"
import { print } from "../render.ts"

const eventPattern = /^e?([1-9]\d*)$/

export const explain = Command.make(
  "explain",
  {
    what: Argument.String("event|agent").pipe(
      Argument.withDescription("An event's number (12 or e12), or an agent's id")
    )
  },
  Effect.fn("cli.explain")(function* ({ what }) {
    const now = yield* Clock.currentTimeMillis
    const seq = eventPattern.exec(what)?.[1]
    if (seq === undefined) {
      const explanation = yield* ask((client) => client.agents.explanation({ params: { id: what } }))
      return yield* print(explanation, explainAgent(explanation, now))
    }
    const explanation = yield* ask((client) => client.events.explanation({ params: { seq: Number(seq) } }))
    yield* print(explanation, explainEvent(explanation, now))
  })
).pipe(
  Command.withDescription("Tell why an event did what it did, or how an agent came to where it stands"),
  Command.withExamples([
    { command: "squadron explain e12", description: "Which rules took event 12, which did not, and why" },
    { command: "squadron explain fixer-7-e12", description: "An agent's runs and decisions" }
  ])
)
