import { posix } from "node:path"
import { CannotApply, needed } from "./recipe.mjs"

/** The text between the parenthesis that opens at `open` and its end. */
const inParentheses = (text, open) => {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === "(") depth += 1
    else if (text[i] === ")" && --depth === 0) return text.slice(open + 1, i)
  }
  return null
}

/** A test that wants a negative number rounded away from zero and finds it rounded up. */
const isRoundedUp = ({ actual, expected }) => Number(expected) < 0 && Number(actual) - Number(expected) === 1

/** The function that the failing assertion calls, and the file that it comes from. */
const calledBy = (turn, { at, line }) => {
  const text = needed(turn, at)
  const assertion = text.split("\n")[line - 1] ?? ""
  for (const [, names, from] of text.matchAll(/^import \{([^}]*)\} from "(\.[^"]*)"/gm)) {
    const called = names
      .split(",")
      .map((name) => name.trim())
      .find((name) => new RegExp(`\\b${name}\\(`).test(assertion))
    if (called !== undefined) return { name: called, path: posix.join(posix.dirname(at), from) }
  }
  throw new CannotApply(`line ${line} of ${at} calls nothing that it imports`)
}

/** `Math.round` rounds halves up, which is towards zero below it. Rounds the amount without its sign instead. */
export const rounding = {
  name: "rounding",
  about: "an amount below zero that is rounded the wrong way, where a failing test shows it",
  matches: ({ body, title }) => /\bround|\bcents?\b[^]*\boff\b|\boff by (?:one|a cent)/i.test(`${title}\n${body}`),

  apply: async (turn, { failed }) => {
    const shown = failed.find((test) => test.at !== null && isRoundedUp(test))
    if (shown === undefined) throw new CannotApply("no failing test shows an amount that is rounded up below zero")
    const { name, path } = calledBy(turn, shown)
    const text = needed(turn, path)
    const start = text.search(new RegExp(`^export const ${name} = \\([^)]*\\) => Math\\.round\\(`, "m"))
    if (start === -1) throw new CannotApply(`${path} has no function ${name} that is one Math.round(…)`)
    const arrow = text.indexOf("=>", start)
    const exact = inParentheses(text, text.indexOf("(", arrow))
    if (exact === null) throw new CannotApply(`the parentheses of ${name} in ${path} do not match`)
    const body = `{\n  const exact = ${exact}\n  return Math.sign(exact) * Math.round(Math.abs(exact))\n}`
    const end = text.indexOf("\n", text.indexOf(exact, arrow) + exact.length)
    await turn.edit(path, `${text.slice(0, arrow)}=> ${body}${text.slice(end === -1 ? text.length : end)}`)
    return {
      title: "Round half cents below zero away from zero",
      changed: [
        `\`${path}\`: \`${name}\` rounded with \`Math.round\`, which takes halves up: towards zero for a negative amount. It now rounds the amount without its sign and puts the sign back.`
      ],
      entry: "Half cents of credit notes are rounded away from zero, like those of invoices.",
      fixes: [shown.name]
    }
  }
}
