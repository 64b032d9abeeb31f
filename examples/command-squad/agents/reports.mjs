// Reads what test runners print.

/** Reads counts and names of failures out of the lines of node's, vitest's, jest's, mocha's and TAP's reports. */
export const reader = () => {
  const counts = {}
  const failed = new Set()
  let files = 0
  let summary = false
  const count = (name, value) => {
    counts[name] = Number(value)
  }
  const line = (text) => {
    const node = /^(?:#|ℹ) (tests|pass|fail|cancelled|skipped|todo) (\d+)$/.exec(text)
    if (node) count(node[1], node[2])
    const mocha = /^ {2}(\d+) (passing|failing|pending)\b/.exec(text)
    if (mocha) count({ passing: "pass", failing: "fail", pending: "skipped" }[mocha[2]], mocha[1])
    if (/^ *Tests:? /.test(text)) {
      for (const [, number, word] of text.matchAll(/(\d+) (passed|failed|skipped|total)/g)) {
        count({ passed: "pass", failed: "fail", skipped: "skipped", total: "tests" }[word], number)
      }
    }
    // Node counts a file in which no test was selected as one test that passed.
    if (/^(?:✔ |ok \d+ - )\S+\.[cm]?[jt]sx?(?: \([\d.]+ms\))?$/.test(text)) files++
    if (text.startsWith("✖ failing tests:")) summary = true
    const named =
      /^\s*not ok \d+ - (.+?)(?: # (?!TODO|SKIP).*)?$/.exec(text) ??
      /^\s*✖ (.+?) \([\d.]+ms\)$/.exec(text) ??
      /^\s*(?:FAIL|×) +(.+?)(?: \d+ms)?$/.exec(text) ??
      /^ {2}● (.+)$/.exec(text)
    if (named && !summary && !/ # (?:TODO|SKIP)/i.test(text)) failed.add(named[1])
  }
  return { counts, failed, line, passed: () => (counts.pass ?? 0) - files }
}
