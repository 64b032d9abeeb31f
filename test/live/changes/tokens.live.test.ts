import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Project } from "./Project.ts"
import { done, openPull, push, write } from "./Puppet.ts"

/** The files below a folder that have this text in them, as bytes. */
const filesWith = (folder: string, text: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(text))

it.live(
  "the token of a run is in no file that Squadron keeps, neither while the run lasts nor after it",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const number = yield* project.open("fix", {
        fixer: [{ do: [...write("kept.txt", "kept"), push, openPull("Kept"), { wait: "go" }, done] }]
      })
      const id = yield* project.agentOn("fixer", number)
      yield* project.noted(id, "that it waits", ({ waits }) => waits === "go")
      const tokens = project
        .notesOf(id)
        .flatMap(({ headers = [] }) => headers)
        .map(({ value }) => value.replace(/^Bearer /, ""))
      assert.isNotEmpty(tokens)
      const state = join(project.folder, ".squadron-state")
      assert.isNotEmpty(filesWith(state, id))
      for (const token of tokens) assert.deepStrictEqual(filesWith(state, token), [])
      writeFileSync(join(project.notes, "go"), "")
      yield* project.stands(id, "sleeping")
      for (const token of tokens) assert.deepStrictEqual(filesWith(state, token), [])
    }).pipe(Effect.provide(Project.layer({}))),
  60_000
)
