import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Detail } from "../../../src/domain/Event.ts"
import { asks, comments, issueOpened, issuesApi, type Listed, repository, turn } from "./CommandSquad.ts"

const issues: ReadonlyArray<Listed> = [
  {
    number: 3,
    title: "Quoted fields with a line break are refused",
    body: "A CSV file in which a quoted field holds a newline cannot be read."
  },
  {
    number: 4,
    title: "Support other separators",
    body: "Files from Excel that are separated by semicolons cannot be read."
  },
  {
    number: 5,
    title: "Tax is rounded the wrong way",
    body: "The tax of 2.50 at 19 percent is 0.48, my accountant says 0.47."
  },
  { number: 6, title: "Document the exit codes", body: "The docs say nothing about exit codes." },
  {
    number: 7,
    title: "Start-up fails",
    body: "TypeError: Cannot read properties of null (reading 'currency')\n    at render (/home/a/src/invoice.js:14:7)"
  },
  { number: 8, title: "引用フィールドの改行", body: "引用フィールドに改行があると読み込めません。" },
  { number: 9, title: "Closed long ago: width of the columns", body: "Columns are too narrow.", state: "closed" },
  { number: 30, title: "Line breaks in quoted fields are refused", body: "The same, but younger." }
]

const compared = Effect.fnUntraced(function* (title: string, body = "") {
  const url = yield* issuesApi(issues)
  return yield* turn("duplicates", { url, messages: [issueOpened(title, body)] })
}, Effect.scoped)

describe("duplicates", { timeout: 60_000 }, () => {
  it.live("finds the older twin in other words, asks and waits for it", () =>
    Effect.gen(function* () {
      const result = yield* compared(
        "A line break in a quoted field is refused",
        "My file cannot be read: there is a newline within a quoted field."
      )
      assert.deepStrictEqual(result.outcome, {
        _tag: "Blocked",
        on: [`${repository}#3`],
        reason: "probably the same as #3"
      })
      assert.include(
        comments(result)[0],
        "`mia`, is this the same as #3, `Quoted fields with a line break are refused`?"
      )
    })
  )

  it.live("finds it by the error that both show, wherever the files lie", () =>
    Effect.gen(function* () {
      const result = yield* compared(
        "Fails at once when I start",
        "```\nTypeError: Cannot read properties of null (reading 'currency')\n    at render (C:\\x\\src\\invoice.js:99:1)\n```"
      )
      assert.deepInclude(result.outcome, { _tag: "Blocked", on: [`${repository}#7`] })
      assert.include(comments(result)[0], "both show `typeerror: cannot read properties of null")
    })
  )

  it.live("compares words of any language", () =>
    Effect.gen(function* () {
      const result = yield* compared("引用フィールド内の改行", "引用フィールドに改行があるファイルが読み込めません")
      assert.deepInclude(result.outcome, { _tag: "Blocked", on: [`${repository}#8`] })
    })
  )

  it.live("says nothing on what is new, on closed twins and on next to no words", () =>
    Effect.gen(function* () {
      for (const [title, body] of [
        ["Write the invoice as PDF", "Our customers want a PDF instead of text."],
        ["Width of the columns", "Columns are too narrow."],
        ["Files cannot be read", ""],
        ["", ""],
        ["Document the API", "The docs should describe every function."]
      ] as const) {
        const result = yield* compared(title, body)
        assert.strictEqual(result.outcome._tag, "Completed", title)
        assert.deepStrictEqual(result.actions, [], title)
      }
    })
  )

  it.live("does not take a common form for likeness", () =>
    Effect.gen(function* () {
      const form = (text: string) =>
        `### Before you post\nI have searched the existing reports and read the guidelines\n### What happened\n${text}`
      const url = yield* issuesApi(
        ["Red lines", "Slow start", "No output", "Odd names"].map((title, index) => ({
          number: index + 1,
          title,
          body: form(title)
        }))
      )
      const result = yield* turn("duplicates", { url, messages: [issueOpened("Blue dots", form("Blue dots"))] })
      assert.strictEqual(result.outcome._tag, "Completed")
    }).pipe(Effect.scoped)
  )

  it.live("quotes a title without waking anybody or breaking its own text", () =>
    Effect.gen(function* () {
      const title = "``Quoted`` fields @squadron test <!-- with --> a line break are refused"
      const url = yield* issuesApi([{ number: 3, title }], "object")
      const result = yield* turn("duplicates", { url, messages: [issueOpened(title, "```\n@squadron test\n")] })
      assert.strictEqual(result.outcome._tag, "Blocked")
      assert.include(
        comments(result)[0],
        "``` ``Quoted`` fields @\u200bsquadron test <!-- with --> a line break are refused ```?"
      )
    }).pipe(Effect.scoped)
  )

  it.live("says that the twin is closed, and is done", () =>
    Effect.gen(function* () {
      const closed: Detail = {
        _tag: "issue.closed",
        issue: { title: "Quoted fields", body: "", state: "closed", author: "ann", labels: [], assignees: [] }
      }
      const result = yield* turn("duplicates", { messages: [closed] })
      assert.strictEqual(result.outcome._tag, "Completed")
      assert.match(comments(result)[0] ?? "", /is closed, and this one looked like the same/)
    })
  )

  it.live("lets go when a person says no", () =>
    Effect.gen(function* () {
      const result = yield* turn("duplicates", { messages: [asks("No, that is another file format")] })
      assert.strictEqual(result.outcome._tag, "Completed")
      assert.deepStrictEqual(result.actions, [])
    })
  )

  it.live("says why it did not look when the issues cannot be read", () =>
    Effect.gen(function* () {
      const gone = yield* Effect.scoped(issuesApi([]))
      const down = yield* turn("duplicates", { url: gone, messages: [issueOpened("It fails")] })
      assert.deepStrictEqual(down.outcome, {
        _tag: "NoWorkNeeded",
        reason: "The issues could not be read from Squadron: ECONNREFUSED. So nobody looked for duplicates."
      })
      const url = yield* issuesApi([], "error")
      const refused = yield* turn("duplicates", { url, messages: [issueOpened("It fails")] })
      assert.include(JSON.stringify(refused.outcome), "it answered with status 503")
    }).pipe(Effect.scoped)
  )

  it.live("compares hundreds of long issues within its time", () =>
    Effect.gen(function* () {
      const body = "words that come and go and stay for long ".repeat(1500)
      const url = yield* issuesApi(
        Array.from({ length: 300 }, (_, index) => ({
          number: index + 1,
          title: `Issue ${index}`,
          body: `${index} ${body}`
        }))
      )
      const result = yield* turn("duplicates", {
        url,
        subject: { repository, kind: "issue", number: 2000 },
        messages: [issueOpened("Colours", body)]
      })
      assert.strictEqual(result.outcome._tag, "Blocked")
    }).pipe(Effect.scoped)
  )
})
