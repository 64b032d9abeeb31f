import { CannotApply, needed, NothingToDo } from "./recipe.mjs"

const numbers = ["no", "one", "two", "three", "four", "five", "six"]
const sentence = new RegExp(`\\bat most (${numbers.join("|")}) digits? after\\b`, "i")

/** How many digits after the point the code takes, found by asking it. */
const accepted = async (turn, path, name) => {
  const program = [
    `import { ${name} } from "./${path}"`,
    `const takes = (digits) => { try { ${name}("1." + "2".repeat(digits)); return true } catch { return false } }`,
    `console.log([1, 2, 3, 4, 5, 6].filter(takes).at(-1) ?? 0)`
  ].join("\n")
  const { code, stderr, stdout } = await turn.execute(`ask ${name} of ${path}`, process.execPath, [
    "--input-type=module",
    "--eval",
    program
  ])
  if (code !== 0) throw new CannotApply(`${name} of ${path} cannot be asked: ${stderr.trim().split("\n").at(-1)}`)
  return Number(stdout)
}

/** The function that reads an amount: the one that the issue names, or the first. */
const readerOf = async (turn, { body }) => {
  const { stdout } = await turn.run("git", ["grep", "-lE", "^export const to", "--", "src"])
  const found = stdout
    .split("\n")
    .filter((path) => path.endsWith(".js"))
    .flatMap((path) =>
      [...needed(turn, path).matchAll(/^export const (to\w+) = \(text\)/gm)].map(([, name]) => ({ name, path }))
    )
  const reader = found.find(({ name }) => body.includes(`\`${name}`)) ?? found[0]
  if (reader === undefined) throw new CannotApply("no function in src reads an amount")
  return reader
}

/** Corrects how many digits a document says that a price may have, after asking the code. */
export const priceDigits = {
  name: "price-digits",
  about: "a document that says wrongly how many digits a price may have after its point",
  matches: ({ body, title }) =>
    /\bdigits?\b|\bdecimals?\b/i.test(`${title}\n${body}`) && /\bdocs?\b|\.md\b/i.test(`${title}\n${body}`),

  apply: async (turn, { issue }) => {
    const named = /\b(docs\/[\w./-]+\.md)\b/.exec(`${issue.title}\n${issue.body}`)?.[1] ?? "docs/format.md"
    const text = needed(turn, named)
    const found = sentence.exec(text)
    if (found === null) throw new CannotApply(`${named} does not say how many digits a price may have`)
    const { name, path } = await readerOf(turn, issue)
    const digits = await accepted(turn, path, name)
    const says = numbers.indexOf(found[1].toLowerCase())
    if (says === digits) throw new NothingToDo(`${named} says ${found[1]} digits, and \`${name}\` takes as many`)
    const right = `at most ${numbers[digits]} digit${digits === 1 ? "" : "s"} after`
    await turn.edit(named, text.replace(sentence, right))
    return {
      title: `Say that a price has ${right.replace(/ after$/, "")} after its point`,
      changed: [
        `\`${named}\`: it said "${found[0]}". \`${name}\` of \`${path}\`, asked with one to six digits, takes ${digits} and refuses more.`
      ],
      entry: `The description of the format says how many digits a price may have: ${numbers[digits]}.`,
      fixes: []
    }
  }
}
