// What both reviewers do: come to the head of the pull request, look, and say what they found.
import { ToolRefused } from "../mcp.mjs"
import { headIn, isClosed, placeIn, readPrompt } from "../prompt.mjs"
import { CannotApply, NothingToDo } from "../recipes/recipe.mjs"
import { basesOf, changesOf, commitOf, git, leftBase } from "../repository.mjs"
import { counted, signed } from "../words.mjs"
import { askPerson } from "./questions.mjs"

/** What Squadron says of the pull request now; there is nothing to do on a closed one. */
const readPull = async (turn) => {
  const { own } = readPrompt((await turn.call("read_subject")).text)
  if (isClosed(own)) throw new NothingToDo("the pull request is closed")
  return headIn(own)
}

/** Puts the workspace at the head of the pull request; gives head, the commit where it left its base, and the change. */
const openChange = async (turn) => {
  const { memory } = turn
  Object.assign(memory, placeIn(turn.own), await readPull(turn))
  let head = await commitOf(turn, "HEAD")
  if (memory.head !== undefined && memory.head !== head) {
    if ((await commitOf(turn, memory.head)) === null) throw new CannotApply(`the clone does not have ${memory.head}`)
    await git(turn, "checkout", "--quiet", "--detach", memory.head)
    head = memory.head
  }
  const base = await leftBase(turn, await basesOf(turn, memory.base, memory.baseBranch), head)
  if (base === null) throw new CannotApply("the clone has no base to compare with")
  return { head, base, files: await changesOf(turn, base, head) }
}

/** Reviews: changes are requested where something was found, each at its line. */
const judge = async (turn, head, { findings, good, looked }) => {
  const verdict = findings.length > 0 ? "request_changes" : "approve"
  const result =
    findings.length > 0
      ? `${counted(findings.length, "rule")} of this script ${findings.length === 1 ? "is" : "are"} not met.`
      : good
  await turn.say(`${result} ${looked}`)
  await turn.call("review", {
    verdict,
    body: signed(result, looked),
    comments: findings.map(({ body, line, path }) => ({ path, line, body: signed(body) }))
  })
  turn.memory.judged = head
  return turn.call("report_done", {
    summary: `${verdict === "approve" ? "Approved" : "Requested changes of"} ${head.slice(0, 9)}: ${result}`
  })
}

/**
 * Reviews the newest commit by what `look` finds in it: a review counts for the head as it is when it is written, so
 * what was pushed while it looked is looked at, too.
 */
export const reviewBy = async (turn, look) => {
  try {
    for (;;) {
      const change = await openChange(turn)
      if (turn.memory.judged === change.head && placeIn(turn.own).missing === undefined) {
        return await turn.call("report_done", { summary: `${change.head.slice(0, 9)} was reviewed before.` })
      }
      const seen = await look(change)
      const { head } = await readPull(turn)
      if (head === undefined || head === change.head) return await judge(turn, change.head, seen)
      await turn.say(`${head.slice(0, 9)} was pushed meanwhile. It is looked at instead.`)
    }
  } catch (error) {
    const closed = error instanceof ToolRefused && /^review: #\d+ is closed/.test(error.message)
    if (closed || error instanceof NothingToDo) {
      return turn.call("report_no_work", { reason: "the pull request is closed" })
    }
    if (!(error instanceof CannotApply)) throw error
    return askPerson(turn, `This is a script, and it cannot review this: ${error.message}.`)
  }
}
