import { Result } from "effect"
import type { Fault } from "./decodeSource.ts"

/** A program and its arguments. */
export type CommandLine = readonly [program: string, ...args: ReadonlyArray<string>]

const shellRemedy = (text: string): string =>
  `No shell runs it: put it in quotes if it is meant as it stands, or write \`run: ["sh", "-c", ${JSON.stringify(text)}]\`.`

/**
 * Splits a command line at spaces: '…' keeps all, "…" keeps all but \" and \\, a backslash keeps the next character.
 *
 * Fails on what only a shell could do (pipes, redirection, variables, patterns), on a quote without an end, and on an
 * empty line.
 */
export const splitCommand = (text: string): Result.Result<CommandLine, Fault> => {
  const words: Array<string> = []
  let word: string | null = null
  let quote: string | null = null
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    if (quote !== null) {
      if (c === quote) quote = null
      else if (c === "\\" && quote === '"' && /["\\]/.test(text.charAt(i + 1))) word += text.charAt(++i)
      else if (c === "$" && quote === '"') return unsupported(text, c)
      else word += c
    } else if (c === "'" || c === '"') {
      quote = c
      word ??= ""
    } else if (c === "\\" && i + 1 < text.length) word = (word ?? "") + text.charAt(++i)
    else if (/\s/.test(c)) {
      if (word !== null) words.push(word)
      word = null
    } else if (/[|&;<>()$`*?]/.test(c) || (c === "~" && word === null)) return unsupported(text, c)
    else word = (word ?? "") + c
  }
  if (quote !== null) {
    return Result.fail({ problem: `the quote ${quote} has no end`, remedy: "Close it, or put a backslash before it." })
  }
  if (word !== null) words.push(word)
  const [program, ...rest] = words
  return program === undefined || program === ""
    ? Result.fail({ problem: "the command line is empty", remedy: "For example: `run: ./.squadron/agents/hello.sh`." })
    : Result.succeed([program, ...rest])
}

const unsupported = (text: string, character: string): Result.Result<never, Fault> =>
  Result.fail({ problem: `\`${character}\` needs a shell`, remedy: shellRemedy(text) })
