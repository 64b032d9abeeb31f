import { answersAmong, readPrompt, subjectAmong } from "../prompt.mjs"
import { signed } from "../words.mjs"
import { askPerson } from "./questions.mjs"

// What speaks for a label: in the title it counts twice. A word that is denied ("not a bug") does not count.
const signs = {
  bug: [
    [/\b(?:bugs?|broken|crash(?:es|ed)?|regression|traceback|stack trace)\b/gi, 3],
    [/\b(?:fails?|failed|failing|wrong(?:ly)?|incorrect|errors?|exceptions?|throws)\b/gi, 2],
    [/\b(?:off by|instead of|expected|should have|stopped working)\b/gi, 2]
  ],
  feature: [
    [/\b(?:feature|option|support for|it would be (?:nice|good|useful)|please add|allow)\b/gi, 3],
    [/\b(?:add|support|new|could|want|would like)\b/gi, 1],
    [/(?:^|\s|`)--[a-z][a-z-]+/gi, 2]
  ],
  docs: [
    [/\b(?:docs?|documentation|documented|readme|typo|changelog)\b/gi, 3],
    [/\b[\w/-]+\.md\b/gi, 3],
    [/\b(?:says|describes|explains|wording)\b/gi, 1]
  ]
}
const denied = /\b(?:not|no|isn't|never)(?: an?)? $/i

/** What speaks for each label: its weight and the words. */
const weigh = ({ body, title }) =>
  Object.entries(signs).map(([label, patterns]) => {
    const found = patterns.flatMap(([pattern, weight]) =>
      [title, body].flatMap((text, index) =>
        [...text.matchAll(pattern)]
          .filter((match) => !denied.test(text.slice(0, match.index)))
          .map(([word]) => ({ word: word.trim().toLowerCase(), weight: index === 0 ? weight * 2 : weight }))
      )
    )
    // Each word counts once, where it weighs most.
    const words = new Map()
    for (const { weight, word } of found) words.set(word, Math.max(weight, words.get(word) ?? 0))
    return { label, words: [...words.keys()], weight: [...words.values()].reduce((sum, weight) => sum + weight, 0) }
  })

/** Least lead that the first has to have over the second. */
const clear = 2

/** The label that a person named, if it is exactly one. */
const namedIn = (texts) => {
  const named = new Set(texts.flatMap((text) => text.toLowerCase().match(/\b(?:bug|feature|docs)\b/g) ?? []))
  return named.size === 1 ? [...named][0] : undefined
}

const settle = async (turn, label, why) => {
  await turn.call("add_labels", { labels: [label] })
  await turn.call("comment", { body: signed(`I labelled this as \`${label}\`: ${why}.`) })
  return turn.call("report_done", { summary: `Labelled as ${label}, by a script` })
}

/** Labels an issue by its words; asks where they do not tell. */
export const pm = async (turn) => {
  const told = readPrompt((await turn.call("read_subject")).text).quotes
  const issue = subjectAmong(turn.quotes) ?? subjectAmong(told) ?? turn.memory.issue
  if (issue === undefined) return turn.call("report_no_work", { reason: "there is no issue to label" })
  turn.memory.issue = issue
  const answers = answersAmong(turn.quotes)
  const answer = namedIn(answers)
  if (answer !== undefined) return settle(turn, answer, "a person said so")
  const [best, second] = weigh(issue).toSorted((one, other) => other.weight - one.weight)
  if (best.weight - second.weight >= clear) {
    return settle(
      turn,
      best.label,
      `its text has ${best.words.map((word) => `\`${word.replaceAll("`", "")}\``).join(", ")}`
    )
  }
  if (answers.length > 0)
    return turn.call("report_no_work", { reason: "the answer names none of bug, feature and docs" })
  return askPerson(
    turn,
    "This is a script that sorts issues by their words, and the words of this one do not tell. Is it a bug, a feature or docs?"
  )
}
