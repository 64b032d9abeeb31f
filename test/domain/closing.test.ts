import { assert, describe, it } from "@effect/vitest"
import { closedBy } from "../../src/domain/closing.ts"

const cases: ReadonlyArray<readonly [text: string, numbers: ReadonlyArray<number>]> = [
  ["Fixes #12", [12]],
  ["closes: #1, Closed #2 and CLOSE #3", [1, 2, 3]],
  ["resolves GH-7; resolved acme/app#8; fix Acme/App#9", [7, 8, 9]],
  ["fixes #1, fixes #1", [1]],
  ["fixes\n#4", [4]],
  ["fixes other/app#1", []],
  ["see #1, fix the #2, prefixes #3, fixes#4, fixes # 5, fixes #0, fixes #6a", []],
  ["`fixes #1` and\n```\nfixes #2\n```\nfixes #3", [3]],
  ["~~~\nfixes #1\n~~~\nfixes #2", [2]],
  ["```\nfixes #1 and never ends", []],
  ["", []]
]

describe("what a pull request closes", () => {
  for (const [text, numbers] of cases) {
    it(`${JSON.stringify(text)} closes ${numbers.length === 0 ? "nothing" : numbers.join(", ")}`, () => {
      assert.deepStrictEqual(closedBy(text, "acme/app"), numbers)
    })
  }
})
