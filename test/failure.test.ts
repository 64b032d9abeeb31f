import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Outcome } from "../src/domain/Outcome.ts"
import { defaultLimits, defaultPolicy } from "../src/domain/Role.ts"

const root = join(import.meta.dirname, "..")
const page = readFileSync(join(root, "docs/failure.md"), "utf8")

/** The rows of every table, each with its cells. */
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim())
  )

const cited = [...page.matchAll(/`(test\/[^`]+\.ts)` “([^”]+)”/g)].map(([, file = "", name = ""]) => ({ file, name }))

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** A test's own file with those beside it that it imports, where what fills its names may stand. */
const withSupport = (file: string, text: string): string =>
  [...text.matchAll(/from "(\.\/[^"]+)"/g)].reduce(
    (all, [, beside = ""]) => all + readFileSync(join(root, dirname(file), beside), "utf8"),
    text
  )

/** Whether a test of the file is called so. What a loop fills into a name must stand somewhere, too. */
const isThere = ({ file, name }: { readonly file: string; readonly name: string }): boolean => {
  if (!existsSync(join(root, file))) return false
  const text = readFileSync(join(root, file), "utf8")
  const names = text.matchAll(
    /\b(?:it|test|live|holds)(?:\.\w+)*(?:\([^()]*\))?\(\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g
  )
  return [...names].some(([, plain, template = ""]) => {
    if (plain !== undefined) return plain === name
    const fixed = template.split(/\$\{[^}]*\}/)
    if (fixed.join("").length < 12) return false
    const filled = new RegExp(`^${fixed.map(escaped).join("(.+)")}$`).exec(name)
    return filled !== null && filled.slice(1).every((part) => withSupport(file, text).includes(part))
  })
}

const promised = rows.filter(([label = ""]) => /^(I\d+|R-\d+b?|B\d+)$/.test(label))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe("docs/failure.md", () => {
  it("names only tests that are there", () => {
    assert.isAbove(cited.length, 100)
    assert.deepStrictEqual(
      cited.filter((test) => !isThere(test)).map(({ file, name }) => `${file}: ${name}`),
      []
    )
  })

  it("would notice a name that is not there", () => {
    const [first] = cited
    assert.isDefined(first)
    assert.isFalse(isThere({ ...first, name: `${first.name}!` }))
    assert.isFalse(isThere({ file: first.file, name: "" }))
  })

  it("has each promise once, with a test or a plain word that it is not kept yet", () => {
    const labels = [
      ...[1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12].map((n) => `I${n}`),
      ...[...range(1, 21), 33].map((n) => `R-${String(n).padStart(2, "0")}`),
      "R-10b",
      ...[...range(1, 46), 59, 60].map((n) => `B${n}`)
    ]
    assert.deepStrictEqual(promised.map(([label]) => label).toSorted(), labels.toSorted())
    for (const [label, promise = "", proof = ""] of promised) {
      assert.isNotEmpty(promise, label)
      assert.match(proof, /`test\/[^`]+` “|^Not yet: /, label)
    }
  })

  it("has the policy of each outcome, and the defaults that are in force", () => {
    const first = rows.map(([label = ""]) => label).join("\n")
    for (const tag of Object.keys(Outcome.cases)) assert.include(first, `\`${tag}\``)
    const defaults = Object.fromEntries(
      rows.flatMap(([label = "", value = ""]) => {
        const name = /^`(\w+)`$/.exec(label)?.[1]
        return name !== undefined && name in defaultPolicy ? [[name, Number.parseInt(value, 10)]] : []
      })
    )
    assert.deepStrictEqual(defaults, { ...defaultPolicy })
    for (const [text, value] of [
      ["`stall` (5 min)", defaultLimits.stall === 5 * 60_000],
      ["`wallClock` (30 min)", defaultLimits.wallClock === 30 * 60_000],
      ["`maxTurns` (20)", defaultLimits.maxTurns === 20],
      ["`output` (4 MiB)", defaultLimits.output === 4 * 1024 * 1024]
    ] as const) {
      assert.include(page, text)
      assert.isTrue(value, text)
    }
  })
})
