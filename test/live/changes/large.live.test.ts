import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { git } from "./Folder.ts"
import { Project } from "./Project.ts"
import { commit, done, openPull, outputOf, type Step } from "./Puppet.ts"

const many = 50_000
const name = (n: number) => `src/m${Math.floor(n / 500)}/f${n}.txt`

const status: Step = { sh: "git status --porcelain && git ls-files | wc -l" }

it.live(
  "two agents change a repository of 50 thousand files at once: each has all of them, both changes arrive, and nothing else changes",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const begin = yield* project.at("refs/heads/main")
      const count = Number((yield* git(project.bare, "ls-tree", "-r", "--name-only", begin)).split("\n").length)
      assert.isAbove(count, many)
      const change = (n: number) => ({
        fixer: [
          {
            do: [
              status,
              { sh: `echo changed > ${name(n)} && rm ${name(n + 1)} && echo new > src/m${n}.txt` },
              commit(`change ${n}`),
              openPull(`change ${n}`),
              done
            ]
          }
        ]
      })
      const issues = yield* Effect.forEach([10, 40_000], (n) => project.open("fix", change(n)))
      const agents = yield* Effect.forEach(issues, (number) => project.agentOn("fixer", number))
      for (const id of agents) {
        yield* project.stands(id, "escalated", "sleeping", "asking", "waiting")
        assert.strictEqual(outputOf(project.notesOf(id), status.sh), String(count))
        const pull = yield* project.pullOf(id)
        yield* project.approve(pull.number)
        yield* project.merged(pull.number)
      }
      const changed = yield* git(project.bare, "diff", "--name-status", "--no-renames", begin, "main")
      assert.deepStrictEqual(
        changed.split("\n").toSorted(),
        [10, 40_000].flatMap((n) => [`M\t${name(n)}`, `D\t${name(n + 1)}`, `A\tsrc/m${n}.txt`]).toSorted()
      )
    }).pipe(
      Effect.provide(
        Project.layer({
          files: Object.fromEntries(Array.from({ length: many }, (_, n) => [name(n), `content of ${n}\n`]))
        })
      )
    ),
  240_000
)
