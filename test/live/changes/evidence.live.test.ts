import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { git } from "./Folder.ts"
import { Project } from "./Project.ts"
import { answersOf, commit, done, openPull, promptsOf, push, type Step, write } from "./Puppet.ts"

/** Writes a token into a file, on its second line; the whole of it stands nowhere else. */
const leak: Step = { sh: `printf 'a\\nkey = ghp_%s\\n' "$(seq 10 30 | tr -d '\\n')" > settings.txt` }
const secret = ["ghp", Array.from({ length: 21 }, (_, index) => index + 10).join("")].join("_")

layer(Project.layer(), { excludeTestServices: true, timeout: "60 seconds" })(
  "what agents claim, and what is there",
  (it) => {
    it.effect(
      "a token in a change is not pushed, and the journal says where it is and not what it is",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("fix", {
            fixer: [
              {
                do: [
                  ...write("fine.txt", "fine"),
                  push,
                  leak,
                  commit("Settings"),
                  push,
                  openPull("Settings"),
                  // taken away again in a later commit, it would still be public
                  { sh: "git rm -q settings.txt" },
                  commit("Without"),
                  push,
                  { tool: ["report_no_work", { reason: "It is refused." }] }
                ]
              }
            ]
          })
          const id = yield* project.agentOn("fixer", number)
          yield* project.stands(id, "sleeping")
          const notes = project.notesOf(id)
          const [first = "", ...refused] = [...answersOf(notes, "push_work"), ...answersOf(notes, "open_pull_request")]
          const at = / is at (\w{40}) /.exec(first)?.[1]
          assert.strictEqual(yield* project.at(`refs/heads/squadron/${id}`), at)
          assert.strictEqual(refused.length, 3)
          const lines = (yield* project.journal(`&agent=${id}`)).filter(({ kind }) => kind === "tool.refused")
          assert.strictEqual(lines.length, 3)
          for (const text of [...refused, ...lines.map((line) => line.text)]) {
            assert.match(text, /GitHub token in "settings.txt" line 2/)
          }
          const everything = [
            yield* project.journal(),
            yield* project.get("/actions?limit=1000"),
            yield* project.get(`/agents/${id}/explanation`),
            yield* project.issue(number),
            project.daemon().out(),
            project.daemon().err(),
            refused
          ]
          assert.notInclude(JSON.stringify(everything), secret)
        }),
      60_000
    )

    it.effect(
      "work that is reported as done without evidence gets another turn that says what is missing, and then a person",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("proven", {
            proven: [
              { when: "has no commits", do: [...write("work.txt", "work"), { sh: "echo more >> work.txt" }, done] },
              { when: "not committed", do: [commit("more"), { sh: "touch passes" }, commit("passes"), done] },
              { when: "no pull request", do: [openPull("Work"), ...write("later.txt", "later"), done] },
              { when: "push", do: [push, done] },
              { do: [done] }
            ]
          })
          const id = yield* project.agentOn("proven", number)
          yield* project.stands(id, "escalated", "sleeping")
          const [, bare = "", dirty = "", unopened = "", ...more] = promptsOf(project.notesOf(id))
          assert.include(bare, "You reported completion, but your branch has no commits")
          assert.include(dirty, "there are changes that are not committed")
          assert.include(dirty, "`test -f passes` failed")
          assert.include(dirty, "no pull request of your branch is open")
          assert.include(unopened, "no pull request of your branch is open")
          assert.notInclude(unopened, "failed")
          assert.deepStrictEqual(more, [])
          const { status } = yield* project.agent(id)
          assert.strictEqual(status, "escalated")
          const { comments, issue } = yield* project.wait(
            "a person being called",
            Effect.map(project.issue(number), (all) => (all.issue.labels.includes("needs-human") ? all : undefined))
          )
          assert.include(issue.labels, "needs-human")
          assert.match(
            comments.at(-1)?.body ?? "",
            /needs a person: .*your pull request is at \w{40} and your clone at/s
          )
        }),
      60_000
    )

    it.effect(
      "work whose gate fails is not merged, and is once it succeeds",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("proven", {
            proven: [
              { when: "failed", do: [{ wait: "approved" }, ...write("passes", "yes"), push, done] },
              { do: [...write("gated.txt", "gated"), openPull("Gated"), done] }
            ]
          })
          const id = yield* project.agentOn("proven", number)
          yield* project.noted(id, "that its gate failed", ({ waits }) => waits === "approved")
          const pull = yield* project.pullOf(id)
          yield* project.approve(pull.number)
          yield* project.signal("approved")
          yield* project.stands(id, "sleeping")
          const now = yield* project.pull(pull.number)
          assert.isFalse(now.merged)
          assert.notStrictEqual(now.head.sha, pull.head.sha)
          yield* project.approve(pull.number)
          yield* project.merged(pull.number)
          const texts = (yield* project.journal(`&agent=${id}`)).map(({ text }) => text)
          assert.isTrue(
            texts.some((text) => text.includes("the check gate/proven is failure")),
            texts.join("\n")
          )
        }),
      60_000
    )

    it.effect(
      "an open pull request of the agent's branch is used again",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("fix", {
            fixer: [
              {
                do: [...write("one.txt", "one"), openPull("One"), ...write("two.txt", "two"), openPull("Two"), done]
              }
            ]
          })
          const id = yield* project.agentOn("fixer", number)
          yield* project.stands(id, "sleeping")
          const pulls =
            yield* project.get<ReadonlyArray<{ readonly title: string; readonly head: { readonly ref: string } }>>(
              "/pulls?limit=1000"
            )
          assert.deepStrictEqual(
            pulls.filter(({ head }) => head.ref === `squadron/${id}`).map(({ title }) => title),
            ["One"]
          )
          const [, again = ""] = answersOf(project.notesOf(id), "open_pull_request")
          assert.match(again, /^Pull request #\d+ is open already, and has your commits/)
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

layer(Project.layer({ config: [["people: 1", "people: 0"]] }), { excludeTestServices: true, timeout: "60 seconds" })(
  "files that need a person's word",
  (it) => {
    it.effect(
      "an agent that changes one is asked about, and goes on when a person approves it",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("fix", {
            fixer: [
              { when: "the answer to your question", do: [openPull("The package"), done] },
              { do: [{ sh: "echo >> package.json" }, commit("The package"), openPull("The package")] }
            ]
          })
          const id = yield* project.agentOn("fixer", number)
          const { note } = yield* project.stands(id, "asking")
          assert.include(note, `squadron approve ${id} package.json`)
          assert.strictEqual(yield* project.at(`refs/heads/squadron/${id}`), "")
          const { code, err } = yield* project.run("approve", id, "package.json")
          assert.strictEqual(code, 0, err)
          const pull = yield* project.pullOf(id)
          yield* project.merged(pull.number)
          assert.match(answersOf(project.notesOf(id), "open_pull_request")[0] ?? "", /^refused: Nothing is pushed/)
        }),
      60_000
    )

    it.effect(
      "what nobody approved is not merged, whoever brought it to the branch",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("fix", {
            fixer: [
              { when: "moved your branch", do: [{ sh: "git merge -q $MOVED" }, done] },
              { do: [...write("fine.txt", "fine"), openPull("Fine"), { wait: "packed" }, done] }
            ]
          })
          const id = yield* project.agentOn("fixer", number)
          const pull = yield* project.pullOf(id)
          const clone = yield* project.clone("alice")
          yield* git(clone, "checkout", "-q", pull.head.ref)
          yield* git(clone, "mv", "package.json", "Makefile")
          yield* git(clone, "commit", "-q", "-m", "By hand")
          yield* git(clone, "push", "-q", "origin", pull.head.ref)
          yield* project.signal("packed")
          yield* project.stands(id, "sleeping")
          const { comments } = yield* project.wait(
            "a person being asked",
            Effect.map(project.issue(pull.number), (all) => (all.comments.length > 0 ? all : undefined))
          )
          assert.match(comments[0]?.body ?? "", /ready to be merged, but it changes Makefile, package.json/)
          yield* project.run("approve", id, "Makefile")
          yield* project.wait(
            "the other being asked about",
            Effect.map(project.journal(`&agent=${id}`), (lines) =>
              lines.some(({ text }) => text.endsWith("it changes package.json, which needs a person's approval"))
                ? true
                : undefined
            )
          )
          assert.isFalse((yield* project.pull(pull.number)).merged)
          yield* project.run("approve", id, "package.json")
          yield* project.merged(pull.number)
        }),
      60_000
    )
  }
)
