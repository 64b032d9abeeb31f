import { Context, Effect, Layer } from "effect"
import type { Agent } from "../domain/Agent.ts"
import type { ForgeError } from "../domain/Errors.ts"
import type { Message } from "../domain/Message.ts"
import { Outcome } from "../domain/Outcome.ts"
import { newsPrompt, type Quoted, wholePrompt } from "../domain/prompt.ts"
import { quoteFor } from "../domain/quote.ts"
import type { Role } from "../domain/Role.ts"
import { isShielded } from "../domain/steering.ts"
import { authorTrust } from "./authorTrust.ts"
import { Forge, type Written } from "./Forge.ts"
import type { Briefing } from "./Harness.ts"
import { Squads } from "./Squads.ts"

type Turn = {
  readonly agent: Agent
  readonly role: Role
  readonly messages: ReadonlyArray<Message>
  readonly notice: string
}

/** How long a forge that cannot be read now is left alone, in milliseconds, where it does not say. */
const pause = 30_000

/** Makes what an agent reads at the start of a turn, from its role, its messages and what stands on its subject. */
export class Prompts extends Context.Service<
  Prompts,
  {
    /** Fails with the outcome that the turn has where the prompt cannot be made. */
    briefing(turn: Turn): Effect.Effect<Briefing, Outcome>
  }
>()("squadron/services/Prompts") {
  static readonly layer: Layer.Layer<Prompts, never, Forge | Squads> = Layer.effect(
    Prompts,
    Effect.gen(function* () {
      const forge = yield* Forge
      const squads = yield* Squads

      const read = Effect.fnUntraced(function* ({ agent, messages, role }: Turn) {
        const { number, repository } = agent.subject
        const trust = authorTrust(forge, yield* squads.current, repository)
        const reader = { shielded: isShielded(role), vouchedAt: agent.vouchedAt }
        const quote = (what: string, words: Written): Effect.Effect<Quoted> =>
          Effect.map(trust(words), (level) => quoteFor({ what, trust: level, ...words }, reader))
        const base = role.workspace === null ? null : (role.workspace.base ?? (yield* forge.defaultBranch(repository)))
        const subject: Array<Quoted> = []
        let title = ""
        if (agent.subject.kind !== "repository") {
          const issue = yield* forge.issue(repository, number)
          const head = yield* quote(agent.subject.kind.replace("_", " "), {
            ...issue,
            body: `${issue.title}\n\n${issue.body}`
          })
          title = head.shown === null ? "" : issue.title
          subject.push(head)
          for (const comment of yield* forge.comments(repository, number)) {
            if (comment.agent !== agent.id) subject.push(yield* quote(`comment ${comment.id}`, comment))
          }
        }
        // reviews come as events; what they say line by line is read here
        const news = new Set(
          messages.flatMap(({ event }) => (event.detail._tag === "review.submitted" ? [event.detail.review.id] : []))
        )
        const reviews: Array<Quoted> = []
        if (news.size > 0 && agent.pullRequest !== null) {
          for (const comment of yield* forge.reviewComments(repository, agent.pullRequest)) {
            if (comment.review === null || !news.has(comment.review)) continue
            const place = `${comment.path}${comment.line === null ? "" : ` line ${comment.line}`}`
            reviews.push(yield* quote(`review comment ${comment.id}, ${place}`, comment))
          }
        }
        return { base, subject, title, reviews }
      })

      return Prompts.of({
        briefing: Effect.fn("Prompts.briefing")(
          function* (turn: Turn) {
            const input = { ...turn, ...(yield* read(turn)) }
            const whole = wholePrompt(input)
            if (whole.missing.length > 0) {
              return yield* Effect.fail(
                Outcome.cases.NotAuthorized.make({
                  reason: `the prompt of ${turn.role.name} names ${whole.missing.join(", ")}, which has no value; add it to the role's \`inputs\``
                })
              )
            }
            return { whole: whole.text, news: newsPrompt(input) }
          },
          Effect.catchTags({
            ForgeError: (error: ForgeError) =>
              Effect.fail(
                error.retryable
                  ? Outcome.cases.RateLimited.make({ retryAfter: error.retryAfter ?? pause })
                  : Outcome.cases.WorkspaceError.make({ message: error.message })
              ),
            IssueNotFound: (error) =>
              Effect.fail(
                Outcome.cases.WorkspaceError.make({ message: `its subject cannot be read: ${error.message}` })
              ),
            PullRequestNotFound: (error) =>
              Effect.fail(
                Outcome.cases.WorkspaceError.make({ message: `its pull request cannot be read: ${error.message}` })
              )
          })
        )
      })
    })
  )
}
