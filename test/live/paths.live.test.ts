import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { git, makeFolder } from "./changes/Folder.ts"
import { cli } from "./support/Daemon.ts"

const within = 60_000
/** What stands in the files outside, in a form that YAML, a template and a role's file could take for theirs. */
const secret = "hunter2-correct-horse"

/** A project of puppets, less their own configuration, and a file outside of it; gone with the scope. */
const project = Effect.fnUntraced(function* (config: string, agents: Readonly<Record<string, string>>) {
  const { folder, top } = yield* makeFolder({})
  writeFileSync(join(top, "outside.md"), `${secret}: ${secret}\n`)
  writeFileSync(join(folder, ".squadron", "config.yaml"), `sandbox: off\n${config}\n`)
  for (const [name, text] of Object.entries(agents)) writeFileSync(join(folder, ".squadron", "agents", name), text)
  const before = readdirSync(top)
  return {
    folder,
    top,
    start: Effect.gen(function* () {
      const { code, err, out } = yield* cli(["start", folder, "--agent", "true", "--port", "0"])
      assert.notInclude(err, "    at ")
      assert.notInclude(`${out}${err}`, secret)
      assert.deepStrictEqual(readdirSync(top), before)
      return { code, err }
    })
  }
})

describe("paths in the configuration lead nowhere else", () => {
  for (const name of ["../outside", "a/..", "/etc"]) {
    it.live(
      `the repository's name ${JSON.stringify(name)} is refused, and nothing is made by it`,
      () =>
        Effect.gen(function* () {
          const { folder, start } = yield* project(`repository: "${name}"`, {})
          const { code, err } = yield* start
          assert.include([1, 2], code)
          assert.match(err, /repository/)
          assert.match(err, /owner\/name/)
          for (const made of ["mirrors", "repositories", "workspaces"]) {
            const place = join(folder, ".squadron-state", made)
            assert.deepStrictEqual(
              existsSync(place) ? readdirSync(place).filter((one) => !one.startsWith(".")) : [],
              []
            )
          }
        }),
      within
    )
  }

  it.live(
    "a role's file that is a link out of the project is read as a role or refused, and never told",
    () =>
      Effect.gen(function* () {
        const { folder, start, top } = yield* project("", {})
        symlinkSync(join(top, "outside.md"), join(folder, ".squadron", "agents", "outside.md"))
        const { code, err } = yield* start
        assert.strictEqual(code, 2)
        assert.include(err, `${folder}/.squadron/agents/outside.md:1: this agent has no front matter`)
      }),
    within
  )

  it.live(
    "a role's file that is a folder, or leads to nothing, is refused by its name",
    () =>
      Effect.gen(function* () {
        const { folder, start, top } = yield* project("", {})
        mkdirSync(join(folder, ".squadron", "agents", "folder.md"))
        symlinkSync(join(top, "nowhere"), join(folder, ".squadron", "agents", "broken.md"))
        const { code, err } = yield* start
        assert.strictEqual(code, 2)
        for (const name of ["folder.md", "broken.md"]) assert.include(err, `${folder}/.squadron/agents/${name}: `)
      }),
    within
  )

  it.live(
    "a prompt includes no file: a placeholder that looks like a path is refused with its line",
    () =>
      Effect.gen(function* () {
        const placeholders = ["../../outside.md", "/etc/passwd", "include outside.md", "> outside"]
        const files = placeholders.map((placeholder, index) => [
          `including-${index}.md`,
          `---\nagent: puppet\n---\nDo it.\n{{ ${placeholder} }}\n`
        ])
        const { folder, start } = yield* project("", Object.fromEntries(files))
        const { code, err } = yield* start
        assert.strictEqual(code, 2)
        for (const [name] of files) assert.include(err, `${folder}/.squadron/agents/${name}:5: `)
      }),
    within
  )

  it.live(
    "a source that is not there is refused by its path, and none is made there",
    () =>
      Effect.gen(function* () {
        const { start, top } = yield* project("source: ../nowhere", {})
        const { code, err } = yield* start
        assert.strictEqual(code, 1)
        assert.include(err, `there is no folder ${join(top, "nowhere")}`)
        assert.isFalse(existsSync(join(top, "nowhere")))
      }),
    within
  )

  it.live(
    "a project's links to files outside are committed as links, whatever they lead to",
    () =>
      Effect.gen(function* () {
        const { folder, top } = yield* project("source: plain", {})
        mkdirSync(join(folder, "plain"))
        symlinkSync(join(top, "outside.md"), join(folder, "plain", "link.md"))
        symlinkSync("../..", join(folder, "plain", "up"))
        const bare = join(folder, ".squadron-state", "repositories", "example", "app.git")
        writeFileSync(
          join(folder, ".squadron", "config.yaml"),
          "sandbox: off\nrepository: example/app\nsource: plain\n"
        )
        const { code } = yield* cli(["start", folder, "--agent", "true", "--port", "0", "--once"])
        assert.strictEqual(code, 0)
        const tree = yield* git(bare, "ls-tree", "-r", "main")
        assert.match(tree, /^120000 blob \w+\tlink\.md\n120000 blob \w+\tup$/)
        assert.strictEqual(yield* git(bare, "show", "main:link.md"), join(top, "outside.md"))
      }),
    within
  )
})
