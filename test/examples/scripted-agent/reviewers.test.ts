import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Subject from "../../../src/domain/Subject.ts"
import { commit, git, promptsOf, publish, sampleRepository, subjectText, textIn, workspaceOf, write } from "./Sample.ts"
import { newHome, newSession, prompted, said, startAgent } from "./ScriptedAgent.ts"
import { callsOf, type Tool, type ToolServer, toolServer } from "./ToolServer.ts"

type Review = {
  readonly verdict: string
  readonly body: string
  readonly comments: ReadonlyArray<{ readonly path: string; readonly line: number; readonly body: string }>
}
const reviewsIn = (server: ToolServer) => callsOf(server, "review") as unknown as ReadonlyArray<Review>

const opened = (head: string, base: string) => ({
  detail: {
    _tag: "pull_request.opened" as const,
    pullRequest: {
      title: "A change",
      body: "",
      state: "open" as const,
      author: "squadron",
      labels: [],
      draft: false,
      merged: false,
      head: { ref: "squadron/agent-1-e1", sha: head },
      base: { ref: "main", sha: base }
    }
  }
})

/** Lets a reviewer look at a change of the sample project; gives its review, after checking that it is an honest one. */
const reviewed = Effect.fnUntraced(function* (
  part: "reviewer" | "security-reviewer",
  change: (folder: string) => void,
  options: { readonly checkedOut?: "base"; readonly later?: (folder: string) => void } = {}
) {
  const mirror = yield* sampleRepository
  const author = yield* workspaceOf(mirror)
  change(author)
  commit(author)
  const told = publish(author, mirror, "work")
  const base = git(mirror, "rev-parse", "main")
  const workspace = yield* workspaceOf(mirror, options.checkedOut === "base" ? base : told)
  if (options.later !== undefined) {
    options.later(author)
    commit(author)
  }
  const head = publish(author, mirror, "work")
  const done = () => "done"
  const server = yield* toolServer({
    read_subject: () =>
      subjectText("pull request", "A change", "", `Head: ${head} (squadron/a). Base: ${base} (main). Mergeable: yes.`),
    review: done,
    report_done: done,
    ask_person: done
  })
  const agent = yield* startAgent(part, yield* newHome)
  const session = yield* newSession(agent, workspace, server)
  const { whole } = promptsOf({
    tools: ["review"],
    subject: Subject.pullRequest("example/invoice", 4),
    title: "A change",
    body: "",
    news: [opened(told, base)]
  })
  assert.strictEqual(yield* prompted(agent, session, whole), "end_turn")
  assert.deepStrictEqual(server.faults, [])
  assert.deepStrictEqual(
    server.calls.map(({ name }) => name),
    ["read_subject", "read_subject", "review", "report_done"]
  )
  assert.strictEqual(git(workspace, "status", "--porcelain"), "")
  assert.strictEqual(git(workspace, "rev-parse", "HEAD"), head)
  assert.strictEqual(git(workspace, "worktree", "list").split("\n").length, 1)
  assert.include(said(agent), "This is a script and no model")
  const [review] = reviewsIn(server)
  if (review === undefined) return yield* Effect.die(new Error("there is no review"))
  for (const text of [review.body, ...review.comments.map(({ body }) => body)]) {
    assert.include(text, "Written by a script")
  }
  return review
})

/** A reviewer at a change that it may approve, and what it is told of the pull request each time that it asks. */
const asked = Effect.fnUntraced(function* (
  answers: (heads: {
    readonly head: string
    readonly next: string
  }) => ReadonlyArray<readonly [string, "open" | "closed"]>,
  review: Tool = () => "done"
) {
  const mirror = yield* sampleRepository
  const author = yield* workspaceOf(mirror)
  rounds(author)
  commit(author)
  const head = publish(author, mirror, "work")
  listed(author)
  commit(author)
  const next = publish(author, mirror, "next")
  const base = git(mirror, "rev-parse", "main")
  const workspace = yield* workspaceOf(mirror, head)
  const left = [...answers({ head, next })]
  const server = yield* toolServer({
    read_subject: () => {
      const [at, state] = (left.length > 1 ? left.shift() : left[0]) ?? [head, "open"]
      const place = `Head: ${at} (squadron/a). Base: ${base} (main). Mergeable: yes.`
      return subjectText("pull request", "A change", "", place, state)
    },
    review,
    report_done: () => "done",
    report_no_work: () => "done",
    ask_person: () => "done"
  })
  const agent = yield* startAgent("security-reviewer", yield* newHome)
  const session = yield* newSession(agent, workspace, server)
  const told = {
    tools: ["review"] as const,
    subject: Subject.pullRequest("example/invoice", 4),
    title: "A change",
    body: "",
    news: [opened(head, base)]
  }
  return {
    next,
    server,
    workspace,
    first: prompted(agent, session, promptsOf(told).whole),
    again: prompted(agent, session, promptsOf(told).news)
  }
})

const names = (server: ToolServer) => server.calls.map(({ name }) => name)

const edited = (folder: string, path: string, find: string, by: string): void => {
  const text = textIn(folder, path)
  assert.include(text, find)
  write(folder, path, text.replace(find, by))
}

const listed = (folder: string): void =>
  edited(folder, "CHANGELOG.md", "refused by its number.\n", "refused by its number.\n- A change.\n")

const rounds = (folder: string): void =>
  edited(
    folder,
    "src/money.js",
    "Math.round((cents * percent) / 100)",
    "Math.sign(cents) * Math.round((Math.abs(cents) * percent) / 100)"
  )

const lineOf = (text: string, part: string): number => text.split("\n").findIndex((line) => line.includes(part)) + 1

describe("the scripted reviewer", { timeout: 120_000 }, () => {
  it.layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    it.effect("approves a fix that makes a failing test pass and is told in the changelog", () =>
      Effect.gen(function* () {
        const review = yield* reviewed("reviewer", (folder) => {
          rounds(folder)
          listed(folder)
        })
        assert.deepStrictEqual(review.comments, [])
        assert.strictEqual(review.verdict, "approve")
        assert.match(review.body, /12 passed, 1 failed on the base, 13 passed, 0 failed with the change/)
      })
    )

    it.effect("wants an entry in the changelog, and says so at a line of the change", () =>
      Effect.gen(function* () {
        let line = 0
        const review = yield* reviewed("reviewer", (folder) => {
          rounds(folder)
          line = lineOf(textIn(folder, "src/money.js"), "Math.sign")
        })
        assert.strictEqual(review.verdict, "request_changes")
        assert.lengthOf(review.comments, 1)
        assert.deepInclude(review.comments[0], { path: "src/money.js", line })
        assert.include(review.comments[0]?.body, "CHANGELOG.md")
      })
    )

    it.effect("wants a test for each function that changes", () =>
      Effect.gen(function* () {
        const change = (folder: string) => {
          listed(folder)
          edited(folder, "src/csv.js", 'line.trim() !== ""', "line.trim().length > 0")
          edited(folder, "src/money.js", 'cents < 0 ? "-" : ""', 'cents >= 0 ? "" : "-"')
        }
        const bare = yield* reviewed("reviewer", change)
        assert.strictEqual(bare.verdict, "request_changes")
        assert.deepStrictEqual(
          bare.comments.map(({ body }) => /`(\w+)` changes here/.exec(body)?.[1]),
          ["parseCsv", "formatCents"]
        )
        const tested = yield* reviewed("reviewer", (folder) => {
          change(folder)
          edited(
            folder,
            "test/money.js",
            'assert.equal(formatCents(-5), "-0.05")',
            'assert.equal(formatCents(-5), "-0.05")\n  assert.equal(formatCents(0), "0.00")'
          )
        })
        assert.deepStrictEqual(
          tested.comments.map(({ path }) => path),
          ["src/csv.js"]
        )
      })
    )

    it.effect("sees a test that fails with the change and passes without it", () =>
      Effect.gen(function* () {
        const review = yield* reviewed("reviewer", (folder) => {
          listed(folder)
          edited(folder, "docs/format.md", "at most three", "at most two")
          edited(
            folder,
            "test/csv.js",
            'price: "3.20" }])\n})\n\ntest("a quoted',
            'price: "9" }])\n})\n\ntest("a quoted'
          )
        })
        assert.strictEqual(review.verdict, "request_changes")
        assert.match(review.comments[0]?.body ?? "", /these fail: `the first line names the fields`/)
        assert.lengthOf(review.comments, 1)
      })
    )

    it.effect("finds what was left behind", () =>
      Effect.gen(function* () {
        const review = yield* reviewed("reviewer", (folder) => {
          rounds(folder)
          listed(folder)
          edited(folder, "src/money.js", "/** A share", "// TODO: taxes of other countries, @squadron pm\n/** A share")
          edited(folder, "test/money.js", 'test("half a cent is', 'test.only("half a cent is')
        })
        assert.deepStrictEqual(
          review.comments.map(({ path }) => path),
          ["src/money.js", "test/money.js"]
        )
        assert.notInclude(review.comments[0]?.body, "@squadron")
      })
    )

    it.effect("goes to the head of the pull request where its clone is elsewhere", () =>
      Effect.gen(function* () {
        const change = (folder: string) => {
          rounds(folder)
          listed(folder)
        }
        assert.strictEqual((yield* reviewed("reviewer", change, { checkedOut: "base" })).verdict, "approve")
      })
    )

    it.effect("looks at what is newest where more was pushed since it was told", () =>
      Effect.gen(function* () {
        const review = yield* reviewed("reviewer", rounds, { later: listed })
        assert.strictEqual(review.verdict, "approve")
      })
    )
  })
})

describe("both scripted reviewers", { timeout: 120_000 }, () => {
  it.layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    it.effect("have nothing to do on a closed pull request", () =>
      Effect.gen(function* () {
        const { first, server } = yield* asked(({ head }) => [[head, "closed"]])
        yield* first
        assert.deepStrictEqual(names(server), ["read_subject", "report_no_work"])
      })
    )

    it.effect("let it be where it is closed while they look", () =>
      Effect.gen(function* () {
        const { first, server } = yield* asked(
          ({ head }) => [[head, "open"]],
          () => new Error("review: #4 is closed.")
        )
        yield* first
        assert.deepStrictEqual(names(server), ["read_subject", "read_subject", "review", "report_no_work"])
      })
    )

    it.effect("look again where more is pushed while they look, and review that", () =>
      Effect.gen(function* () {
        const { first, next, server, workspace } = yield* asked(({ head, next }) => [
          [head, "open"],
          [next, "open"]
        ])
        yield* first
        assert.lengthOf(callsOf(server, "review"), 1)
        assert.strictEqual(git(workspace, "rev-parse", "HEAD"), next)
        assert.match(
          String(callsOf(server, "report_done")[0]?.["summary"]),
          new RegExp(`^Approved ${next.slice(0, 9)}`)
        )
      })
    )

    it.effect("review a commit once, however often they are told of it", () =>
      Effect.gen(function* () {
        const { again, first, server } = yield* asked(({ head }) => [[head, "open"]])
        yield* first
        yield* again
        assert.lengthOf(callsOf(server, "review"), 1)
        assert.lengthOf(callsOf(server, "report_done"), 2)
      })
    )
  })
})

describe("the scripted security reviewer", { timeout: 120_000 }, () => {
  it.layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    it.effect("approves what holds none of its patterns", () =>
      Effect.gen(function* () {
        const review = yield* reviewed("security-reviewer", (folder) => {
          rounds(folder)
          edited(folder, "README.md", "`npm test`", "See https://example.com and http://localhost:80. `npm test`")
        })
        assert.deepStrictEqual(review.comments, [])
        assert.strictEqual(review.verdict, "approve")
        assert.include(review.body, "It understands nothing of what the code does.")
      })
    )

    it.effect("finds each of its patterns in what was added, and only there", () =>
      Effect.gen(function* () {
        // Put together here, so that no scanner of ours takes this file for a leak.
        const key = ["-----BEGIN RSA PRIVATE", "KEY-----"].join(" ")
        const token = ["ghp", "A".repeat(36)].join("_")
        const bad = [
          "export const a = (text) => eval(text)",
          'export const b = (name) => execSync("ls " + name)',
          "export const c = spawn('ls', { shell: true })",
          `export const d = "${key}"`,
          `export const e = "${token}"`,
          'export const password = "correct horse".replace(" ", "")',
          'export const apiKey = "abcdefgh12345678"',
          'export const f = "http://198.51.100.7/rates"',
          "export const g = { rejectUnauthorized: false }"
        ]
        const fine = ["export const h = evaluate(1)", "export const i = spawn('ls', ['-l'])"]
        const review = yield* reviewed("security-reviewer", (folder) => {
          write(folder, "src/bad.js", `${[...bad, ...fine].join("\n")}\n`)
          write(folder, "package-lock.json", "{}\n")
          edited(folder, "package.json", '"test": "node --test"', '"test": "node --test", "postinstall": "node x.js"')
        })
        assert.strictEqual(review.verdict, "request_changes")
        assert.deepStrictEqual(
          review.comments.filter(({ path }) => path === "src/bad.js").map(({ line }) => line),
          [1, 2, 3, 4, 5, 7, 8, 9]
        )
        // What is a secret is not said again; the tools would refuse it.
        for (const { body } of review.comments)
          for (const secret of [key, token, "abcdefgh"]) assert.notInclude(body, secret)
        assert.sameMembers(
          review.comments.filter(({ path }) => path !== "src/bad.js").map(({ path }) => path),
          ["package-lock.json", "package.json"]
        )
      })
    )
  })
})
