import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { actions, asks, comments, folderWith, issueOpened, issuesApi, turn } from "./CommandSquad.ts"

const labelsOf = (title: string, body = "") =>
  Effect.map(turn("triage", { messages: [issueOpened(title, body)] }), (result) =>
    actions(result, "add_labels").flatMap(({ labels }) => labels)
  )

const trace = [
  "Since the update `parseCsv` throws in production:",
  "```",
  'SyntaxError: a quote has no end: "Tea',
  "    at parseLine (file:///home/mia/app/node_modules/invoice/src/csv.js:31:22)",
  "```"
].join("\n")

describe("triage", { timeout: 60_000 }, () => {
  it.live("labels by what the text says", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
        ["Reading a file fails", trace, ["bug", "priority:high"]],
        ["Total is off by one cent", "I expected 47 but the result is wrong.", ["bug", "priority:medium"]],
        ["Support semicolons as separators", "It would be nice to have, no rush.", ["feature", "priority:low"]],
        ["Typo in the readme", "", ["docs", "priority:low"]],
        ["How do I print amounts in Euro?", "I am not sure what to set.", ["question", "priority:low"]],
        ["docs: nothing says what happens on an error", "", ["docs", "priority:low"]],
        ["Zeilenumbruch im Feld", "Das Einlesen klappt nicht. 改行が問題です。", ["needs-info"]],
        ["", "", ["needs-info"]]
      ]
      for (const [title, body, expected] of cases) assert.deepStrictEqual(yield* labelsOf(title, body), expected, title)
    })
  )

  it.live("does not take a denial for a sign", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* labelsOf("This is not a bug", "There is no crash and no error."), ["needs-info"])
    })
  )

  it.live("believes what the author states over what the words suggest", () =>
    Effect.gen(function* () {
      const body =
        "### Type\n\nFeature\n\n### Severity\n\nLow\n\n### Text\n\nAn error message in production would help."
      assert.deepStrictEqual(yield* labelsOf("An error for empty files", body), ["feature", "priority:low"])
    })
  )

  it.live("knows the project's forms, and does not count their own words", () =>
    Effect.gen(function* () {
      const form =
        "## What happened\n\n<!-- What did you see? Please paste the whole error message. -->\nNothing.\n\n" +
        "## What should have happened\n\nA line.\n\n## How to see it\n\n1. With this input:\n2. Run:\n"
      assert.deepStrictEqual(yield* labelsOf("Empty output", form), ["bug", "priority:medium"])
      const comment = "<!-- Please paste the whole error message: TypeError: crash -->"
      assert.deepStrictEqual(yield* labelsOf("Colours", `${comment}\n- [ ] Bug report\n_No response_`), ["needs-info"])
    })
  )

  it.live("assigns the owners of the files, folders and code that the text names", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
        [trace, ["grace"]],
        ["`percentOf(250, 19)` gives a wrong result", ["ada", "emmy"]],
        ["The error in docs/format.md is wrong", ["lin"]],
        ["Something fails in src/invoice.js, csv.js and src\\csv.js:3", ["ada", "grace"]],
        ["See https://example.com/invoice/blob/main/src/csv.js#L3 for the error", ["grace"]]
      ]
      for (const [body, expected] of cases) {
        const result = yield* turn("triage", { messages: [issueOpened("It fails", body)] })
        assert.deepStrictEqual(
          actions(result, "assign").flatMap(({ assignees }) => assignees),
          expected,
          body
        )
      }
    })
  )

  it.live("reads CODEOWNERS as GitHub does: the last rule decides, teams are named and not assigned", () =>
    Effect.gen(function* () {
      const project = yield* folderWith({
        CODEOWNERS: "* @other # not read\n",
        ".github/CODEOWNERS":
          "*.js @js # ours\n/lib/ @lib\nlib/*.js @flat\n/lib/**/deep.js @acme/deep deep@example.com\nlib/free.js\n",
        "a.js": "",
        "lib/b.js": "",
        "lib/c/d.js": "",
        "lib/x/y/deep.js": "",
        "lib/free.js": ""
      })
      const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
        ["a.js", ["js"]],
        ["lib/b.js", ["flat"]],
        ["lib/c/d.js", ["lib"]],
        ["lib/x/y/deep.js", []],
        ["lib/free.js", []]
      ]
      for (const [path, expected] of cases) {
        const result = yield* turn("triage", { project, messages: [issueOpened("It fails", `in ${path}`)] })
        assert.deepStrictEqual(
          actions(result, "assign").flatMap(({ assignees }) => assignees),
          expected,
          path
        )
        if (path.endsWith("deep.js")) assert.include(comments(result)[0], "`acme/deep` owns `lib/x/y/deep.js`")
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("leaves an issue alone that has labels, unless a person asks", () =>
    Effect.gen(function* () {
      const labelled = yield* turn("triage", {
        messages: [issueOpened("It crashes", "", { labels: ["good first issue"] })]
      })
      assert.deepStrictEqual(labelled.outcome, {
        _tag: "NoWorkNeeded",
        reason: "it has labels already: good first issue"
      })
      assert.deepStrictEqual(labelled.actions, [])
      const url = yield* issuesApi([{ number: 20, title: "It crashes", labels: ["good first issue"] }])
      const asked = yield* turn("triage", { url, messages: [asks("")] })
      assert.deepStrictEqual(
        actions(asked, "add_labels").flatMap(({ labels }) => labels),
        ["bug", "priority:medium"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("keeps who is assigned", () =>
    Effect.gen(function* () {
      const result = yield* turn("triage", {
        messages: [issueOpened("src/csv.js crashes", "", { assignees: ["mia"] })]
      })
      assert.deepStrictEqual(actions(result, "assign"), [])
    })
  )

  it.live("stays quick and harmless on 60 kB of anything", () =>
    Effect.gen(function* () {
      const hostile = [
        "@squadron test ".repeat(4000),
        "\n".repeat(60_000),
        "`".repeat(60_000),
        "<!--".repeat(15_000),
        "```\n".repeat(15_000),
        `# a${" ".repeat(59_000)}b`,
        "a/".repeat(30_000),
        "\u0000\u202e@squadron test".repeat(3000),
        "😀".repeat(15_000)
      ]
      for (const body of hostile) {
        const result = yield* turn("triage", {
          messages: [issueOpened(`It crashes ${body.slice(0, 200)}`, body)],
          limits: { wallClock: 5000 }
        })
        assert.strictEqual(result.outcome._tag, "Completed", body.slice(0, 20))
      }
    })
  )

  it.live("does nothing when it is asked on an issue that it cannot read", () =>
    Effect.gen(function* () {
      const result = yield* turn("triage", { messages: [asks("")] })
      assert.deepStrictEqual(result.actions, [])
      assert.strictEqual(result.outcome._tag, "NoWorkNeeded")
    })
  )
})
