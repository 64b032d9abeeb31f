import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { fieldOf, parseYaml } from "../../../src/adapters/config/YamlSource.ts"

const parse = (text: string, linesBefore?: number) => Result.getOrThrow(parseYaml("a.yaml", text, linesBefore))

describe("a YAML text with its lines", () => {
  const text = "# first\na: 1\nb:\n  - x\n  - y: 2\n    z: 3\n"

  it("knows the line of each key and item", () => {
    const source = parse(text)
    assert.deepStrictEqual(source.value, { a: 1, b: ["x", { y: 2, z: 3 }] })
    assert.strictEqual(source.lineOf(["a"]), 2)
    assert.strictEqual(source.lineOf(["b"]), 3)
    assert.strictEqual(source.lineOf(["b", 0]), 4)
    assert.strictEqual(source.lineOf(["b", 1, "z"]), 6)
  })

  it("gives the line of what is around where the path leads nowhere", () => {
    const source = parse(text)
    assert.strictEqual(source.lineOf(["b", 1, "none"]), 5)
    assert.strictEqual(source.lineOf(["a", "none"]), 2)
    assert.strictEqual(source.lineOf(["none"]), null)
    assert.strictEqual(source.lineOf([]), null)
  })

  it("counts the lines above it", () => {
    assert.strictEqual(parse("a: 1", 3).lineOf(["a"]), 4)
  })

  it("is an empty map where it says nothing", () => {
    assert.deepStrictEqual(parse("# only a comment\n").value, {})
  })

  it("is refused with aliases that grow without bound", () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(", ")}]`)
    const bomb = ["a0: &a0 [x, x]", ...levels].join("\n")
    const refused = Result.getOrThrow(Result.flip(parseYaml("a.yaml", bomb)))
    assert.deepStrictEqual(
      refused.map(({ message }) => message),
      [
        "a.yaml: this YAML cannot be used (Excessive alias count indicates a resource exhaustion attack). Write it without aliases."
      ]
    )
  })

  it("names a field as people write it", () => {
    assert.strictEqual(fieldOf(["on", 0, "labels", 2]), "on[0].labels[2]")
    assert.strictEqual(fieldOf([]), "")
  })
})
