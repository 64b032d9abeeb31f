// Reads the scripts that a prompt shows, and nothing else. A script is a fenced JSON block in somebody's text:
//
//   { "fixer": [{ "when": "conflicts with", "do": [{ "sh": "git merge $CONFLICT" }, { "tool": ["push_work", {}] }] }] }
//
// Each turn does the steps under `do` of one entry for its role: of the newest script, the first that was not done to its
// end and whose `when`, a regular expression, fits what Squadron itself says in the prompt. One without always fits.
import { placeIn, readPrompt } from "../../../../examples/scripted-agent/prompt.mjs"

const blocks = /^(`{3,})json\n([^]*?)\n\1$/gm

const nothing = { do: [{ tool: ["report_no_work", { reason: "there is no script for this" }] }] }

const parsed = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** The entry for this turn, and what the prompt says of commits; `memory` is the session's. */
export const chooseEntry = (memory, prompt) => {
  const { own, quotes } = readPrompt(prompt)
  memory.role = /the role `([^`]+)`/.exec(own)?.[1] ?? memory.role
  memory.scripts ??= []
  for (const { text } of quotes) {
    for (const [, , block] of text.matchAll(blocks)) {
      // a comment stands both on the subject and among what is new
      if (memory.scripts.some((script) => script.block === block)) continue
      memory.scripts.push({ block, entries: parsed(block)[memory.role] ?? [] })
    }
  }
  const place = placeIn(own)
  for (const { entries } of memory.scripts.toReversed()) {
    const entry = entries.find(({ done, when }) => done !== true && (when === undefined || RegExp(when).test(own)))
    if (entry !== undefined) return { entry, place }
  }
  return { entry: nothing, place }
}
