import { Clock, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { line, lines } from "../../../app/terminalText.ts"
import type { Check, Comment, PullRequest, Review, ReviewComment } from "../../../services/Forge.ts"
import { ask } from "../../client.ts"
import { issueArgument, issueParams } from "../../reference.ts"
import { age, print } from "../../render.ts"

type Found = {
  readonly pullRequest: PullRequest
  readonly comments: ReadonlyArray<Comment>
  readonly reviews: ReadonlyArray<Review>
  readonly reviewComments: ReadonlyArray<ReviewComment>
  readonly checks: ReadonlyArray<Check>
  readonly diff: string | null
}

const says = { approve: "approves", request_changes: "requests changes", comment: "comments" } as const

const reviewed = (review: Review, comments: ReadonlyArray<ReviewComment>, now: number): ReadonlyArray<string> => [
  "",
  `--- ${line(review.role ?? review.author)} ${says[review.verdict]} (${review.commit.slice(0, 9)}${review.dismissed ? ", dismissed" : ""}), ${age(now, review.createdAt)}`,
  ...(review.body === "" ? [] : [lines(review.body)]),
  ...comments
    .filter((comment) => comment.review === review.id)
    .map((comment) => lines(`${comment.path}${comment.line === null ? "" : `:${comment.line}`}: ${comment.body}`))
]

const page = (
  { checks, comments, diff, pullRequest: pull, reviewComments, reviews }: Found,
  now: number,
  withDiff: boolean
) =>
  [
    line(`${pull.repository}#${pull.number}: ${pull.title}`),
    line(
      `${pull.merged ? `merged as ${pull.mergeCommit?.slice(0, 9) ?? ""}` : pull.state}${pull.draft ? ", draft" : ""}, ${pull.head.ref} into ${pull.base.ref}, opened by ${pull.author} ${age(now, pull.createdAt)}`
    ),
    ...(pull.state === "open" && pull.mergeable === false ? [`It conflicts with ${line(pull.base.ref)}.`] : []),
    ...(pull.body === "" ? [] : ["", lines(pull.body)]),
    ...(checks.length === 0 ? [] : ["", ...checks.map((check) => line(`${check.conclusion}  ${check.name}`))]),
    ...reviews.flatMap((review) => reviewed(review, reviewComments, now)),
    ...comments.flatMap((comment) => [
      "",
      `--- ${line(comment.author)}, ${age(now, comment.createdAt)}`,
      lines(comment.body)
    ]),
    ...(withDiff ? ["", diff === null ? "What it changes cannot be read." : lines(diff)] : [])
  ].join("\n")

export const show = Command.make(
  "show",
  {
    pull: issueArgument,
    diff: Flag.Boolean("diff").pipe(Flag.withDescription("What it changes, too"), Flag.withDefault(false))
  },
  Effect.fn("cli.pull.show")(function* (input) {
    const found = yield* ask((client) =>
      Effect.flatMap(issueParams(client, input.pull), (params) => client.pulls.get({ params }))
    )
    yield* print(found, page(found, yield* Clock.currentTimeMillis, input.diff))
  })
).pipe(
  Command.withDescription("Show a pull request with its reviews and checks"),
  Command.withExamples([{ command: "squadron pull show 8 --diff", description: "With what it changes" }])
)
