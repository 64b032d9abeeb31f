import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { git } from "./Folder.ts"
import { Project, repository } from "./Project.ts"
import { done, openPull, outputOf, scripted, type Step, write } from "./Puppet.ts"

const head: Step = { sh: "git rev-parse HEAD" }

layer(Project.layer(), { excludeTestServices: true, timeout: "60 seconds" })("reviewers", (it) => {
  it.effect(
    "a reviewer works at the pull request's newest commit, also after a push",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const approve: Step = { tool: ["review", { verdict: "approve" }] }
        const review = scripted({ reviewer: [{ do: [head, approve, done] }] })
        const number = yield* project.open("careful", {
          careful: [{ do: [...write("careful.txt", "careful"), openPull("Careful", review), done] }]
        })
        const id = yield* project.agentOn("careful", number)
        const pull = yield* project.pullOf(id)
        const first = yield* project.agentOn("reviewer", pull.number)
        yield* project.stands(first, "done")
        assert.strictEqual(outputOf(project.notesOf(first), "git rev-parse HEAD"), pull.head.sha)
        const clone = yield* project.clone("alice")
        yield* git(clone, "checkout", "-q", pull.head.ref)
        yield* git(clone, "commit", "-q", "--allow-empty", "-m", "By alice")
        yield* git(clone, "push", "-q", "origin", pull.head.ref)
        const next = yield* git(clone, "rev-parse", "HEAD")
        const second = yield* project.wait(
          "a second reviewer",
          Effect.map(project.agentOn("reviewer", pull.number), (agent) => (agent === first ? undefined : agent))
        )
        yield* project.stands(second, "done")
        assert.strictEqual(outputOf(project.notesOf(second), "git rev-parse HEAD"), next)
      }),
    60_000
  )

  it.effect(
    "an approval is of the commit that the reviewer had, not of one that was pushed meanwhile",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const approve: Step = { tool: ["review", { verdict: "approve", body: "Fine." }] }
        const review = scripted({
          reviewer: [
            { when: "You reported completion|synchronized", do: [{ sh: "git checkout -q $HEAD" }, approve, done] },
            { do: [head, { wait: "unseen" }, approve, { wait: "looked" }, done] }
          ]
        })
        const number = yield* project.open("careful", {
          careful: [{ do: [...write("seen.txt", "seen"), openPull("Seen", review), done] }]
        })
        const id = yield* project.agentOn("careful", number)
        const pull = yield* project.pullOf(id)
        const reviewer = yield* project.agentOn("reviewer", pull.number)
        yield* project.noted(reviewer, "that it waits", ({ waits }) => waits === "unseen")
        const clone = yield* project.clone("alice")
        yield* git(clone, "checkout", "-q", pull.head.ref)
        yield* git(clone, "commit", "-q", "--allow-empty", "-m", "Unseen")
        yield* git(clone, "push", "-q", "origin", pull.head.ref)
        yield* project.signal("unseen")
        yield* project.noted(reviewer, "its review", ({ tool }) => tool === "review")
        const { reviews } = yield* project.get<{ readonly reviews: ReadonlyArray<{ readonly commit: string }> }>(
          `/pulls/${repository}/${pull.number}`
        )
        assert.deepStrictEqual(
          reviews.map(({ commit }) => commit).filter((commit) => commit !== pull.head.sha),
          []
        )
        yield* project.signal("looked")
        yield* project.stands(reviewer, "done")
      }),
    60_000
  )

  it.effect(
    "a reviewer at work whose pull request is merged ends with its turn, and nobody is called",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const approve: Step = { tool: ["review", { verdict: "approve" }] }
        const again = Array.from({ length: 5 }, () => ({ do: [approve, done] }))
        const review = scripted({ reviewer: [{ do: [{ wait: "too-late" }, approve, done] }, ...again] })
        const number = yield* project.open("careful", {
          careful: [{ do: [...write("late.txt", "late"), openPull("Late", review), done] }]
        })
        const pull = yield* project.pullOf(yield* project.agentOn("careful", number))
        const reviewer = yield* project.agentOn("reviewer", pull.number)
        yield* project.noted(reviewer, "that it waits", ({ waits }) => waits === "too-late")
        yield* project.send(`/pulls/${repository}/${pull.number}/merge`, { author: "alice" })
        yield* project.signal("too-late")
        const { note } = yield* project.stands(reviewer, "done", "cancelled", "escalated")
        assert.include(["done", "cancelled"], (yield* project.agent(reviewer)).status, note)
        assert.notInclude((yield* project.issue(pull.number)).issue.labels, "needs-human")
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
