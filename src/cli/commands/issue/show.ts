import { Clock, Effect } from "effect"
import { Command } from "effect/cli"
import type { Comment, Issue } from "../../../services/Forge.ts"
import { ask } from "../../client.ts"
import { issueArgument, issueParams } from "../../reference.ts"
import { line, lines } from "../../../app/terminalText.ts"
import { age, print } from "../../render.ts"

const list = (name: string, values: ReadonlyArray<string>): ReadonlyArray<string> =>
  values.length === 0 ? [] : [`${name}: ${values.map(line).join(", ")}`]

const page = (issue: Issue, comments: ReadonlyArray<Comment>, now: number): string =>
  [
    line(`${issue.repository}#${issue.number}: ${issue.title}`),
    line(`${issue.state}, opened by ${issue.author} ${age(now, issue.createdAt)}`),
    ...list("labels", issue.labels),
    ...list("assignees", issue.assignees),
    ...(issue.body === "" ? [] : ["", lines(issue.body)]),
    ...comments.flatMap((comment) => [
      "",
      `--- ${line(comment.author)}, ${age(now, comment.createdAt)}`,
      lines(comment.body)
    ])
  ].join("\n")

export const show = Command.make(
  "show",
  { issue: issueArgument },
  Effect.fn("cli.issue.show")(function* (input) {
    const found = yield* ask((client) =>
      Effect.flatMap(issueParams(client, input.issue), (params) => client.issues.get({ params }))
    )
    yield* print(found, page(found.issue, found.comments, yield* Clock.currentTimeMillis))
  })
).pipe(
  Command.withDescription("Show an issue with its comments"),
  Command.withExamples([{ command: "squadron issue show 7", description: "Issue 7 of the squadron's repository" }])
)
