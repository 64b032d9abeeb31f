import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Project, repository } from "./Project.ts"
import { commit, done, openPull, promptsOf, push, type Step, write } from "./Puppet.ts"
import { gone, lastSaved } from "./Saved.ts"

const loose: Step = { sh: "echo loose > loose.txt" }

layer(Project.layer(), { excludeTestServices: true, timeout: "60 seconds" })("what people end", (it) => {
  it.effect(
    "an agent whose issue or pull request is closed or merged by a person while it rests ends, and its workspace goes",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const resting = Effect.fnUntraced(function* (name: string, last: Step, status: string) {
          const steps = [...write(`${name}.txt`, name), openPull(name), loose, commit("loose"), push, last]
          const number = yield* project.open("fix", { fixer: [{ do: steps }] })
          const id = yield* project.agentOn("fixer", number)
          yield* project.stands(id, status)
          return { id, number, pull: (yield* project.pullOf(id)).number }
        })
        const ask: Step = { tool: ["ask_person", { question: "Shall I?" }] }
        const [closed, asking, merged, refused] = yield* Effect.all(
          [
            resting("closed", done, "sleeping"),
            resting("asking", ask, "asking"),
            resting("merged", done, "sleeping"),
            resting("refused", done, "sleeping")
          ],
          { concurrency: "unbounded" }
        )
        for (const { number } of [closed, asking]) {
          yield* project.send(`/issues/${repository}/${number}/close`, { author: "alice" })
        }
        yield* project.send(`/pulls/${repository}/${merged.pull}/merge`, { author: "alice" })
        yield* project.send(`/pulls/${repository}/${refused.pull}/close`, { author: "alice" })
        for (const [{ id }, status] of [
          [closed, "done"],
          [asking, "cancelled"],
          [merged, "done"],
          [refused, "cancelled"]
        ] as const) {
          yield* project.stands(id, status)
          yield* gone(id)
          assert.strictEqual((yield* lastSaved(id, "loose.txt")).text, "loose")
        }
        assert.strictEqual((yield* project.issue(merged.number)).issue.state, "closed")
      }),
    60_000
  )

  for (const [what, path] of [
    ["merged", "merge"],
    ["closed", "close"]
  ] as const) {
    it.effect(
      `an agent at work whose pull request is ${what} by a person ends with its turn, and nobody is called`,
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const steps = [...write(`${what}-meanwhile.txt`, what), openPull(what), { wait: what }, done]
          // it has done what it can, and says so as often as it is asked
          const again = Array.from({ length: 5 }, () => ({ do: [done] }))
          const number = yield* project.open("fix", { fixer: [{ do: steps }, ...again] })
          const id = yield* project.agentOn("fixer", number)
          const pull = yield* project.pullOf(id)
          yield* project.send(`/pulls/${repository}/${pull.number}/${path}`, { author: "alice" })
          yield* project.signal(what)
          yield* project.stands(id, "done", "cancelled", "escalated", "asking", "sleeping")
          const prompts = promptsOf(project.notesOf(id))
          assert.notInclude(prompts.join("\n"), "Do what is missing")
          assert.include(["done", "cancelled"], (yield* project.agent(id)).status)
          assert.notInclude((yield* project.issue(number)).issue.labels, "needs-human")
          yield* gone(id)
        }),
      60_000
    )
  }

  it.effect(
    "an agent at work whose issue is closed by a person ends with its turn, and nobody is called",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const again = Array.from({ length: 5 }, () => ({ do: [done] }))
        const number = yield* project.open("fix", {
          fixer: [{ do: [...write("unwanted.txt", "unwanted"), { wait: "unwanted" }, done] }, ...again]
        })
        const id = yield* project.agentOn("fixer", number)
        yield* project.noted(id, "that it waits", ({ waits }) => waits === "unwanted")
        yield* project.send(`/issues/${repository}/${number}/close`, { author: "alice" })
        yield* project.signal("unwanted")
        const { note } = yield* project.stands(id, "done", "cancelled", "escalated")
        assert.include(["done", "cancelled"], (yield* project.agent(id)).status, note)
        assert.notInclude((yield* project.issue(number)).issue.labels, "needs-human")
        yield* gone(id)
        assert.strictEqual((yield* lastSaved(id, "unwanted.txt")).text, "unwanted")
      }),
    60_000
  )

  it.effect("the project's own folder is as it was", () =>
    Effect.gen(function* () {
      const { after, before } = yield* (yield* Project).looks
      assert.strictEqual(after, before)
    })
  )
})
