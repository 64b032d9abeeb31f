import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { git } from "./Folder.ts"
import { Project } from "./Project.ts"
import { answersOf, commit, done, openPull, outputOf, push, type Step, write } from "./Puppet.ts"

const nothing: Step = { tool: ["report_no_work", { reason: "It was only to look." }] }
const head = { sh: "git rev-parse HEAD" }

/** Where the branch went, oldest first. */
const moves = Effect.fnUntraced(function* (branch: string) {
  const { get } = yield* Project
  const events =
    yield* get<ReadonlyArray<{ readonly detail: { readonly ref: string; readonly after: string } }>>(
      "/events?type=push&limit=1000"
    )
  return events.flatMap(({ detail }) => (detail.ref === `refs/heads/${branch}` ? [detail.after] : [])).toReversed()
})

layer(Project.layer(), { excludeTestServices: true, timeout: "60 seconds" })(
  "people and agents who push to one repository",
  (it) => {
    it.effect(
      "two changes of the same line both arrive, the second after its agent resolved the conflict",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const change = (name: string) => ({
            fixer: [
              {
                when: "conflicts with",
                do: [
                  { sh: "git merge -q $CONFLICT || git diff --name-only --diff-filter=U" },
                  { sh: "sed -i '/^[<=>]\\{7\\}/d' list.txt && git add list.txt && git commit -q --no-edit" },
                  push,
                  done
                ]
              },
              { do: [{ sh: `sed -i 's/^two$/two by ${name}/' list.txt` }, commit(name), openPull(name), done] }
            ]
          })
          const issues = yield* Effect.forEach(["ann", "ben"], (name) => project.open("fix", change(name)))
          const [ann = "", ben = ""] = yield* Effect.forEach(issues, (number) => project.agentOn("fixer", number))
          for (const id of [ann, ben]) yield* project.stands(id, "sleeping")
          const [first, second] = [yield* project.pullOf(ann), yield* project.pullOf(ben)]
          yield* project.approve(first.number)
          yield* project.merged(first.number)
          yield* project.noted(ben, "a conflict", ({ prompt }) => prompt?.includes("conflicts with main") === true)
          yield* project.stands(ben, "sleeping")
          yield* project.approve(second.number)
          const { mergeCommit } = yield* project.merged(second.number)
          const text = yield* git(project.bare, "show", `${mergeCommit}:list.txt`)
          assert.deepStrictEqual(text.split("\n").toSorted(), ["one", "three", "two by ann", "two by ben"])
          const titles = yield* git(project.bare, "log", "--format=%s", "main")
          for (const name of ["ann", "ben"]) assert.include(titles.split("\n"), name)
        }),
      90_000
    )

    it.effect(
      "what a person pushes over an agent's branch is never overwritten, and the work ends with both",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("fix", {
            fixer: [
              { when: "moved your branch", do: [{ sh: "git merge -q --no-edit $MOVED" }, push, done] },
              {
                do: [
                  ...write("mine.txt", "mine"),
                  openPull("Mine"),
                  { wait: "over" },
                  ...write("more.txt", "more"),
                  push,
                  head,
                  done
                ]
              }
            ]
          })
          const id = yield* project.agentOn("fixer", number)
          const { head: opened } = yield* project.pullOf(id)
          const clone = yield* project.clone("alice")
          yield* git(clone, "checkout", "-q", opened.ref)
          yield* git(clone, "rm", "-q", "--cached", "README.md")
          yield* git(clone, "commit", "-q", "--amend", "-m", "Mine, by alice")
          yield* git(clone, "push", "-q", "--force", "origin", opened.ref)
          const theirs = yield* git(clone, "rev-parse", "HEAD")
          yield* project.signal("over")
          yield* project.noted(
            id,
            "the person's push",
            ({ prompt }) => prompt?.includes(`alice moved your branch to ${theirs}`) === true
          )
          yield* project.stands(id, "sleeping")
          const notes = project.notesOf(id)
          const [refused = "", pushed = ""] = answersOf(notes, "push_work")
          assert.match(refused, new RegExp(`refused: push_work: .*${theirs}.*somebody else`))
          assert.include(pushed, `squadron/${id} is at `)
          const end = yield* project.at(`refs/heads/${opened.ref}`)
          assert.deepStrictEqual(yield* moves(opened.ref), [opened.sha, theirs, end])
          yield* git(project.bare, "merge-base", "--is-ancestor", theirs, end)
          yield* git(project.bare, "merge-base", "--is-ancestor", outputOf(notes, head.sh), end)
          const files = (yield* git(project.bare, "ls-tree", "--name-only", end)).split("\n")
          assert.includeMembers(files, ["mine.txt", "more.txt"])
          assert.notInclude(files, "README.md")
        }),
      60_000
    )

    it.effect(
      "new work starts from where a person has moved the base, and what was under way is merged into it",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const start = yield* project.at("refs/heads/main")
          const old = yield* project.open("fix", {
            fixer: [{ do: [head, { wait: "moved" }, ...write("old.txt", "old"), openPull("Old"), done] }]
          })
          const first = yield* project.agentOn("fixer", old)
          yield* project.noted(first, "where it is", ({ waits }) => waits === "moved")
          const clone = yield* project.clone("alice")
          yield* git(clone, "commit", "-q", "--allow-empty", "-m", "By hand")
          yield* git(clone, "push", "-q", "origin", "main")
          const moved = yield* project.at("refs/heads/main")
          const look: Step = { sh: "git rev-parse HEAD main" }
          const fresh = yield* project.open("fix", { fixer: [{ do: [look, nothing] }] })
          const second = yield* project.agentOn("fixer", fresh)
          yield* project.noted(second, "where it starts", ({ sh }) => sh === look.sh)
          assert.strictEqual(outputOf(project.notesOf(second), look.sh), `${moved}\n${moved}`)
          assert.strictEqual(outputOf(project.notesOf(first), head.sh), start)
          yield* project.signal("moved")
          yield* project.stands(first, "sleeping")
          const pull = yield* project.pullOf(first)
          yield* project.approve(pull.number)
          yield* project.merged(pull.number)
          yield* git(project.bare, "merge-base", "--is-ancestor", moved, "main")
          yield* git(project.bare, "cat-file", "-e", "main:old.txt")
        }),
      60_000
    )

    it.effect(
      "an agent at work whose branch a person deletes is told, and brings it back without touching the base",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("fix", {
            fixer: [
              { when: "deleted your branch", do: [push, openPull("Again"), done] },
              { do: [...write("mine.txt", "mine"), push, head, { wait: "gone" }, ...write("after.txt", "after"), done] }
            ]
          })
          const id = yield* project.agentOn("fixer", number)
          yield* project.noted(id, "that it waits", ({ waits }) => waits === "gone")
          const pushed = outputOf(project.notesOf(id), head.sh)
          const branch = `refs/heads/squadron/${id}`
          assert.strictEqual(yield* project.at(branch), pushed)
          const base = yield* project.at("refs/heads/main")
          const clone = yield* project.clone("alice")
          yield* git(clone, "push", "-q", "origin", `:${branch}`)
          yield* project.signal("gone")
          yield* project.noted(
            id,
            "that it was deleted",
            ({ prompt }) => prompt?.includes("alice deleted your branch") === true
          )
          yield* project.stands(id, "sleeping", "asking", "escalated")
          const end = yield* project.at(branch)
          assert.notStrictEqual(end, "", answersOf(project.notesOf(id), "push_work").at(-1))
          yield* git(project.bare, "merge-base", "--is-ancestor", pushed, end)
          assert.strictEqual((yield* project.pullOf(id)).head.sha, end)
          assert.strictEqual(yield* project.at("refs/heads/main"), base)
        }),
      60_000
    )

    it.effect(
      "an agent asleep whose branch a person deletes ends with its pull request, and its work is kept",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("fix", {
            fixer: [{ do: [...write("mine.txt", "mine"), openPull("Mine"), done] }]
          })
          const id = yield* project.agentOn("fixer", number)
          yield* project.stands(id, "sleeping")
          const { head: opened, number: pull } = yield* project.pullOf(id)
          const base = yield* project.at("refs/heads/main")
          const clone = yield* project.clone("alice")
          yield* git(clone, "push", "-q", "origin", `:${opened.ref}`)
          yield* project.stands(id, "cancelled")
          assert.strictEqual((yield* project.pull(pull)).state, "closed")
          yield* git(project.mirror, "merge-base", "--is-ancestor", opened.sha, `refs/squadron/head/${id}`)
          assert.strictEqual(yield* project.at("refs/heads/main"), base)
        }),
      60_000
    )

    it.effect("the project's own folder is as it was", () =>
      Effect.gen(function* () {
        const { after, before } = yield* (yield* Project).looks
        assert.strictEqual(after, before)
      })
    )
  }
)
