// A process of its own, for a test to kill: pushes, opens and merges one pull request after the other.
// node killed.ts <folder> <commit>…
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { join } from "node:path"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import * as Database from "../../../../src/adapters/sql/Database.ts"
import { SqlWriter } from "../../../../src/adapters/sql/SqlWriter.ts"
import type { Action, ActionDraft } from "../../../../src/domain/Action.ts"
import * as Subject from "../../../../src/domain/Subject.ts"

const [folder = "", ...commits] = process.argv.slice(2)
const repository = "acme/app"

const act = (key: string, number: number, action: Action): ActionDraft => ({
  key,
  subject: number === 0 ? Subject.repository(repository) : Subject.pullRequest(repository, number),
  agent: "coder-1-e1",
  depth: 1,
  action
})

const program = Effect.gen(function* () {
  const forge = yield* LocalForge
  for (const [index, commit] of commits.entries()) {
    const branch = `squadron/${index}`
    const pull = { title: branch, body: "", head: branch, base: "main", draft: false }
    yield* forge.perform(act(`push ${index}`, 0, { _tag: "push", branch, commit, expected: null }))
    yield* Console.log(`pushed ${index}`)
    const { pullRequest = 0 } = yield* forge.perform(act(`open ${index}`, 0, { _tag: "open_pull_request", ...pull }))
    yield* Console.log(`opened ${index}`)
    const method = (["squash", "merge", "rebase"] as const)[index % 3] ?? "squash"
    const merge = { _tag: "merge", method, commit, title: branch, body: "" } as const
    yield* forge.perform(act(`merge ${index}`, pullRequest, merge))
    yield* Console.log(`merged ${index}`)
  }
})

/** Where this program is. */
export const script = import.meta.filename

const whole = program.pipe(
  Effect.provide(
    LocalForge.layer({
      repositories: join(folder, "forge"),
      objects: (name) => join(folder, "mirrors", `${name}.git`)
    }).pipe(
      Layer.provideMerge(SqlWriter.layer),
      Layer.provideMerge(Database.layer({ filename: join(folder, "forge.db") }))
    )
  )
)

if (process.argv[1] === script) NodeRuntime.runMain(whole)
