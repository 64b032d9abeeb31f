/** What is left of an agent: its saved work, and no workspace. */
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { git } from "./Folder.ts"
import { Project } from "./Project.ts"

/** The file as it was saved last of an agent, and where; its end is written before its work is saved. */
export const lastSaved = Effect.fnUntraced(function* (id: string, file: string) {
  const { mirror, wait } = yield* Project
  const sorted = ["--sort=-version:refname", "--count=1", "--format=%(refname)"]
  const ref = yield* wait(
    `the work of ${id} being saved`,
    Effect.map(git(mirror, "for-each-ref", ...sorted, `refs/squadron/saved/${id}`), (name) => name || undefined)
  )
  return { ref, text: yield* git(mirror, "show", `${ref}:${file}`) }
})

/** Completes when the agent's workspace is removed. */
export const gone = Effect.fnUntraced(function* (id: string) {
  const project = yield* Project
  yield* project.wait(
    `the workspace of ${id} being gone`,
    Effect.sync(() => (existsSync(project.workspace(id)) ? undefined : true))
  )
})
