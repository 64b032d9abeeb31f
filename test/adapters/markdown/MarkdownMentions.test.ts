import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { layer } from "../../../src/adapters/markdown/MarkdownMentions.ts"
import { commandOf } from "../../../src/domain/Mention.ts"
import { Mentions } from "../../../src/services/Mentions.ts"

const find = (markdown: string, name = "squadron") =>
  Mentions.use((mentions) => Effect.sync(() => mentions.find(markdown, name))).pipe(Effect.provide(layer))

const roles = ["pm", "feat-dev"]
const commands = (markdown: string) =>
  find(markdown).pipe(Effect.map((mentions) => mentions.map((mention) => commandOf(mention, roles))))

describe("what a comment says to Squadron", () => {
  it.effect("help is understood in any case and with text after it", () =>
    Effect.gen(function* () {
      for (const text of [
        "@squadron help",
        "@Squadron HELP",
        "@SQUADRON help me please",
        "@squadron: help",
        "@squadron help!"
      ]) {
        assert.deepStrictEqual(yield* commands(text), [{ _tag: "Help" }], text)
      }
    })
  )

  it.effect("an agent is addressed with and without a colon, and in the middle of a text", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* find("@squadron pm: plan it"), [{ word: "pm", colon: true, text: "plan it" }])
      assert.deepStrictEqual(yield* find("@squadron PM plan it"), [{ word: "pm", colon: false, text: "plan it" }])
      assert.deepStrictEqual(yield* find("Thanks! (@squadron feat-dev, go on)"), [
        { word: "feat-dev", colon: false, text: "go on)" }
      ])
      assert.deepStrictEqual(yield* find("@squadron pm:plan it"), [{ word: "pm", colon: true, text: "plan it" }])
      assert.deepStrictEqual(yield* find("**@squadron** *pm*: plan it"), [{ word: "pm", colon: true, text: "plan it" }])
    })
  )

  it.effect("a mention's text goes on over lines, lists and code to the end", () =>
    Effect.gen(function* () {
      const markdown = [
        "@squadron pm: first **line**",
        "second line",
        "",
        "1. one [link](https://example.org)",
        "2. two",
        "   - deeper",
        "",
        "```ts",
        "const a = 1",
        "```",
        "",
        "> said before",
        "> and more",
        "",
        "end <!-- unseen -->"
      ].join("\n")
      assert.deepStrictEqual(yield* find(markdown), [
        {
          word: "pm",
          colon: true,
          text: "first line\nsecond line\n\n1. one link\n2. two\n- deeper\n\nconst a = 1\n\n> said before\n> and more\n\nend"
        }
      ])
    })
  )

  it.effect("each of several mentions has the text up to the next", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* find("@squadron pm: plan\n\n@squadron feat-dev build\nit"), [
        { word: "pm", colon: true, text: "plan" },
        { word: "feat-dev", colon: false, text: "build\nit" }
      ])
    })
  )

  it.effect("an unknown word without a colon is prose; with a colon it is a mistake", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* commands("@squadron org is great: really"), [null])
      assert.deepStrictEqual(yield* commands("@squadron pmm: plan it"), [{ _tag: "Unknown", word: "pmm" }])
    })
  )

  it.effect("an address is no word", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* find("@squadron https://example.org/a: see"), [
        { word: "", colon: false, text: "https://example.org/a: see" }
      ])
      assert.deepStrictEqual(yield* commands("@squadron <https://example.org>"), [null])
      assert.deepStrictEqual(yield* find("@squadron pm/notes.md is wrong"), [
        { word: "", colon: false, text: "pm/notes.md is wrong" }
      ])
    })
  )

  it.effect("the name is no part of another word, address or team", () =>
    Effect.gen(function* () {
      for (const text of [
        "foo@squadron help",
        "@squadron-dev help",
        "@squadronx help",
        "@squadron_x help",
        "@squadron/team help",
        "@squadron.org help",
        "a@squadron.org",
        "npm i @scope/@squadron",
        "@squadron's help",
        "@squ**adron** help"
      ])
        assert.deepStrictEqual(yield* find(text), [], text)
      assert.deepStrictEqual(yield* find("@a.c help", "a.c"), [{ word: "help", colon: false, text: "" }])
      assert.deepStrictEqual(yield* find("@abc help", "a.c"), [])
      assert.deepStrictEqual(yield* find("@squadron-dev[bot] help", "squadron-dev[bot]"), [
        { word: "help", colon: false, text: "" }
      ])
    })
  )

  it.effect("code, quotes, HTML and addresses of links say nothing", () =>
    Effect.gen(function* () {
      for (const text of [
        "`@squadron help`",
        "```\n@squadron help\n```",
        "```python\n@squadron help\n```",
        "~~~\n@squadron help\n~~~",
        "```\n@squadron help",
        "    @squadron help",
        "- a\n\n      @squadron help",
        "> @squadron help",
        "> a\n@squadron help",
        "<div>\n@squadron help\n</div>",
        "<!-- @squadron help -->",
        "a <!-- @squadron help --> b",
        '[x](https://example.org/@squadron "@squadron help")',
        "![@squadron help](a.png)",
        "<https://example.org/?to=@squadron>",
        "https://example.org/?to=@squadron",
        "[x]: https://example.org/@squadron '@squadron help'"
      ])
        assert.deepStrictEqual(yield* find(text), [], text)
    })
  )

  it.effect("a mention beside code still counts, and its word is not taken from code", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* commands("`@squadron pm: no`\n\n@squadron feat-dev: yes"), [
        { _tag: "Address", role: "feat-dev", text: "yes" }
      ])
      assert.deepStrictEqual(yield* commands("~~~\n@squadron pm: no\n~~~\n@squadron help"), [{ _tag: "Help" }])
      assert.deepStrictEqual(yield* commands("@squadron `pm`: run `x`"), [null])
      assert.deepStrictEqual(yield* find("@squadron pm: run `x`"), [
        { word: "pm", colon: true, text: "run `x`".replaceAll("`", "") }
      ])
    })
  )

  const Fragment = Schema.Literals([
    "@squadron help",
    "@squadron pm: do it",
    "\n",
    "\n\n",
    "```",
    "````",
    "~~~",
    "`",
    "> ",
    "- ",
    "    ",
    "<b>",
    "\r\n",
    "*",
    "[x](y)",
    " text "
  ])

  it.effect.prop("in a code fence, no text says anything", [Schema.Array(Fragment), Schema.Boolean], ([parts, tilde]) =>
    Effect.gen(function* () {
      const text = parts.join("")
      const mark = tilde ? "~" : "`"
      const longest = Math.max(2, ...[...text.matchAll(/`+|~+/g)].map((run) => run[0].length))
      const fence = mark.repeat(longest + 1)
      assert.deepStrictEqual(yield* find(`${fence}md\n${text}\n${fence}`), [])
      // And the fence is what does it: the same mention beside it counts.
      assert.deepStrictEqual(yield* commands(`${fence}md\n${text}\n${fence}\n@squadron help`), [{ _tag: "Help" }])
    })
  )
})
