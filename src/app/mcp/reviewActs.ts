import { Effect, Schema } from "effect"
import { branchOf } from "../../domain/branches.ts"
import * as Subject from "../../domain/Subject.ts"
import { Forge } from "../../services/Forge.ts"
import { act, told } from "./act.ts"
import { type AgentTool, agentTool } from "./AgentTool.ts"
import { inspected } from "./checkedWork.ts"
import { agentNow, ask, Call, refuse } from "./Call.ts"
import { anyText, oneLine, someText } from "./parameters.ts"

const review = agentTool({
  name: "review",
  description: "Reviews the pull request that you work on, at its newest commit.",
  parameters: Schema.Struct({
    verdict: Schema.Literals(["approve", "request_changes", "comment"]),
    body: Schema.optionalKey(anyText("Markdown; not needed where you approve or comment on lines")),
    comments: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({
          path: oneLine("The file", 1000),
          line: Schema.Int.check(Schema.isGreaterThan(0)).annotate({
            description: "The line's number in the file as it is after the change"
          }),
          body: someText("Markdown")
        })
      )
        .check(Schema.isMaxLength(100))
        .annotate({ description: "What you say to single lines" })
    )
  }),
  run: Effect.fnUntraced(function* ({ body = "", comments = [], verdict }) {
    const { grant } = yield* Call
    const forge = yield* Forge
    const { role } = grant
    const { subject } = grant.agent
    if (verdict !== "approve" && body.trim() === "" && comments.length === 0) {
      return yield* refuse(`review: ${verdict} without a word helps nobody; say in body or comments what you mean.`)
    }
    const pull = yield* ask(forge.pullRequest(subject.repository, subject.number))
    if (pull.state === "closed") return yield* refuse(`review: #${pull.number} is closed.`)
    const commit = pull.head.sha
    if (grant.workspace !== null) {
      const work = yield* inspected(grant.workspace)
      if (work.head !== commit && !work.commits.some(({ id }) => id === commit)) {
        return yield* refuse(
          `review: #${pull.number} is at ${commit} now, and your clone at ${work.head}. Your clone has that commit: check it out, look at what changed, and review again.`
        )
      }
    }
    const line = `review of ${Subject.key(subject)} at ${commit.slice(0, 9)}: ${verdict}, ${comments.length} comments`
    const acted = yield* act({
      subject,
      action: { _tag: "review", role: role.name, verdict, commit, body, comments },
      line
    })
    return yield* told(acted, line, Effect.succeed(`Your review of ${commit} is there (${verdict.replace("_", " ")}).`))
  })
})

/** The pull requests whose threads the agent may answer in: its subject, and its own. */
const ownPulls = Effect.gen(function* () {
  const forge = yield* Forge
  const agent = yield* agentNow
  const { subject } = agent
  const { number, repository } = subject
  const own = yield* ask(forge.pullRequests({ repository, head: branchOf(agent), state: "open", limit: 1 }))
  return [...new Set([...(subject.kind === "pull_request" ? [number] : []), ...own.map((pull) => pull.number)])]
})

const replyReview = agentTool({
  name: "reply_review",
  description: "Answers a review comment in its thread, on your own pull request or on the one that you work on.",
  parameters: Schema.Struct({
    comment: Schema.Int.annotate({
      description: "The number of the review comment, as read_subject or read_issue shows it."
    }),
    body: someText("Markdown")
  }),
  run: Effect.fnUntraced(function* ({ body, comment }) {
    const { grant } = yield* Call
    const forge = yield* Forge
    const { repository } = grant.agent.subject
    const pulls = yield* ownPulls
    if (pulls.length === 0) return yield* refuse("reply_review: you have no open pull request.")
    for (const number of pulls) {
      const comments = yield* ask(forge.reviewComments(repository, number))
      if (!comments.some(({ id }) => id === comment)) continue
      const subject = Subject.pullRequest(repository, number)
      const line = `reply_review on ${Subject.key(subject)} to ${comment}: ${body.length} characters`
      const acted = yield* act({ subject, action: { _tag: "reply_review", comment, body }, line })
      return yield* told(acted, line, Effect.succeed(`Your answer to ${comment} is there.`))
    }
    const where = pulls.map((number) => `#${number}`).join(" and ")
    return yield* refuse(`reply_review: there is no review comment ${comment} on ${where}; read it again.`)
  })
})

export const reviewActs: ReadonlyArray<AgentTool> = [review, replyReview]
