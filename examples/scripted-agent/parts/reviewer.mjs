import { changelogFile } from "../recipes/changelog.mjs"
import { asks, withCheckout } from "../repository.mjs"
import { newFailures, runTests } from "../tests.mjs"
import { code, counted } from "../words.mjs"
import { reviewBy } from "./reviewing.mjs"
import { leftBehind, untested, withoutEntry } from "./rules.mjs"

/** The texts of the tests that failed on the base and pass now, as far as their place is known. */
const mendedTests = (turn, before, after) => {
  const still = new Set(after.failed.map(({ name }) => name))
  return before.failed
    .filter(({ at, name }) => at !== null && !still.has(name))
    .map(({ at, name }) => {
      const text = turn.read(at)
      const start = text.indexOf(name)
      return start === -1 ? "" : text.slice(start).split(/\n(?=\S)(?![})\]])/)[0]
    })
}

/** Runs the tests of the change and of its base, and checks a change against fixed rules. */
export const reviewer = (turn) =>
  reviewBy(turn, async ({ base, files }) => {
    const after = await runTests(turn)
    const before = await withCheckout(turn, base, (folder) => runTests(turn, folder))
    const broken = newFailures(before.failed, after.failed)
    const first = files.find(({ added }) => added.length > 0)
    const findings = [
      ...(broken.length === 0 || first === undefined
        ? []
        : [
            {
              path: first.path,
              line: first.added[0].line,
              body: `Rule: no test fails that passes on the base. With this change these fail: ${broken.map((name) => code(name)).join(", ")}.`
            }
          ]),
      ...untested(files, turn.read, mendedTests(turn, before, after)),
      ...withoutEntry(files, await asks(turn, "cat-file", "-e", `HEAD:${changelogFile}`)),
      ...leftBehind(files)
    ]
    return {
      findings,
      good: "Every rule of this script is met.",
      looked: `It looked at ${counted(files.length, "changed file")} and ran \`npm test\`: ${before.summary} on the base, ${after.summary} with the change. It checks rules only: whether the change is a good one is for a person or a model to say.`
    }
  })
