import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { cli } from "./cli/runCli.ts"

const root = resolve(import.meta.dirname, "..")
const textOf = (path: string): string => readFileSync(join(root, path), "utf8")
const readme = textOf("README.md")

const matches = (text: string, pattern: RegExp): ReadonlyArray<string> => [
  ...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ""))
]

/** What stands in the README as code of this language. */
const blocks = (language: string): ReadonlyArray<string> =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"))].map((match) => match[1] ?? "")

/** All that a person could type: blocks for the shell, and code within sentences. */
const typed = [
  ...blocks("sh"),
  ...[...readme.replaceAll(/^```[^]*?^```$/gm, "").matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? "")
].join("\n")

/** The names in the lists of a help page. */
const listed = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const { exit, out } = yield* cli([...args, "--help"])
  assert.strictEqual(exit, 0)
  return matches(
    out.replace(/^(?:USAGE|FLAGS|INHERITED FLAGS|GLOBAL FLAGS|EXAMPLES)\n(?: .*\n?)+/gm, ""),
    /^ {2}(\w+) {2}/gm
  )
})

describe("README", () => {
  it.effect("names no command that is not there, and leaves none out", () =>
    Effect.gen(function* () {
      const commands = yield* listed([])
      const named = matches(typed, /(?<![@\w/.-])squadron(?: --dir \S+)? ([a-z]+)/g)
      assert.deepStrictEqual(named.toSorted(), commands.toSorted())
    })
  )

  it.effect("names the commands for issues as they are", () =>
    Effect.gen(function* () {
      const commands = yield* listed(["issue"])
      const row = readme.split("\n").find((line) => line.startsWith("| `squadron issue` |")) ?? ""
      assert.deepStrictEqual(matches(row, /`([a-z]+)`/g).toSorted(), commands.toSorted())
      for (const name of matches(typed, /squadron issue ([a-z]+)/g)) assert.include(commands, name)
    })
  )

  it.effect("names no flag that its command does not have", () =>
    Effect.gen(function* () {
      const uses = [...typed.matchAll(/(?<![@\w/.-])squadron ((?:(?:issue|pull) )?[a-z]+)[^`\n#]*? (--[a-z-]+)/g)]
      assert.isAbove(uses.length, 2)
      for (const [, command = "", flag = ""] of uses) {
        const { out } = yield* cli([...command.split(" "), "--help"])
        assert.match(out, new RegExp(`^  ${flag}\\b`, "m"), `squadron ${command} ${flag}`)
      }
    })
  )

  it("names no npm script that is not there", () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(textOf("package.json"))
    const named = [...matches(typed, /npm run ([\w:]+)/g), ...matches(typed, /npm (start|test)\b/g)]
    assert.includeMembers(named, ["start", "test", "replay"])
    for (const name of named) assert.property(scripts, name)
  })

  it("quotes the library's example and its test as they are", () => {
    assert.deepStrictEqual(blocks("ts"), [textOf("examples/library/main.ts"), textOf("examples/library/main.test.ts")])
  })

  it("shows the agents of the first squad, all of them", () => {
    const [, part = ""] = readme.split("| agent | starts on | does |\n")
    const cells = matches(part.split("\n\n")[0] ?? "", /^\| ([^|]+) \|/gm).join()
    const files = readdirSync(join(root, "examples/first-squad/.squadron/agents"))
    assert.deepStrictEqual(
      matches(cells, /`([a-z-]+)`/g)
        .map((name) => `${name}.md`)
        .toSorted(),
      files.toSorted()
    )
  })

  it("shows the same script as the contract of programs", () => {
    const script = blocks("sh").find((block) => block.startsWith("#!/bin/sh")) ?? ""
    assert.notStrictEqual(script, "")
    assert.include(textOf("docs/command-harness.md"), `\`\`\`sh\n${script}\`\`\``)
  })
})

describe("documents", () => {
  for (const file of [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    ...readdirSync(join(root, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`)
  ]) {
    it(`${file}: every link leads to a file`, () => {
      const links = matches(textOf(file), /\]\((?!\w+:|#)([^)#]+)/g)
      const dead = links.filter((link) => !existsSync(resolve(root, dirname(file), link)))
      assert.deepStrictEqual(dead, [])
    })
  }

  it("docs/dependencies.md: every dependency has its line, and no other", () => {
    const { dependencies, devDependencies } = JSON.parse(textOf("package.json"))
    const named = matches(textOf("docs/dependencies.md"), /^\| `([^`]+)` \|/gm)
    assert.deepStrictEqual(named.toSorted(), Object.keys({ ...dependencies, ...devDependencies }).toSorted())
  })
})

describe("package-lock.json", () => {
  const script = fileURLToPath(new URL("../scripts/complete-lock.cjs", import.meta.url))
  const complete = (text: string): string => {
    const folder = mkdtempSync(join(tmpdir(), "lock-"))
    const file = join(folder, "package-lock.json")
    writeFileSync(file, text)
    const { status, stderr } = spawnSync(process.execPath, [script, file], { encoding: "utf8" })
    const completed = readFileSync(file, "utf8")
    rmSync(folder, { recursive: true })
    assert.strictEqual(status, 0, stderr)
    return completed
  }
  const lock = textOf("package-lock.json")

  it("has the packages of every platform", () => {
    assert.strictEqual(complete(lock), lock)
  })

  it("gets back what npm leaves out where the registry does not have it", () => {
    const packages = Object.entries<{ integrity?: string }>(JSON.parse(lock).packages)
    const kept = packages.filter(([path, { integrity }]) => path === "" || integrity !== undefined)
    assert.isBelow(kept.length, packages.length)
    const stripped = { ...JSON.parse(lock), packages: Object.fromEntries(kept) }
    assert.deepStrictEqual(JSON.parse(complete(JSON.stringify(stripped))), JSON.parse(lock))
  })

  it("names no registry", () => {
    assert.notMatch(lock, /"resolved"/)
  })
})
