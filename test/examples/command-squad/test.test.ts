import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Logger } from "effect"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { asks, comments, folderWith, leftIn, repositoryWith, sampleProject, turn, write } from "./CommandSquad.ts"

const project = (test: string, files: Readonly<Record<string, string>> = {}) => ({
  "package.json": JSON.stringify({ name: "p", type: "module", scripts: { test } }),
  ...files
})

const failing = `
import { describe, test } from "node:test"
describe("sums", () => {
  test("adds \`up\` for @squadron test", () => {})
  test("is \`never\` negative, @squadron test", () => { throw new Error("@squadron test\\n\\u001b[31m\`\`\`\\n@squadron scout") })
})
test("stands alone", () => { throw new Error("no") })
test("is for later", { skip: true }, () => {})
`

const testTurn = Effect.fnUntraced(function* (folder: string, text = "", limits = {}) {
  const temporary = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  const result = yield* turn("test", { project: folder, temporary, limits, messages: [asks(text)] })
  assert.deepStrictEqual(leftIn(temporary), [])
  assert.strictEqual(result.outcome._tag, "Completed")
  return comments(result)[0] ?? ""
})

const fromFolder = (files: Readonly<Record<string, string>>, text = "", limits = {}) =>
  Effect.flatMap(folderWith(files), (folder) => testTurn(folder, text, limits))

describe("test", { timeout: 60_000 }, () => {
  it.layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    it.effect("runs the sample project's own tests", () =>
      Effect.gen(function* () {
        const body = yield* testTurn(yield* sampleProject)
        assert.match(
          body,
          /^The tests failed with exit code 1: 12 passed, 1 failed in \d+\.\d s\.\n\nRun with `node --test` /
        )
        assert.include(body, "- `half a cent of a credit note is rounded away from zero, like that of the invoice`")
      })
    )

    it.effect("runs what is committed, on a clone that holds the project's part only", () =>
      Effect.gen(function* () {
        const { folder, head } = yield* repositoryWith({
          "part/package.json": JSON.stringify({ scripts: { test: "git rev-parse HEAD && ls .. && ls && cat a.txt" } }),
          "part/a.txt": "committed",
          "other/b.txt": ""
        })
        write(folder, { "part/a.txt": "not yet", "part/c.txt": "" })
        const body = yield* testTurn(join(folder, "part"))
        assert.include(body, `at \`${head.slice(0, 12)}\``)
        assert.match(body, new RegExp(`${head}\npart\na\\.txt\npackage\\.json\ncommitted\n`))
      })
    )

    it.effect("names the tests that failed and shows the end of the output, as code", () =>
      Effect.gen(function* () {
        const body = yield* fromFolder(project("node --test", { "a.test.js": failing }))
        assert.match(body, /^The tests failed with exit code 1: 1 passed, 2 failed, 1 skipped in /)
        assert.include(body, "- `stands alone`")
        assert.include(body, "- `` is `never` negative, @\u200bsquadron test ``")
        assert.include(body, "````text\n")
        assert.notInclude(body, "\u001b")
      })
    )

    it.effect("reads TAP as well", () =>
      Effect.gen(function* () {
        const body = yield* fromFolder(project("node --test --test-reporter=tap", { "a.test.js": failing }))
        assert.match(body, /^The tests failed with exit code 1: 1 passed, 2 failed, 1 skipped in /)
        assert.include(body, "- `stands alone`")
        assert.notInclude(body, "- `is for later`")
      })
    )

    it.effect("gives the pattern to the runner as one word that no shell reads", () =>
      Effect.gen(function* () {
        const files = project("node --test", { "a.test.js": failing, "b.test.js": "" })
        const some = yield* fromFolder(files, "`adds|alone`\nand a second line")
        assert.match(some, /: 1 passed, 1 failed in /)
        const none = yield* fromFolder(files, "$(touch pwned); echo '\"")
        assert.match(none, /^No test has a name that matches `\$\(touch pwned\); echo '"`\./)
        const other = yield* fromFolder(project("ls -d"), "--help")
        assert.include(other, "ls: cannot access 'help'")
      })
    )

    it.effect("says so where there is nothing to run", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* fromFolder({ "a.txt": "" }), "There are no tests to run: there is no package.json.")
        assert.strictEqual(
          yield* fromFolder({ "package.json": "{" }),
          "There are no tests to run: package.json is not valid JSON."
        )
        assert.strictEqual(
          yield* fromFolder({ "package.json": "{}" }),
          "There are no tests to run: package.json has no `test` script."
        )
        assert.include(
          yield* testTurn("/nowhere/at/all"),
          "The tests could not be run: there is no checkout of the project."
        )
        assert.match(
          yield* fromFolder(project("no-such-runner --all")),
          /^The tests failed with exit code 127: no counts in the report[^]*not found/
        )
      })
    )

    it.effect("ends tests that hang before its own time is over, with all that they started", () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(project("node hang.js"))
        const pid = join(folder, "pid")
        write(folder, {
          "hang.js": `import { spawn } from "node:child_process"; import { writeFileSync } from "node:fs"
console.log("started"); writeFileSync(${JSON.stringify(pid)}, String(spawn("sleep", ["1000"]).pid)); process.on("SIGTERM", () => {})`
        })
        const body = yield* testTurn(folder, "", { wallClock: 10_000 })
        assert.match(body, /^The tests were ended: they were still running after [4-8] s\.[^]*started/)
        assert.isFalse(isRunning(readFileSync(pid, "utf8")))
      })
    )

    it.effect("keeps the newest of a flood of output", () =>
      Effect.gen(function* () {
        const body = yield* fromFolder(
          project("node flood.js", { "flood.js": "for (let i = 0; i < 300000; i++) console.log('line', i)" })
        )
        assert.include(body, "line 299999\n```")
        assert.isBelow(body.length, 8000)
      })
    )

    it.effect("leaves no folder and no process when it is called off", () =>
      Effect.gen(function* () {
        const temporary = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
        const folder = yield* folderWith(project("node hang.js"))
        const pid = join(folder, "pid")
        write(folder, {
          "hang.js": `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(pid)}, String(process.pid)); setInterval(() => {}, 1000)`
        })
        const running = yield* Deferred.make<void>()
        const logger = Logger.layer([
          Logger.make(() => {
            if (existsSync(pid)) Deferred.doneUnsafe(running, Effect.void)
          })
        ])
        const fiber = yield* turn("test", { project: folder, temporary, messages: [asks("")] }).pipe(
          Effect.provide(logger),
          Effect.forkChild
        )
        yield* Deferred.await(running)
        assert.lengthOf(leftIn(temporary), 1)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(leftIn(temporary), [])
        assert.isFalse(isRunning(readFileSync(pid, "utf8")))
        rmSync(pid)
      })
    )
  })
})

const isRunning = (pid: string): boolean => {
  try {
    process.kill(Number(pid), 0)
    // A zombie that nobody has waited for yet is dead, too.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}
