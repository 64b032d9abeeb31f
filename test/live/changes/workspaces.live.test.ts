import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { git, Project, repository } from "./Project.ts"
import { commit, company, done, openPull, outputOf, promptsOf, push, scripted, type Step, write } from "./Puppet.ts"

const where: Step = { sh: "pwd" }
const head: Step = { sh: "git rev-parse HEAD" }
const loose: Step = { sh: "echo loose > loose.txt" }

/** The file as it was saved last of an agent, and where; its end is written before its work is saved. */
const lastSaved = Effect.fnUntraced(function* (id: string, file: string) {
  const { mirror, wait } = yield* Project
  const sorted = ["--sort=-version:refname", "--count=1", "--format=%(refname)"]
  const ref = yield* wait(
    `the work of ${id} being saved`,
    Effect.map(git(mirror, "for-each-ref", ...sorted, `refs/squadron/saved/${id}`), (name) => name || undefined)
  )
  return { ref, text: yield* git(mirror, "show", `${ref}:${file}`) }
})

const gone = Effect.fnUntraced(function* (id: string) {
  const project = yield* Project
  yield* project.wait(
    `the workspace of ${id} being gone`,
    Effect.sync(() => (existsSync(project.workspace(id)) ? undefined : true))
  )
})

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
        assert.deepStrictEqual(
          readdirSync(join(project.state, "workspaces")).filter((name) =>
            [closed, asking, merged, refused].some(({ id }) => name.includes(id))
          ),
          []
        )
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

  it.effect("the project's own folder is as it was", () =>
    Effect.gen(function* () {
      const { after, before } = yield* (yield* Project).looks
      assert.strictEqual(after, before)
    })
  )
})
