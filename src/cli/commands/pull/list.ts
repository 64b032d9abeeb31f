import { Clock, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { PullRequest } from "../../../services/Forge.ts"
import { ask } from "../../client.ts"
import { limit, repository } from "../../flags.ts"
import { age, print, table } from "../../render.ts"

const standing = ({ draft, mergeable, merged, state }: PullRequest): string =>
  merged ? "merged" : state === "closed" ? "closed" : draft ? "draft" : mergeable === false ? "conflicts" : "open"

const rows = (pulls: ReadonlyArray<PullRequest>, now: number): string =>
  table(
    ["PULL REQUEST", "STATE", "TITLE", "HEAD", "BASE", "UPDATED"],
    pulls.map((pull) => [
      `${pull.repository}#${pull.number}`,
      standing(pull),
      pull.title,
      pull.head.ref,
      pull.base.ref,
      age(now, pull.updatedAt)
    ])
  )

export const list = Command.make(
  "list",
  {
    state: Flag.Literals("state", ["open", "closed", "all"]).pipe(
      Flag.withDescription("Which ones"),
      Flag.withDefault("open")
    ),
    repository,
    limit
  },
  Effect.fn("cli.pull.list")(function* (flags) {
    const query = {
      limit: flags.limit,
      ...(flags.state === "all" ? {} : { state: flags.state }),
      ...(Option.isSome(flags.repository) ? { repository: flags.repository.value } : {})
    }
    const found = yield* ask((client) => client.pulls.list({ query }))
    const none =
      flags.state === "open"
        ? "No open pull requests. Agents open them; `squadron agents` shows who is at work."
        : `No ${flags.state === "all" ? "" : "closed "}pull requests.`
    yield* print(found, found.length === 0 ? none : rows(found, yield* Clock.currentTimeMillis))
  })
).pipe(
  Command.withDescription("List pull requests"),
  Command.withExamples([{ command: "squadron pull list --state all", description: "Open, merged and closed ones" }])
)
