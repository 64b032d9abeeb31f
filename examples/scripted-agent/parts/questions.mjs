// How a part says that it cannot go on.

/** Asks a person, and says so; a question that was asked before ends the work instead. */
export const askPerson = async (turn, question) => {
  const { memory } = turn
  await turn.say(question)
  if (memory.asked === question) return turn.call("report_no_work", { reason: `asked once and no wiser: ${question}` })
  memory.asked = question
  return turn.call("ask_person", { question })
}

const words = (text) => new Set(text.toLowerCase().match(/[a-z]{4,}/g) ?? [])

/** The open issue that a failing test is about, by the words that they share, or undefined. */
const issueAbout = async (turn, { name }) => {
  const { text } = await turn.call("list_issues")
  const wanted = words(name)
  const issues = [...text.matchAll(/^#(\d+) (.*)$/gm)]
    .map(([, number, rest]) => ({
      number: Number(number),
      alike: [...words(rest)].filter((word) => wanted.has(word)).length
    }))
    .filter(({ alike, number }) => alike >= 2 && number !== turn.memory.number)
  return issues.toSorted((one, other) => other.alike - one.alike)[0]?.number
}

/** Waits for the issue that the failing tests are about; where there is none, a person is asked. */
export const blockedOn = async (turn, failed) => {
  const names = failed.map(({ name }) => `"${name}"`).join(", ")
  const on = failed.length === 0 ? undefined : await issueAbout(turn, failed[0])
  if (on === undefined)
    return askPerson(turn, `These tests fail, on the base as well: ${names}. What shall the script do?`)
  await turn.say(`These tests fail on the base as well: ${names}. Issue #${on} seems to be about it.`)
  return turn.call("report_blocked", { on: [`#${on}`], reason: `the tests fail on the base as well: ${names}` })
}
