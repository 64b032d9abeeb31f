import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import { git } from "./Folder.ts"
import { Project, repository } from "./Project.ts"
import { company, done, openPull, outputOf, push, scripted, type Step, write } from "./Puppet.ts"
import { gone, lastSaved } from "./Saved.ts"

const where: Step = { sh: "pwd" }
const loose: Step = { sh: "echo loose > loose.txt" }

layer(Project.layer(), { excludeTestServices: true, timeout: "60 seconds" })("workspaces of agents", (it) => {
  it.effect(
    "an agent that is cancelled leaves its branch and all of its work, and no process and no workspace",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const number = yield* project.open("fix", {
          fixer: [{ do: [...write("kept.txt", "kept"), push, loose, company, { hang: true }] }]
        })
        const id = yield* project.agentOn("fixer", number)
        yield* project.noted(id, "that it hangs", ({ hangs }) => hangs === true)
        const pushed = yield* project.at(`refs/heads/squadron/${id}`)
        const before = project.processes().map(({ command }) => command)
        for (const part of ["puppet", "4171"]) assert.isTrue(before.some((command) => command.includes(part)))
        const { code, err } = yield* project.run("cancel", id, "--reason", "by hand")
        assert.strictEqual(code, 0, err)
        assert.deepStrictEqual(project.processes(), [])
        yield* project.stands(id, "cancelled")
        yield* gone(id)
        const saved = yield* lastSaved(id, "loose.txt")
        assert.deepStrictEqual(saved, { ref: `refs/squadron/saved/${id}/1`, text: "loose" })
        assert.notStrictEqual(pushed, "")
        assert.strictEqual(yield* project.at(`refs/heads/squadron/${id}`), pushed)
        yield* git(project.mirror, "merge-base", "--is-ancestor", pushed, saved.ref)
      }),
    60_000
  )

  it.effect(
    "an agent that waits for another issue has its work saved before, and finds it when that is closed",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const first = yield* project.open("quiet", {})
        const number = yield* project.open("fix", {
          fixer: [
            {
              when: "New\n\n",
              do: [loose, { tool: ["report_blocked", { on: [String(first)], reason: "It comes first." }] }]
            },
            { do: [{ sh: "cat loose.txt" }, { tool: ["report_no_work", { reason: "Seen." }] }] }
          ]
        })
        const id = yield* project.agentOn("fixer", number)
        yield* project.stands(id, "blocked")
        yield* project.wait(
          "nobody being at work",
          Effect.sync(() => (project.processes().length === 0 ? true : undefined))
        )
        assert.strictEqual((yield* lastSaved(id, "loose.txt")).text, "loose")
        yield* project.send(`/issues/${repository}/${first}/close`, { author: "alice" })
        yield* project.stands(id, "sleeping")
        assert.strictEqual(outputOf(project.notesOf(id), "cat loose.txt"), "loose")
      }),
    60_000
  )

  it.effect(
    "an agent whose workspace somebody removed while it slept has it again, as it was",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const see: Step = { sh: "git log -1 --format=%s && cat staged.txt loose.txt" }
        const nothing: Step = { tool: ["report_no_work", { reason: "Seen." }] }
        const number = yield* project.open("fix", {
          fixer: [
            {
              do: [
                ...write("kept.txt", "kept"),
                loose,
                { sh: "echo staged > staged.txt && git add staged.txt" },
                nothing
              ]
            }
          ]
        })
        const id = yield* project.agentOn("fixer", number)
        yield* project.stands(id, "sleeping")
        yield* lastSaved(id, "loose.txt")
        rmSync(project.workspace(id), { recursive: true })
        yield* project.say(number, `@squadron fixer: look\n\n${scripted({ fixer: [{ do: [see, nothing] }] })}`)
        yield* project.noted(id, "what it sees", ({ sh }) => sh === see.sh)
        assert.strictEqual(outputOf(project.notesOf(id), see.sh), "write kept.txt\nstaged\nloose")
        yield* project.stands(id, "sleeping")
      }),
    60_000
  )

  it.effect(
    "two roles on one issue have a workspace each, and what becomes of one is nothing to the other",
    () =>
      Effect.gen(function* () {
        const project = yield* Project
        const number = yield* project.open(
          "both",
          {
            fixer: [{ do: [where, ...write("fixer.txt", "fixer"), openPull("By the fixer"), { wait: "other" }, done] }],
            proven: [
              {
                do: [
                  where,
                  loose,
                  { sh: "touch ../home/other" },
                  { wait: "finished" },
                  { sh: "ls && cat loose.txt" },
                  ...write("passes", "yes"),
                  openPull("By the other"),
                  done
                ]
              }
            ]
          },
          { labels: ["fix", "proven"] }
        )
        const one = yield* project.agentOn("fixer", number)
        const other = yield* project.agentOn("proven", number)
        yield* project.noted(other, "that it waits", ({ waits }) => waits === "finished")
        yield* project.signal("other")
        yield* project.stands(one, "sleeping")
        const pull = yield* project.pullOf(one)
        yield* project.approve(pull.number)
        yield* project.merged(pull.number)
        yield* gone(one)
        assert.isTrue(existsSync(join(project.workspace(other), "clone", "loose.txt")))
        yield* project.signal("finished")
        yield* project.noted(other, "its end", ({ ends }) => ends === true)
        const [here, there] = [project.notesOf(one), project.notesOf(other)].map((notes) => outputOf(notes, "pwd"))
        assert.deepStrictEqual(
          [here, there],
          [one, other].map((id) => join(project.workspace(id), "clone"))
        )
        const seen = outputOf(project.notesOf(other), "ls && cat loose.txt").split("\n")
        assert.notInclude(seen, "fixer.txt")
        assert.strictEqual(seen.at(-1), "loose")
        const theirs = yield* git(project.bare, "ls-tree", "--name-only", (yield* project.pullOf(other)).head.sha)
        assert.includeMembers(theirs.split("\n"), ["passes", "loose.txt"])
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
