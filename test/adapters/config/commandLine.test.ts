import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { splitCommand } from "../../../src/adapters/config/commandLine.ts"

const words = (text: string) => Result.getOrElse(splitCommand(text), ({ problem }) => problem)

describe("a command line", () => {
  it("is split at spaces, and quotes keep them", () => {
    assert.deepStrictEqual(words("git  log -1 "), ["git", "log", "-1"])
    assert.deepStrictEqual(words("a 'b c' \"d e\" f\\ g ''"), ["a", "b c", "d e", "f g", ""])
    assert.deepStrictEqual(words("a --x='1 2'\"3 4\""), ["a", "--x=1 23 4"])
    assert.deepStrictEqual(words('a "say \\"hi\\" \\\\ \\n" \'it is \\\''), ["a", 'say "hi" \\ \\n', "it is \\"])
    assert.deepStrictEqual(words("a '|' '$HOME' \\& x~"), ["a", "|", "$HOME", "&", "x~"])
  })

  it("is refused where only a shell could do what it asks for", () => {
    for (const [text, character] of [
      ["a | b", "|"],
      ["a && b", "&"],
      ["a; b", ";"],
      ["a > b", ">"],
      ["a $HOME", "$"],
      ['a "$HOME"', "$"],
      ["a `b`", "`"],
      ["a *.ts", "*"],
      ["~/a", "~"]
    ] as const)
      assert.strictEqual(words(text), `\`${character}\` needs a shell`, text)
  })

  it("is refused without an end of its quotes, and without a program", () => {
    assert.strictEqual(words('a "b'), 'the quote " has no end')
    assert.strictEqual(words("  "), "the command line is empty")
    assert.strictEqual(words("'' a"), "the command line is empty")
  })

  it.prop("gives back any words that were quoted", [Schema.NonEmptyArray(Schema.NonEmptyString)], ([parts]) => {
    const line = parts.map((part) => `'${part.replaceAll("'", "'\\''")}'`).join(" ")
    assert.deepStrictEqual(words(line), [...parts])
  })
})
