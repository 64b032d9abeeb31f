import { assert, describe } from "@effect/vitest"
import { Effect, Latch, Redacted } from "effect"
import type { Outcome } from "../../../src/domain/Outcome.ts"
import * as Step from "../../../src/domain/Step.ts"
import * as Subject from "../../../src/domain/Subject.ts"
import { Store } from "../../../src/services/Store.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { commitAll, git, write } from "../../adapters/workspace/Rig.ts"
import { begin, branch, headOf, test } from "./OnWorkspace.ts"
import { developer, linesOf } from "./Rig.ts"
import { refused, repository, somePull } from "./TestForge.ts"

const secret = `ghp_${"aB3".repeat(12)}`

describe("pushing", () => {
  test("sets the agent's own branch to its commits, then to newer ones, and says what is left out", ({
    origin,
    told
  }) =>
    Effect.gen(function* () {
      const { client, clone, grant } = yield* begin()
      const none = yield* client.call("push_work")
      assert.isTrue(none.isError)
      assert.include(none.text, "your branch has no commits that main does not have")
      write(clone, { "src/new.txt": "new\n" })
      const dirty = yield* client.call("push_work")
      assert.include(dirty.text, "commit them first")
      const first = commitAll(clone, "first")
      write(clone, { "src/other.txt": "not committed\n" })
      assert.deepStrictEqual(yield* client.call("push_work"), {
        text: `${branch} is at ${first} (1 commits, 1 files). Changes that are not committed are not part of it.`,
        isError: false,
        error: null
      })
      assert.strictEqual(headOf(origin), first)
      const again = yield* client.call("push_work")
      assert.include(again.text, `It was there already: ${branch} is at ${first}`)
      const second = commitAll(clone, "second")
      assert.isFalse((yield* client.call("push_work")).isError)
      assert.strictEqual(headOf(origin), second)
      // its own commits may be written anew
      git(clone, "reset", "-q", "--soft", "main")
      const anew = commitAll(clone, "in one")
      assert.isFalse((yield* client.call("push_work")).isError)
      assert.strictEqual(headOf(origin), anew)
      assert.strictEqual(headOf(origin, "main"), git(clone, "rev-parse", "main"))
      assert.deepStrictEqual(
        told.performed.map(({ action, subject }) => [Subject.key(subject), action]),
        [
          [`${repository}#7`, { _tag: "push", branch, commit: first, expected: null }],
          [`${repository}#7`, { _tag: "push", branch, commit: second, expected: first }],
          [`${repository}#7`, { _tag: "push", branch, commit: anew, expected: second }]
        ]
      )
      const lines = yield* linesOf(grant.agent.id)
      assert.deepStrictEqual(lines.slice(2), [
        `called push_work: push ${first.slice(0, 9)} to ${branch}`,
        `called push ${first.slice(0, 9)} to ${branch}`,
        `called push_work: push ${second.slice(0, 9)} to ${branch}`,
        `called push_work: push ${anew.slice(0, 9)} to ${branch}`
      ])
      yield* client.call("report_done", { summary: "done" })
      assert.deepStrictEqual(grant.reported, { _tag: "Completed", evidence: { summary: "done", commits: [anew] } })
    }))

  test("never takes away what somebody else pushed there", ({ origin, told }) =>
    Effect.gen(function* () {
      const { client, clone } = yield* begin()
      write(clone, { "a.txt": "a\n" })
      const first = commitAll(clone, "first")
      yield* client.call("open_pull_request", { title: "A", body: "" })
      const tree = git(origin, "rev-parse", `${branch}^{tree}`)
      const theirs = git(origin, "commit-tree", tree, "-p", first, "-m", "a person's")
      git(origin, "update-ref", `refs/heads/${branch}`, theirs)
      const pull = told.pulls.get(8)
      assert.isDefined(pull)
      told.pulls.set(8, { ...pull, head: { ...pull.head, sha: theirs } })
      write(clone, { "b.txt": "b\n" })
      commitAll(clone, "second")
      const over = yield* client.call("push_work")
      assert.isTrue(over.isError)
      assert.include(over.text, "somebody else pushed to your branch")
      assert.strictEqual(headOf(origin), theirs)
      // where the forge has not shown it yet, the lease holds
      told.pulls.set(8, pull)
      const late = yield* client.call("push_work")
      assert.isTrue(late.isError)
      assert.include(late.text, "stale info")
      assert.strictEqual(headOf(origin), theirs)
      // with their commit in the work it goes on from there
      told.pulls.set(8, { ...pull, head: { ...pull.head, sha: theirs } })
      git(clone, "fetch", "-q", origin, branch)
      git(clone, "merge", "-q", "--no-edit", "FETCH_HEAD")
      const merged = git(clone, "rev-parse", "HEAD")
      assert.isFalse((yield* client.call("push_work")).isError)
      assert.strictEqual(headOf(origin), merged)
    }))

  test("asks a person first where protected files are among the changes, and goes on with their word", ({
    origin,
    told
  }) =>
    Effect.gen(function* () {
      const { client, clone, grant } = yield* begin()
      write(clone, { "package.json": "{}\n", ".github/workflows/ci.yml": "on: push\n", "src/a.txt": "changed\n" })
      const head = commitAll(clone, "all of it")
      for (const [name, args] of [
        ["push_work", {}],
        ["open_pull_request", { title: "A", body: "" }]
      ] as const) {
        grant.reported = null
        const reported = (): Outcome | null => grant.reported
        const { isError, text } = yield* client.call(name, args)
        assert.isTrue(isError)
        assert.include(text, "Nothing is pushed. Your work is saved, and a person is asked when your turn has ended")
        assert.include(text, `squadron approve ${grant.agent.id} .github/workflows/ci.yml package.json`)
        const asked = reported()
        assert.include(asked?._tag === "NeedsInput" ? asked.question : "", '- ".github/workflows/ci.yml"')
      }
      assert.isNull(headOf(origin))
      assert.deepStrictEqual(told.performed, [])
      const workspaces = yield* Workspaces
      assert.isNull(yield* workspaces.save(grant.agent.id))
      const [line] = yield* linesOf(grant.agent.id)
      assert.strictEqual(
        line,
        'refused push_work: needs a person\'s word on ".github/workflows/ci.yml", "package.json"'
      )
      const store = yield* Store
      const approved = { ...grant.agent, version: 2, approved: ["package.json"] }
      yield* store.commit(Step.make({ agents: [{ agent: approved, expected: 1 }] }))
      const half = yield* client.call("push_work")
      assert.include(half.text, '- ".github/workflows/ci.yml"')
      assert.notInclude(half.text, '- "package.json"')
      const whole = { ...approved, version: 3, approved: ["package.json", ".github/workflows/ci.yml"] }
      yield* store.commit(Step.make({ agents: [{ agent: whole, expected: 2 }] }))
      assert.isFalse((yield* client.call("push_work")).isError)
      assert.strictEqual(headOf(origin), head)
    }))

  test(
    "takes the word on protected paths from wherever the daemon has it",
    ({ origin }) =>
      Effect.gen(function* () {
        const { client, clone } = yield* begin()
        write(clone, { Makefile: "all:\n" })
        const head = commitAll(clone, "build")
        assert.isFalse((yield* client.call("push_work")).isError)
        assert.strictEqual(headOf(origin), head)
      }),
    { approvedPaths: (agent) => Effect.succeed(agent === "dev-7-e1" ? ["Makefile"] : []) }
  )

  test("asks a person also about files that hold no text", ({ origin }) =>
    Effect.gen(function* () {
      const { client, clone } = yield* begin()
      write(clone, { "logo é.png": Buffer.from([0x89, 0x50, 0, 1, 2]) })
      commitAll(clone, "a picture")
      const { isError, text } = yield* client.call("push_work")
      assert.isTrue(isError)
      assert.include(text, 'Not text, so that they cannot be looked through:\n- "logo é.png"')
      assert.include(text, "squadron approve dev-7-e1 'logo é.png'")
      assert.isNull(headOf(origin))
    }))

  test("lets no secret out: not in the change, not in a commit of it, not in a message, not the run's token", ({
    origin,
    told
  }) =>
    Effect.gen(function* () {
      const { client, clone, grant } = yield* begin()
      const token = Redacted.value(grant.token)
      const refusedWith = Effect.fnUntraced(function* (...parts: ReadonlyArray<string>) {
        const { isError, text } = yield* client.call("push_work")
        assert.isTrue(isError)
        for (const part of parts) assert.include(text, part)
        assert.notInclude(text, secret)
        assert.notInclude(text, token)
        assert.isNull(headOf(origin))
        git(clone, "reset", "-q", "--hard", "main")
      })
      write(clone, { "src/key.txt": `one\ntwo\nkey ${secret}\n` })
      commitAll(clone, "a key")
      yield* refusedWith('a GitHub token in "src/key.txt" line 3')

      write(clone, { "src/key.txt": secret })
      commitAll(clone, "a key")
      write(clone, { "src/key.txt": "none\n" })
      commitAll(clone, "no key any more")
      yield* refusedWith('a GitHub token in "src/key.txt" line 1', "history")

      write(clone, { "src/key.txt": "none\n" })
      commitAll(clone, `use ${secret}`)
      yield* refusedWith("a GitHub token in \"a commit's message (")

      write(clone, { "src/notes.txt": `curl -H 'Authorization: Bearer ${token}'\n` })
      commitAll(clone, "notes")
      yield* refusedWith('this run\'s own token in "src/notes.txt" line 1')
      const lines = (yield* linesOf(grant.agent.id)).join("\n")
      assert.notInclude(lines, secret)
      assert.notInclude(lines, token)
      assert.deepStrictEqual(told.performed, [])
    }))

  test("does not take what the base has for the agent's", ({ origin }) =>
    Effect.gen(function* () {
      write(origin, { "test/fixture.txt": `${secret}\n` })
      commitAll(origin, "a fixture")
      const { client, clone } = yield* begin()
      git(clone, "mv", "test/fixture.txt", "src/fixture.txt")
      commitAll(clone, "moved")
      // the base goes on, and is merged
      write(origin, { "more/more.txt": `more ${secret}\n` })
      const base = commitAll(origin, "another fixture")
      yield* client.call("push_work")
      git(clone, "fetch", "-q", origin, "main")
      git(clone, "merge", "-q", "--no-edit", base)
      const head = git(clone, "rev-parse", "HEAD")
      const { isError, text } = yield* client.call("push_work")
      assert.isFalse(isError, text)
      assert.strictEqual(headOf(origin), head)
    }))

  test("refuses what is too large to be looked through", ({ origin }) =>
    Effect.gen(function* () {
      const { client, clone } = yield* begin()
      write(clone, { "src/large.txt": `${"x".repeat(99)}\n`.repeat(45_000) })
      commitAll(clone, "much")
      const { isError, text } = yield* client.call("push_work")
      assert.isTrue(isError)
      assert.include(text, "longer than 4 MiB")
      assert.isNull(headOf(origin))
    }))

  test("is one after the other within a run", ({ origin, told }) =>
    Effect.gen(function* () {
      const { client, clone } = yield* begin()
      write(clone, { "a.txt": "a\n" })
      const head = commitAll(clone, "first")
      // the first waits here for a second one, which must not come
      const company = yield* Latch.make(false)
      let readers = 0
      told.reading = Effect.suspend(() => {
        if (++readers > 1) company.openUnsafe()
        return Effect.timeoutOption(company.await, "1 second")
      })
      const answers = yield* Effect.forEach([1, 2, 3, 4], () => client.call("push_work"), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers.map(({ isError }) => isError),
        [false, false, false, false]
      )
      assert.strictEqual(told.performed.length, 1)
      assert.strictEqual(headOf(origin), head)
    }))

  test("that the forge refuses is told as failed", ({ origin, told }) =>
    Effect.gen(function* () {
      const { client, clone } = yield* begin()
      write(clone, { "a.txt": "a\n" })
      const head = commitAll(clone, "first")
      told.before = Effect.fail(refused("protected branch"))
      const { isError, text } = yield* client.call("open_pull_request", { title: "A", body: "" })
      assert.isTrue(isError)
      assert.strictEqual(
        text,
        "Failed: The forge refused: protected branch. No pull request is opened before your commits are there."
      )
      assert.isNull(headOf(origin))
      assert.strictEqual(told.pulls.size, 0)
      // a failed push is none: the next one begins anew
      told.before = Effect.void
      assert.isFalse((yield* client.call("push_work")).isError)
      assert.strictEqual(headOf(origin), head)
    }))
})

describe("pull requests", () => {
  test("are opened of the agent's branch into the base, pushed first, one at a time, and changed", ({ origin, told }) =>
    Effect.gen(function* () {
      const { client, clone, grant } = yield* begin()
      const early = yield* client.call("update_pull_request", { title: "New" })
      assert.include(early.text, "you have no open pull request")
      write(clone, { "a.txt": "a\n" })
      const first = commitAll(clone, "first")
      const opened = yield* client.call("open_pull_request", { title: "Add a", body: "Closes #7", draft: true })
      assert.deepStrictEqual(opened, { text: "Pull request #8 is open.", isError: false, error: null })
      assert.strictEqual(headOf(origin), first)
      assert.deepStrictEqual(
        told.performed.map(({ action, depth }) => [depth, action]),
        [
          [3, { _tag: "push", branch, commit: first, expected: null }],
          [3, { _tag: "open_pull_request", title: "Add a", body: "Closes #7", head: branch, base: "main", draft: true }]
        ]
      )
      write(clone, { "b.txt": "b\n" })
      const second = commitAll(clone, "second")
      const again = yield* client.call("open_pull_request", { title: "Another", body: "" })
      assert.isFalse(again.isError)
      assert.include(again.text, "Pull request #8 is open already")
      assert.strictEqual(headOf(origin), second)
      assert.strictEqual(told.pulls.size, 1)
      assert.strictEqual(told.pulls.get(8)?.title, "Add a")

      const empty = yield* client.call("update_pull_request")
      assert.include(empty.text, "give a title, a body or draft")
      const changed = yield* client.call("update_pull_request", { title: "Add a and b", draft: false })
      assert.strictEqual(changed.text, "Pull request #8 is changed.")
      assert.deepInclude(told.pulls.get(8), { title: "Add a and b", body: "Closes #7", draft: false })
      assert.deepStrictEqual(told.performed.at(-1)?.subject, Subject.pullRequest(repository, 8))

      yield* client.call("report_done", { summary: "both" })
      assert.deepStrictEqual(grant.reported, {
        _tag: "Completed",
        evidence: { summary: "both", commits: [second, first], pullRequest: 8 }
      })
    }))

  test("of other branches and of forks are never the agent's own", ({ told }) =>
    Effect.gen(function* () {
      const { client } = yield* begin()
      const sha = "1".repeat(40)
      somePull(told, 8, { author: "ada", body: "x", head: { ref: "other", sha, repository } })
      somePull(told, 9, { author: "mallory", body: "x", head: { ref: branch, sha, repository: "mallory/shop" } })
      const { isError, text } = yield* client.call("update_pull_request", { title: "Mine" })
      assert.isTrue(isError)
      assert.include(text, "you have no open pull request")
      assert.deepStrictEqual(told.performed, [])
    }))

  test("that are merged take no more", ({ origin, told }) =>
    Effect.gen(function* () {
      const { client, clone } = yield* begin()
      write(clone, { "a.txt": "a\n" })
      const first = commitAll(clone, "first")
      yield* client.call("open_pull_request", { title: "A", body: "" })
      const pull = told.pulls.get(8)
      assert.isDefined(pull)
      told.pulls.set(8, { ...pull, state: "closed", merged: true })
      write(clone, { "b.txt": "b\n" })
      commitAll(clone, "second")
      const { isError, text } = yield* client.call("push_work")
      assert.isTrue(isError)
      assert.include(text, "your pull request #8 is merged")
      assert.strictEqual(headOf(origin), first)
    }))

  test("wait for a role that may not push", ({ origin, told }) =>
    Effect.gen(function* () {
      const { client, clone, grant } = yield* begin({ ...developer, tools: ["open_pull_request"] })
      write(clone, { "a.txt": "a\n" })
      commitAll(clone, "first")
      const { isError, text } = yield* client.call("open_pull_request", { title: "A", body: "" })
      assert.isTrue(isError)
      assert.include(text, "the role dev may not push")
      yield* client.call("push_work")
      assert.deepStrictEqual(grant.denied, ["push_work"])
      assert.isNull(headOf(origin))
      assert.deepStrictEqual(told.performed, [])
    }))
})

describe("save_work", () => {
  test("saves what is there, once", ({ origin }) =>
    Effect.gen(function* () {
      const { client, clone, grant } = yield* begin()
      write(clone, { "a.txt": "not committed\n" })
      const first = yield* client.call("save_work")
      assert.match(first.text, /^Your work is saved as [0-9a-f]{40}\.$/)
      assert.strictEqual((yield* client.call("save_work")).text, "All of it is saved already.")
      assert.isNull(headOf(origin))
      assert.strictEqual((yield* linesOf(grant.agent.id)).length, 2)
    }))
})
