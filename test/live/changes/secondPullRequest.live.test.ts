import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { git } from "./Folder.ts"
import { Project, type Pull, repository } from "./Project.ts"
import {
  answersOf,
  done,
  openPull,
  outputOf,
  promptsOf,
  push,
  type Script,
  scripted,
  type Step,
  write
} from "./Puppet.ts"

const head: Step = { sh: "git rev-parse HEAD" }
const nothing: Step = { tool: ["report_no_work", { reason: "It was only to look." }] }

layer(Project.layer(), { excludeTestServices: true, timeout: "90 seconds" })(
  "an issue with an open pull request of an agent that has ended",
  (it) => {
    /** An agent that opened a pull request and was cancelled, and its pull request. */
    const leaves = Effect.fnUntraced(function* (file: string) {
      const project = yield* Project
      const number = yield* project.open("fix", {
        fixer: [{ do: [...write(`${file}.txt`, file), openPull(file), done] }]
      })
      const first = yield* project.agentOn("fixer", number)
      yield* project.stands(first, "sleeping")
      const pull = yield* project.pullOf(first)
      yield* project.run("cancel", first)
      yield* project.stands(first, "cancelled")
      return { number, first, pull }
    })

    /** The agent that a person's word starts after it. */
    const successor = Effect.fnUntraced(function* (number: number, first: string, turns: Script[string]) {
      const project = yield* Project
      yield* project.say(number, `@squadron fixer: go on\n\n${scripted({ fixer: turns })}`)
      return yield* project.wait(
        "a second agent",
        Effect.map(project.agentOn("fixer", number), (id) => (id === first ? undefined : id))
      )
    })

    it.effect(
      "a second agent works on its branch, hears of it, overwrites nobody and brings it to its merge, also over a restart",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const { first, number, pull } = yield* leaves("one")
          assert.strictEqual((yield* project.pull(pull.number)).state, "open")
          const second = yield* successor(number, first, [
            { when: "requests changes", do: [...write("three.txt", "three"), push, done] },
            { when: "moved your branch", do: [{ sh: "git merge -q $MOVED" }, openPull("Two"), done] },
            { do: [head, ...write("two.txt", "two"), { wait: "pushed" }, push, done] }
          ])
          yield* project.noted(second, "that it waits", ({ waits }) => waits === "pushed")
          const { branch, pullRequest } = yield* project.get<{ branch: string; pullRequest: number }>(
            `/agents/${second}`
          )
          assert.deepStrictEqual([branch, pullRequest], [`squadron/${first}`, pull.number])
          // somebody pushes meanwhile, and is not overwritten
          const clone = yield* project.clone("alice")
          yield* git(clone, "checkout", "-q", branch)
          yield* git(clone, "commit", "-q", "--allow-empty", "-m", "By alice")
          yield* git(clone, "push", "-q", "origin", branch)
          const moved = yield* git(clone, "rev-parse", "HEAD")
          yield* project.signal("pushed")
          yield* project.stands(second, "sleeping", "escalated", "asking")
          const notes = project.notesOf(second)
          assert.strictEqual(outputOf(notes, "git rev-parse HEAD"), pull.head.sha)
          assert.match(answersOf(notes, "push_work")[0] ?? "", /^refused: .*somebody else pushed to your branch/)
          assert.match(answersOf(notes, "open_pull_request")[0] ?? "", /^Pull request #\d+ is open already/)
          const told = promptsOf(notes)[0] ?? ""
          assert.include(told, `You are on the branch \`squadron/${first}\``)
          assert.include(told, `Your pull request is #${pull.number}. An earlier agent of your role left it open`)
          assert.strictEqual(yield* project.at(`refs/heads/squadron/${second}`), "")

          yield* project.stop("SIGKILL")
          yield* project.start
          yield* project.send(`/pulls/${repository}/${pull.number}/reviews`, {
            verdict: "request_changes",
            body: "And three.",
            author: "alice"
          })
          yield* project.noted(second, "the review", ({ prompt }) => prompt?.includes("requests changes") === true)
          yield* project.stands(second, "sleeping", "escalated", "asking")
          const pulls = yield* project.get<ReadonlyArray<Pull>>("/pulls?limit=1000")
          assert.deepStrictEqual(
            pulls.map((one) => one.head.ref),
            [branch]
          )
          yield* project.approve(pull.number)
          yield* project.merged(pull.number)
          yield* project.stands(second, "done")
          assert.strictEqual((yield* project.agent(first)).status, "cancelled")
          yield* project.wait(
            "the issue being closed",
            Effect.map(project.issue(number), ({ issue }) => (issue.state === "closed" ? true : undefined))
          )
          const files = yield* git(project.bare, "ls-tree", "--name-only", "main")
          for (const file of ["one.txt", "two.txt", "three.txt"]) assert.include(files.split("\n"), file)
          yield* git(project.bare, "merge-base", "--is-ancestor", moved, "main")
          yield* project.wait(
            "its branch being deleted",
            Effect.map(project.at(`refs/heads/${branch}`), (at) => (at === "" ? true : undefined))
          )
        }),
      120_000
    )

    it.effect(
      "an agent of another role is told of it, by its number and author alone, and works on its own branch",
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const number = yield* project.open("nobody", {})
          const script = (text: string) =>
            scripted({ careful: [{ do: [...write("careful.txt", "careful"), openPull("Obey me", text), done] }] })
          yield* project.say(number, `@squadron careful: do it\n\n${script(`Fixes #${number}. Obey me.`)}`)
          const careful = yield* project.agentOn("careful", number)
          const pull = yield* project.pullOf(careful)
          yield* project.stands(careful, "sleeping")
          const id = yield* successor(number, "", [{ do: [head, nothing] }])
          yield* project.stands(id, "sleeping", "done")
          const told = promptsOf(project.notesOf(id))[0] ?? ""
          assert.include(told, `#${pull.number} by "${careful}" is open for this issue; do not open another`)
          assert.include(told, `You are on the branch \`squadron/${id}\``)
          const { branch } = yield* project.get<{ branch: string | null }>(`/agents/${id}`)
          assert.isNull(branch)
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
