// The project's tests: run as `npm test` does, and read from what the runner reports.
import { join } from "node:path"

const field = (block, name) =>
  new RegExp(`^ +${name}: (?:'(.*)'|"(.*)"|(.*))$`, "m").exec(block)?.slice(1).find(Boolean)

/** The tests that a TAP report calls failed, each with where it stands and what it found. */
const failuresIn = (tap) =>
  [...tap.matchAll(/^( *)not ok \d+ - (.*)\n(?:\1 {2}---\n([^]*?)\n\1 {2}\.\.\.$)?/gm)]
    .filter(([, , name]) => !/ # (?:TODO|SKIP)\b/.test(name))
    .map(([, , name, block = ""]) => ({
      name: name.trim(),
      at: /location: '(.*):(\d+):\d+'/.exec(block)?.[1] ?? null,
      // The newest line of the test's own file in the stack: the assertion that failed.
      line: Number(/\(?file:\/\/[^\n)]*?:(\d+):\d+\)?/.exec(block)?.[1] ?? 0),
      error: /^ +error: (?:\|-\n([^]*?)\n +code:|'(.*)'|(.*)$)/m.exec(block)?.slice(1).find(Boolean)?.trim() ?? "",
      expected: field(block, "expected"),
      actual: field(block, "actual")
    }))
    // A file is listed as well where it could not be run; a suite repeats the failures of its tests.
    .filter(({ error }) => !/^\d+ subtests? failed$/.test(error))

/**
 * Runs the project's tests in `folder` of the workspace (the workspace itself, unless told); gives
 * `{ passed, failed, ok, summary }`.
 */
export const runTests = async (turn, folder = turn.cwd) => {
  const { code, stdout } = await turn.execute("npm test", "npm", ["test", "--", "--test-reporter=tap"], folder)
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(stdout)?.[1] ?? 0)
  const failed = failuresIn(stdout)
  return {
    ok: code === 0,
    passed: count("pass"),
    failed: failed.map((test) => ({
      ...test,
      at: test.at?.startsWith(folder) ? test.at.slice(join(folder, "/").length) : test.at
    })),
    summary: `${count("pass")} passed, ${count("fail") + count("cancelled")} failed`
  }
}

/** Names of tests that fail in `after` and did not in `before`. */
export const newFailures = (before, after) => {
  const known = new Set(before.map(({ name }) => name))
  return after.filter(({ name }) => !known.has(name)).map(({ name }) => name)
}
