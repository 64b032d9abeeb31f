import { append, needed, replace } from "./recipe.mjs"

// The table of edits. Each place must be there exactly once, or the recipe does not fit.
const edits = [
  {
    path: "src/invoice.js",
    find: `/** The invoice as text, amounts to the right. */
export const render = (lines, taxPercent) => {`,
    by: `/** The invoice as text, amounts to the right; the total names the currency where there is one. */
export const render = (lines, taxPercent, currency = "") => {`
  },
  {
    path: "src/invoice.js",
    find: `["Total", formatCents(gross)]`,
    by: `[\`Total \${currency}\`.trimEnd(), formatCents(gross)]`
  },
  {
    path: "src/main.js",
    find: `[--tax <percent>] <file.csv>`,
    by: `[--tax <percent>] [--currency <code>] <file.csv>`
  },
  {
    path: "src/main.js",
    find: `    tax: { type: "string", default: "19" }\n`,
    by: `    tax: { type: "string", default: "19" },\n    currency: { type: "string", default: "" }\n`
  },
  {
    path: "src/main.js",
    find: `Number(values.tax)))`,
    by: `Number(values.tax), values.currency))`
  },
  {
    path: "README.md",
    find: `--tax 19 lines.csv`,
    by: `--tax 19 --currency EUR lines.csv`
  }
]

const tests = [
  {
    path: "test/invoice.js",
    lines: `test("the total names the currency, where there is one", () => {
  assert.match(render(lines, 19, "EUR"), /^Total EUR +41\\.11$/m)
})`
  },
  {
    path: "test/main.js",
    lines: `test("--currency names the currency beside the total", () => {
  assert.match(invoice("--tax", "7", "--currency", "CHF"), /^Total CHF +36\\.97$/m)
})`
  }
]

/** Adds `--currency`. The entry in the changelog is left to the review that will miss it; README.md says why. */
export const currency = {
  name: "currency",
  about: "an option `--currency` that names the currency beside the total",
  matches: ({ body, title }) => /--currency\b/.test(`${title}\n${body}`) || /\bcurrency\b/i.test(title),
  leavesOutEntry: true,

  apply: async (turn) => {
    for (const { path } of [...edits, ...tests]) needed(turn, path)
    for (const { by, find, path } of edits) await replace(turn, path, find, by)
    for (const { lines, path } of tests) await append(turn, path, lines)
    return {
      title: "Name the currency beside the total: --currency",
      changed: [
        "`src/main.js`: the option `--currency <code>`; without it nothing changes.",
        "`src/invoice.js`: `render` takes the currency and puts it beside `Total`.",
        "`test/invoice.js`, `test/main.js`: a test each.",
        "`README.md`: the option in the example."
      ],
      entry: "`--currency` names the currency beside the total.",
      fixes: []
    }
  }
}
