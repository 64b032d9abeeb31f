import { describe } from "../domain/Action.ts"
import type { Agent } from "../domain/Agent.ts"
import type { AgentExplanation, EventExplanation } from "../domain/Explanation.ts"
import type { JournalEntry } from "../domain/Journal.ts"
import * as Outcome from "../domain/Outcome.ts"
import type { Run } from "../domain/Run.ts"
import * as Subject from "../domain/Subject.ts"
import { nameOf } from "./commands/events.ts"
import { line } from "../app/terminalText.ts"
import { age, span, table } from "./render.ts"
import { howToRetry } from "./standing.ts"

type Verdict = JournalEntry["verdicts"][number]

const indented = (text: string): string => text.replaceAll(/^/gm, "  ")

const section = (title: string, text: string): ReadonlyArray<string> => ["", title, indented(text)]

const verdictLine = ({ matched, role, rule, why }: Verdict): ReadonlyArray<string> => [
  matched ? "took it" : "no",
  role,
  rule === 0 ? "addressed" : `rule ${rule}`,
  line(why)
]

const verdicts = (entries: ReadonlyArray<JournalEntry>): string => {
  const all = entries.flatMap((entry) => entry.verdicts)
  if (all.length === 0) return "No rule listens to events of this type."
  return table(["", "ROLE", "RULE", "WHY"], all.map(verdictLine)).split("\n").slice(1).join("\n")
}

const journal = (entries: ReadonlyArray<JournalEntry>, now: number): string =>
  entries.length === 0
    ? "Nothing was written."
    : table(
        ["AGE", "WHAT", "AGENT", "TEXT"],
        entries.map((entry) => [age(now, entry.at), entry.kind, entry.agent ?? "", entry.text])
      )

const agentsOf = (agents: ReadonlyArray<Agent>): string =>
  agents.length === 0
    ? "It went to no agent."
    : table(
        ["AGENT", "STATUS", "SUBJECT"],
        agents.map((agent) => [agent.id, agent.status, Subject.key(agent.subject)])
      )

const runsOf = (runs: ReadonlyArray<Run>, now: number): string =>
  runs.length === 0
    ? "It has not run yet."
    : table(
        ["RUN", "OPENED", "LASTED", "TURNS", "OUTCOME", ""],
        runs.map((run) => [
          run.n,
          age(now, run.openedAt),
          span((run.closedAt ?? now) - run.openedAt),
          run.turns,
          run.outcome?._tag ?? "still open",
          run.outcome === null ? "" : Outcome.describe(run.outcome)
        ])
      )

/** Why an event did what it did, as a page of text. */
export const explainEvent = ({ agents, event, journal: entries, routed }: EventExplanation, now: number): string =>
  [
    line(
      `Event ${event.seq}: ${nameOf(event)} on ${Subject.key(event.subject)}, by ${event.actor.login}, ${age(now, event.at)}`
    ),
    ...(routed
      ? [
          ...section("Rules", verdicts(entries)),
          ...section("Agents", agentsOf(agents)),
          ...section("Journal", journal(entries, now))
        ]
      : ["It is stored and waits to be routed."])
  ].join("\n")

/** How an agent came to where it stands, as a page of text. */
export const explainAgent = ({ actions, agent, journal: entries, runs }: AgentExplanation, now: number): string =>
  [
    line(`Agent ${agent.id} is ${agent.status}, ${age(now, agent.since)}${agent.note === "" ? "" : `: ${agent.note}`}`),
    line(`It works on ${Subject.key(agent.subject)} as ${agent.role}; ${agent.unread} messages are unread.`),
    ...(agent.blockedOn.length === 0 ? [] : [`It waits for ${agent.blockedOn.join(", ")} to close.`]),
    ...section("Runs", runsOf(runs, now)),
    ...section(
      "Actions",
      actions.length === 0
        ? "It asked for none."
        : [
            table(
              ["ACTION", "WHAT", "STATUS", "SUBJECT", "ERROR"],
              actions.map(({ action, error, id, status, subject }) => [
                id,
                describe(action),
                status,
                Subject.key(subject),
                error
              ])
            ),
            ...howToRetry(actions)
          ].join("\n")
    ),
    ...section("Journal", journal(entries, now))
  ].join("\n")
