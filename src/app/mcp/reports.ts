import { Effect, Schema } from "effect"
import { branchOf } from "../../domain/branches.ts"
import { type Evidence, Outcome } from "../../domain/Outcome.ts"
import * as Subject from "../../domain/Subject.ts"
import { referenceIn } from "../../domain/toolCall.ts"
import { Forge } from "../../services/Forge.ts"
import { Workspaces } from "../../services/Workspaces.ts"
import { type AgentTool, agentTool } from "./AgentTool.ts"
import { agentNow, ask, Call, refuse, ToolRefused } from "./Call.ts"
import { oneLine, several, someText } from "./parameters.ts"
import { askBeside, pendingOf } from "./pending.ts"

/** Commits that a report names at most; all are looked at anyhow. */
const namedCommits = 100

/** A short word about something. */
const words = (description: string) => someText(description, 10_000)

const end = "End your turn now."

/**
 * Keeps the report; the last one of a turn counts. One that ends the work, or lets it wait for something else, would
 * hide the question about withheld files until another turn, so it is refused while that is pending.
 */
const report = Effect.fnUntraced(function* (outcome: Outcome) {
  const { grant, tool } = yield* Call
  if (pendingOf(grant) !== null) {
    return yield* new ToolRefused({
      reason: `${tool}: your push waits for a person's word on files, and the person is asked when your turn has ended. This report is not kept. End your turn now; or undo the changes to these files, push, and report again.`,
      noted: "a person is asked about files first"
    })
  }
  grant.reported = outcome
})

/** What there is to show for the work, as Squadron knows it; what cannot be looked at now is left out. */
const evidenceOf = Effect.fnUntraced(function* (summary: string) {
  const { grant } = yield* Call
  const forge = yield* Forge
  const workspaces = yield* Workspaces
  const agent = yield* agentNow
  const { repository } = agent.subject
  const { workspace } = grant
  if (workspace === null) {
    const evidence: Evidence = agent.pullRequest === null ? { summary } : { summary, pullRequest: agent.pullRequest }
    return evidence
  }
  const work = yield* Effect.option(workspaces.inspect(workspace))
  const pulls = yield* Effect.option(
    ask(forge.pullRequests({ repository, head: branchOf(agent), state: "open", limit: 1 }))
  )
  const pullRequest = (pulls._tag === "Some" ? pulls.value[0]?.number : undefined) ?? agent.pullRequest
  const evidence: Evidence = {
    summary,
    ...(work._tag === "None" ? {} : { commits: work.value.commits.slice(0, namedCommits).map(({ id }) => id) }),
    ...(pullRequest === null ? {} : { pullRequest })
  }
  return evidence
})

const reportDone = agentTool({
  name: "report_done",
  description: "Reports that your work is done. Squadron looks at what is there itself. End your turn afterwards.",
  parameters: Schema.Struct({ summary: words("What you did, in a sentence or two") }),
  run: Effect.fnUntraced(function* ({ summary }) {
    yield* report(Outcome.cases.Completed.make({ evidence: yield* evidenceOf(summary) }))
    return { text: `Noted. Squadron looks at your work when your turn has ended. ${end}`, line: "report_done" }
  })
})

const reportNoWork = agentTool({
  name: "report_no_work",
  description: "Reports that there is nothing to do. End your turn afterwards.",
  parameters: Schema.Struct({ reason: words("Why there is nothing to do") }),
  run: Effect.fnUntraced(function* ({ reason }) {
    yield* report(Outcome.cases.NoWorkNeeded.make({ reason }))
    return { text: `Noted. ${end}`, line: "report_no_work" }
  })
})

/** The subject key of something that is still open and not the agent's own subject. */
const blocker = Effect.fnUntraced(function* (subject: Subject.Subject, given: string) {
  const forge = yield* Forge
  const found = referenceIn(subject.repository, given)
  if ("why" in found) return yield* refuse(`report_blocked: ${found.why}.`)
  const { number } = found
  if (number === subject.number) return yield* refuse(`report_blocked: you work on #${number} yourself.`)
  const issue = yield* ask(forge.issue(subject.repository, number))
  if (issue.state === "closed") return yield* refuse(`report_blocked: #${number} is closed, so it does not block you.`)
  return Subject.key(
    issue.pullRequest ? Subject.pullRequest(subject.repository, number) : Subject.issue(subject.repository, number)
  )
})

const reportBlocked = agentTool({
  name: "report_blocked",
  description:
    "Reports that you cannot go on before other issues or pull requests of the repository are closed; you are woken then. End your turn afterwards.",
  parameters: Schema.Struct({
    on: several(oneLine("A number, such as 12", 200), "Their numbers"),
    reason: words("Why you need them first")
  }),
  run: Effect.fnUntraced(function* ({ on, reason }) {
    const { subject } = yield* agentNow
    const keys = [...new Set(yield* Effect.forEach(on, (given) => blocker(subject, given)))]
    yield* report(Outcome.cases.Blocked.make({ on: keys, reason }))
    return {
      text: `Noted. You are woken when ${keys.join(", ")} closed. ${end}`,
      line: `report_blocked on ${keys.join(", ")}`
    }
  })
})

const askPerson = agentTool({
  name: "ask_person",
  description: "Asks a person something that you cannot find out. End your turn afterwards; the answer wakes you.",
  parameters: Schema.Struct({ question: words("One question that can be answered") }),
  run: Effect.fnUntraced(function* ({ question }) {
    const { grant } = yield* Call
    askBeside(grant, question)
    return { text: `A person is asked when your turn has ended. ${end}`, line: "ask_person" }
  })
})

export const reports: ReadonlyArray<AgentTool> = [reportDone, reportNoWork, reportBlocked, askPerson]
