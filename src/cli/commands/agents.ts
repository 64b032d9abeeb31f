import { Clock, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { type Agent, AgentStatus } from "../../domain/Agent.ts"
import * as Subject from "../../domain/Subject.ts"
import { ask } from "../client.ts"
import { limit } from "../flags.ts"
import { age, print, table } from "../render.ts"

const rows = (agents: ReadonlyArray<Agent>, now: number): string =>
  table(
    ["AGENT", "STATUS", "SUBJECT", "UNREAD", "SINCE", "NOTE"],
    agents.map((agent) => [
      agent.id,
      agent.status,
      Subject.key(agent.subject),
      agent.unread,
      age(now, agent.since),
      agent.note
    ])
  )

export const agents = Command.make(
  "agents",
  {
    status: Flag.Literals("status", AgentStatus.literals).pipe(
      Flag.withDescription("Only those that stand there"),
      Flag.optional
    ),
    role: Flag.String("role").pipe(Flag.withDescription("Only those of this role"), Flag.optional),
    live: Flag.Boolean("live").pipe(
      Flag.withDescription("Only those that are still on their subject"),
      Flag.withDefault(false)
    ),
    limit
  },
  Effect.fn("cli.agents")(function* (flags) {
    const query = {
      limit: flags.limit,
      ...(Option.isSome(flags.status) ? { status: flags.status.value } : {}),
      ...(Option.isSome(flags.role) ? { role: flags.role.value } : {}),
      ...(flags.live ? { live: true } : {})
    }
    const found = yield* ask((client) => client.agents.list({ query }))
    const filtered = Object.keys(query).length > 1
    const none = filtered ? "No agents like that." : "No agents yet. Open an issue: squadron issue create …"
    yield* print(found, found.length === 0 ? none : rows(found, yield* Clock.currentTimeMillis))
  })
).pipe(
  Command.withDescription("List agents"),
  Command.withExamples([
    { command: "squadron agents --live", description: "Who is at work or waits for something" },
    { command: "squadron agents --status asking", description: "Who waits for an answer" }
  ])
)
