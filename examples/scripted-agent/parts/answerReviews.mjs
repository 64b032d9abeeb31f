import { addEntry } from "../recipes/changelog.mjs"
import { commitAll } from "../repository.mjs"
import { signature, signed } from "../words.mjs"

/** What the script can do about a reviewer's words: a test for them, and the work. */
const remedies = [
  {
    asks: /changelog/i,
    subject: "Add the entry in the changelog",
    work: async (turn) => {
      const { entry, title } = turn.memory.change
      return (await addEntry(turn, entry ?? `${title}.`)) ? "The entry is there now" : "The entry is there already"
    }
  },
  {
    asks: /\b(?:TODO|FIXME)\b/,
    subject: "Take out a comment that was left behind",
    work: async (turn, { line, path }) => {
      const lines = turn.read(path).split("\n")
      if (line === null || !/\b(?:TODO|FIXME)\b/.test(lines[line - 1] ?? "")) return "The comment is gone already"
      await turn.edit(path, lines.toSpliced(line - 1, 1).join("\n"))
      return "The comment is gone"
    }
  }
]

/** What this script wrote into a thread itself. */
const isOwnReply = (text) => /^The (?:entry|comment) is [^\n]*, at [0-9a-f]+\./.test(text) && text.includes(signature)

/**
 * Does what reviews ask for and commits it. Gives what to reply in the threads once it is pushed, and the words that it
 * has no remedy for. Each comment is answered once.
 */
export const answerReviews = async (turn, { comments, reviews }, recipe) => {
  const { memory } = turn
  const answered = new Set(memory.answered ?? [])
  const open = [...new Map(comments.map((comment) => [comment.id, comment])).values()].filter(
    ({ id, text }) => !answered.has(id) && !isOwnReply(text)
  )
  const replies = []
  const unclear = []
  for (const comment of open) {
    const remedy = remedies.find(({ asks }) => asks.test(comment.text))
    if (remedy === undefined) {
      unclear.push(comment.text)
      memory.answered = [...(memory.answered ?? []), comment.id]
    } else {
      const done = await remedy.work(turn, comment)
      await commitAll(turn, remedy.subject, recipe.name)
      replies.push({ id: comment.id, done })
    }
  }
  // A review without comments on lines says all in its own text.
  if (open.length === 0) {
    for (const { text } of reviews) {
      const remedy = remedies.find(({ asks }) => asks.test(text))
      if (remedy === undefined) unclear.push(text)
      else {
        await remedy.work(turn, { line: null, path: "" })
        await commitAll(turn, remedy.subject, recipe.name)
      }
    }
  }
  return {
    unclear,
    reply: async (head) => {
      for (const { done, id } of replies) {
        await turn.call("reply_review", { comment: id, body: signed(`${done}, at ${head}.`) })
        memory.answered = [...(memory.answered ?? []), id]
      }
    }
  }
}
