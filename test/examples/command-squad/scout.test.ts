import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Subject from "../../../src/domain/Subject.ts"
import {
  actions,
  asks,
  comments,
  commit,
  folderWith,
  issuesApi,
  type Listed,
  pushed,
  repository,
  repositoryWith,
  sampleProject,
  turn,
  write
} from "./CommandSquad.ts"

const subject = Subject.repository(repository)

const onPush = Effect.fnUntraced(function* (
  project: string,
  after: string,
  before: string | undefined,
  issues: ReadonlyArray<Listed> = []
) {
  const url = yield* issuesApi(issues)
  return yield* turn("scout", { project, url, subject, messages: [pushed(after, before)] })
}, Effect.scoped)

const titles = (result: Effect.Success<ReturnType<typeof turn>>) =>
  actions(result, "open_issue").map(({ title }) => title)

/** The issues that a turn opened, as the API lists them afterwards. */
const listed = (
  result: Effect.Success<ReturnType<typeof turn>>,
  first = 1,
  state: "open" | "closed" = "open"
): ReadonlyArray<Listed> =>
  actions(result, "open_issue").map(({ body, labels, title }, index) => ({
    number: first + index,
    title,
    body,
    labels,
    state
  }))

describe("scout", { timeout: 60_000 }, () => {
  it.layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    it.effect("finds the sample project's comments", () =>
      Effect.gen(function* () {
        const result = yield* onPush(yield* sampleProject, "HEAD", undefined)
        assert.sameMembers(
          [...titles(result)],
          [
            "TODO: let a quoted field hold a line break",
            "TODO: break items that are longer than the column",
            "TODO: say what happens to fields that nobody reads",
            "FIXME: amounts in currencies without cents, such as JPY, come out a hundred times too small"
          ]
        )
        assert.deepStrictEqual(actions(result, "open_issue")[0]?.labels, ["todo"])
      })
    )

    it.effect("opens what a push brought, and nothing twice", () =>
      Effect.gen(function* () {
        const { folder, head } = yield* repositoryWith({ "a.js": "// TODO: old\n" })
        write(folder, { "a.js": "// moved\n// TODO: old\n  foo() /* FIXME(ann): new */\n" })
        const after = commit(folder)
        write(folder, { "a.js": "// TODO: not committed\n" })
        const first = yield* onPush(folder, after, head)
        assert.deepStrictEqual(titles(first), ["FIXME: new"])
        assert.include(actions(first, "open_issue")[0]?.body, "`a.js:3` says, at `" + after.slice(0, 12))
        const second = yield* onPush(folder, after, head, listed(first))
        assert.deepStrictEqual(second.actions, [])
        const closed = yield* onPush(folder, after, head, listed(first, 1, "closed"))
        assert.deepStrictEqual(closed.actions, [])
      })
    )

    it.effect("closes its issue when the comment is gone, and only its own", () =>
      Effect.gen(function* () {
        const { folder, head } = yield* repositoryWith({ "a.js": "// TODO: one\n// TODO: two\n" })
        const [one, two] = listed(yield* onPush(folder, head, undefined), 5)
        if (one === undefined || two === undefined) return assert.fail("two issues")
        write(folder, { "a.js": "// TODO: two\n" })
        const result = yield* onPush(folder, commit(folder), head, [
          one,
          two,
          { number: 7, title: "Forged", body: one.body ?? "" },
          { number: 8, title: "Quoted", body: `${one.body}\n\nsaid somebody`, labels: ["todo"] }
        ])
        assert.deepStrictEqual(
          result.actions.map(({ action, issue }) => [action._tag, issue]),
          [
            ["comment", 5],
            ["close_issue", 5]
          ]
        )
      })
    )

    it.effect("opens ten at most; on a push the last of them lists the rest", () =>
      Effect.gen(function* () {
        const lines = Array.from({ length: 25 }, (_, index) => `# TODO: task ${index} for @squadron test`)
        const { folder, head } = yield* repositoryWith({ "a.py": `${lines.join("\n")}\n` })
        const result = yield* onPush(folder, head, undefined)
        assert.lengthOf(titles(result), 10)
        assert.strictEqual(titles(result)[9], "16 more TODO comments")
        assert.deepStrictEqual((yield* onPush(folder, head, undefined, listed(result))).actions, [])

        write(folder, { "a.py": `${lines[0]}\n${lines[24]}\n` })
        const some = yield* onPush(folder, commit(folder), head, listed(result))
        assert.sameMembers(
          some.actions.flatMap(({ action, issue }) => (action._tag === "close_issue" ? [issue] : [])),
          [2, 3, 4, 5, 6, 7, 8, 9]
        )
        write(folder, { "a.py": "\n" })
        const all = yield* onPush(folder, commit(folder), head, listed(result))
        assert.lengthOf(actions(all, "close_issue"), 10)
      })
    )

    it.effect("looks at everything when it is asked, and lists in a comment what is too much", () =>
      Effect.gen(function* () {
        const { folder } = yield* repositoryWith({
          "a.py": Array.from({ length: 12 }, (_, index) => `x = 1 # TODO: task ${index}`).join("\n")
        })
        const url = yield* issuesApi([])
        const result = yield* turn("scout", { project: folder, url, messages: [asks("")] })
        assert.lengthOf(titles(result), 10)
        assert.match(
          comments(result)[0] ?? "",
          /^12 TODO comments at `\w{12}`: 10 issues opened, 0 closed\.[^]*- `a\.py:11` `TODO: task 10`\n- `a\.py:12` `TODO: task 11`$/
        )
      })
    )

    it.effect("knows comments from strings, and names from words", () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({
          "a.js":
            'const a = "// TODO: no"\nconst TODO = 1\n// see TODO: no\nf("x") // TODO: yes\n/**\n * FIXME yes too\n */\n// TODOS: no\n',
          "b.sql": "-- TODO(bob) Größe prüfen\nSELECT 'TODO'\n",
          "c.md": "# TODO: no\n\n- TODO: no\n\n<!-- TODO: yes <!-- scout:0123456789ab --> -->\n",
          Makefile: "all: # TODO\n",
          "node_modules/x/index.js": "// TODO: no\n",
          "bin.dat": "\u0000// TODO: no\n"
        })
        const result = yield* onPush(folder, "HEAD", undefined)
        assert.sameMembers(
          [...titles(result)],
          [
            "TODO: yes",
            "FIXME: yes too",
            "TODO: Größe prüfen",
            "TODO: yes <!-- scout:0123456789ab",
            "TODO: (it does not say what)"
          ]
        )
      })
    )

    it.effect("does nothing, and says why, when it cannot know", () =>
      Effect.gen(function* () {
        const { folder, head } = yield* repositoryWith({ "part/a.js": "// TODO: one\n" })
        const unknown = yield* onPush(folder, "1".repeat(40), head)
        assert.deepInclude(unknown.outcome, {
          reason: `commit ${"1".repeat(40)} is not in the project's repository; fetch it first`
        })
        const option = yield* onPush(folder, "--help", head)
        assert.strictEqual(option.outcome._tag, "NoWorkNeeded")
        const gone = yield* Effect.scoped(issuesApi([]))
        const down = yield* turn("scout", { project: folder, url: gone, subject, messages: [pushed(head)] })
        assert.deepStrictEqual(down.outcome, {
          _tag: "NoWorkNeeded",
          reason: "The issues could not be read from Squadron: ECONNREFUSED. So no issue was opened or closed."
        })
        const deleted = yield* turn("scout", {
          project: folder,
          url: gone,
          subject,
          messages: [{ ...pushed(head), deleted: true } as ReturnType<typeof pushed>]
        })
        assert.deepStrictEqual(deleted.outcome, { _tag: "NoWorkNeeded", reason: "nothing was pushed" })
        for (const result of [unknown, option, down, deleted]) assert.deepStrictEqual(result.actions, [])
      })
    )
  })
})
