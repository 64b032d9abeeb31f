import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { git } from "./Folder.ts"
import { Project } from "./Project.ts"
import { outputOf, type Step } from "./Puppet.ts"

const nothing: Step = { tool: ["report_no_work", { reason: "It was only to look." }] }
const look: Step = { sh: "git rev-parse HEAD main && git rev-list --all --count" }

it.live(
  "work begins at what the forge has at that moment, though nothing else has asked for it since the last work",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const begin = Effect.gen(function* () {
        const number = yield* project.open("fix", { fixer: [{ do: [look, nothing] }] })
        const id = yield* project.agentOn("fixer", number)
        yield* project.stands(id, "sleeping")
        return outputOf(project.notesOf(id), look.sh)
      })
      const first = yield* project.at("refs/heads/main")
      assert.strictEqual(yield* begin, `${first}\n${first}\n1`)
      assert.isTrue(existsSync(project.mirror))
      const clone = yield* project.clone("alice")
      for (let count = 2; count < 4; count++) {
        yield* git(clone, "commit", "-q", "--allow-empty", "-m", "By hand")
        yield* git(clone, "push", "-q", "origin", "main")
        const moved = yield* git(clone, "rev-parse", "HEAD")
        assert.strictEqual(yield* begin, `${moved}\n${moved}\n${count}`)
      }
    }).pipe(Effect.provide(Project.layer())),
  60_000
)
