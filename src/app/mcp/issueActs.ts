import { Array, Effect, Schema } from "effect"
import type { Action } from "../../domain/Action.ts"
import * as Subject from "../../domain/Subject.ts"
import { referenceIn } from "../../domain/toolCall.ts"
import { Forge } from "../../services/Forge.ts"
import { act, told } from "./act.ts"
import { type AgentTool, agentTool } from "./AgentTool.ts"
import { ask, Call, refuse } from "./Call.ts"
import { anyText, oneLine, reference, several, someText } from "./parameters.ts"

const Where = Schema.optionalKey(
  reference("The number of another issue or pull request of the same repository; your own subject unless told")
)

const label = oneLine("A label", 100)
const labels = several(label, "Labels")

const atLeastOne = (names: ReadonlyArray<string>) =>
  Array.isReadonlyArrayNonEmpty(names) ? Effect.succeed(names) : refuse("Give one at least.")

/** What is acted on: the agent's own subject, or what it names in its own repository, where that is there. */
const target = Effect.fnUntraced(function* (given: number | string | undefined) {
  const { grant, tool } = yield* Call
  const forge = yield* Forge
  const { subject } = grant.agent
  if (given === undefined) {
    if (subject.kind !== "repository") return subject
    return yield* refuse(
      `${tool}: you work on ${subject.repository} as a whole; say with \`issue\` which issue you mean.`
    )
  }
  const found = referenceIn(subject.repository, given)
  if ("why" in found) return yield* refuse(`${tool}: ${found.why}.`)
  const { number } = found
  if (number === subject.number) return subject
  const issue = yield* ask(forge.issue(subject.repository, number))
  return issue.pullRequest ? Subject.pullRequest(subject.repository, number) : Subject.issue(subject.repository, number)
})

/** Acts on an issue and says what came of it. */
const actOn = Effect.fnUntraced(function* (subject: Subject.Subject, action: Action, words: string, done: string) {
  const line = `${action._tag} on ${Subject.key(subject)}${words === "" ? "" : `: ${words}`}`
  return yield* told(yield* act({ subject, action, line }), line, Effect.succeed(done))
})

const key = Subject.key

const comment = agentTool({
  name: "comment",
  description: "Writes a comment on your subject, or on another issue or pull request of the repository.",
  parameters: Schema.Struct({ body: someText("Markdown"), issue: Where }),
  run: Effect.fnUntraced(function* ({ body, issue }) {
    const subject = yield* target(issue)
    return yield* actOn(
      subject,
      { _tag: "comment", body },
      `${body.length} characters`,
      `The comment on ${key(subject)} is written.`
    )
  })
})

const addLabels = agentTool({
  name: "add_labels",
  description: "Adds labels.",
  parameters: Schema.Struct({ labels, issue: Where }),
  run: Effect.fnUntraced(function* ({ issue, labels: given }) {
    const subject = yield* target(issue)
    const labels = yield* atLeastOne(given)
    const words = labels.join(", ")
    return yield* actOn(subject, { _tag: "add_labels", labels }, words, `${key(subject)} has ${words} now.`)
  })
})

const removeLabels = agentTool({
  name: "remove_labels",
  description: "Removes labels.",
  parameters: Schema.Struct({ labels, issue: Where }),
  run: Effect.fnUntraced(function* ({ issue, labels: given }) {
    const subject = yield* target(issue)
    const labels = yield* atLeastOne(given)
    const words = labels.join(", ")
    return yield* actOn(subject, { _tag: "remove_labels", labels }, words, `${key(subject)} no longer has ${words}.`)
  })
})

const assign = agentTool({
  name: "assign",
  description: "Assigns people.",
  parameters: Schema.Struct({ assignees: several(oneLine("A login", 100), "Logins"), issue: Where }),
  run: Effect.fnUntraced(function* ({ assignees: given, issue }) {
    const subject = yield* target(issue)
    const assignees = yield* atLeastOne(given)
    const words = assignees.join(", ")
    return yield* actOn(subject, { _tag: "assign", assignees }, words, `${key(subject)} is assigned to ${words}.`)
  })
})

const openIssue = agentTool({
  name: "open_issue",
  description: "Opens a new issue in the repository.",
  parameters: Schema.Struct({
    title: oneLine("Its title", 256),
    body: anyText("Markdown"),
    labels: Schema.optionalKey(Schema.Array(label).check(Schema.isMaxLength(20)).annotate({ description: "Labels" }))
  }),
  run: Effect.fnUntraced(function* ({ body, labels = [], title }) {
    const { grant } = yield* Call
    const forge = yield* Forge
    const { id, subject } = grant.agent
    const { repository } = subject
    const line = `open_issue in ${repository}: ${JSON.stringify(title.slice(0, 100))}`
    const acted = yield* act({ subject, action: { _tag: "open_issue", title, body, labels }, line })
    const opened = Effect.map(ask(forge.issues({ repository, limit: 20 })), (issues) => {
      const issue = issues.find((one) => one.title === title && one.agent === id)
      return issue === undefined ? "The issue is open." : `Issue #${issue.number} is open.`
    })
    return yield* told(acted, line, opened)
  })
})

/** Pull requests are closed by people, and by merging. */
const onlyIssues = Effect.fnUntraced(function* (subject: Subject.Subject) {
  const { tool } = yield* Call
  if (subject.kind === "pull_request") return yield* refuse(`${tool} is for issues; ${key(subject)} is a pull request.`)
})

const closeIssue = agentTool({
  name: "close_issue",
  description: "Closes an issue.",
  parameters: Schema.Struct({
    reason: Schema.Literals(["completed", "not_planned"]).annotate({
      description: "completed: it is done. not_planned: it will not be."
    }),
    issue: Where
  }),
  run: Effect.fnUntraced(function* ({ issue, reason }) {
    const subject = yield* target(issue)
    yield* onlyIssues(subject)
    return yield* actOn(subject, { _tag: "close_issue", reason }, reason, `${key(subject)} is closed.`)
  })
})

const reopenIssue = agentTool({
  name: "reopen_issue",
  description: "Opens a closed issue again.",
  parameters: Schema.Struct({ issue: Where }),
  run: Effect.fnUntraced(function* ({ issue }) {
    const subject = yield* target(issue)
    yield* onlyIssues(subject)
    return yield* actOn(subject, { _tag: "reopen_issue" }, "", `${key(subject)} is open.`)
  })
})

export const issueActs: ReadonlyArray<AgentTool> = [
  comment,
  addLabels,
  removeLabels,
  assign,
  openIssue,
  closeIssue,
  reopenIssue
]
