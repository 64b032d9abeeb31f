import { Clock, Effect } from "effect"
import { Command } from "effect/cli"
import type { StatusReport } from "../../app/Api.ts"
import { ask, discover } from "../client.ts"
import { line } from "../../app/terminalText.ts"
import { print, span, table } from "../render.ts"

const agentsLine = (agents: StatusReport["agents"]): string => {
  const some = Object.entries(agents).filter(([, count]) => count > 0)
  return some.length === 0
    ? "none yet. Open an issue: squadron issue create …"
    : some.map(([status, count]) => `${count} ${status}`).join(", ")
}

const advice = (status: StatusReport): ReadonlyArray<string> => [
  ...(status.agents.asking > 0
    ? ["Somebody asks: squadron agents --status asking, then squadron answer <agent> …"]
    : []),
  ...(status.agents.escalated > 0
    ? ["Somebody is stuck: squadron agents --status escalated, then squadron retry <agent>"]
    : []),
  ...(status.actionsFailed > 0
    ? ["Actions failed: squadron actions list says why; mend it, then squadron actions retry <action> or --all"]
    : [])
]

/** The report as a page of text. */
const page = (status: StatusReport, url: string, now: number): string =>
  [
    `${line(status.repository)} at ${url}, up ${span(now - status.startedAt)}, ${status.accepting ? "takes new work" : "is draining"}`,
    "",
    `Events   ${status.events}, ${status.events === status.routed ? "all routed" : `${status.events - status.routed} not routed yet`}`,
    `Agents   ${agentsLine(status.agents)}`,
    `Inboxes  ${status.unread} unread, ${status.setAside} set aside`,
    `Outbox   ${status.actionsQueued} queued, ${status.actionsFailed} failed`,
    `Running  ${status.permits.held} of ${status.permits.limit}`,
    "",
    status.roles.length === 0
      ? "No roles yet. Declare one in .squadron/agents/<role>.md, or start from: squadron init"
      : table(
          ["ROLE", "RUNNING", "DESCRIPTION"],
          status.roles.map((role) => [role.name, `${role.running} of ${role.limit}`, role.description])
        ),
    ...advice(status).flatMap((text) => ["", text])
  ].join("\n")

export const status = Command.make(
  "status",
  {},
  Effect.fn("cli.status")(function* () {
    const report = yield* ask((client) => client.status.get())
    const { url } = yield* discover()
    yield* print(report, page(report, url, yield* Clock.currentTimeMillis))
  })
).pipe(
  Command.withDescription("Show how the squadron fares"),
  Command.withExamples([
    { command: "squadron status", description: "Events, agents, roles and what needs a person" },
    { command: "squadron status --json", description: "The same for a program" }
  ])
)
