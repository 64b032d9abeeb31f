// Finds the open issue that a new one repeats, asks its author, and waits until that one is closed.
import { alike } from "./similarity.mjs"
import { answer, blocked, code, comment, done, issues, nothing, ownIssue } from "./turn.mjs"

/** From here on it is a likely twin; below, two issues about the same part of the project are found alike too. */
const likely = 0.5
/** Fewer words in common than this prove nothing, unless both show the same error. */
const leastWords = 3

const twinOf = (issue, open) => {
  // Only older ones: of two that come at once, the later waits for the earlier and not each for the other.
  const older = open.filter((other) => other.number < issue.number)
  return alike(issue, older).find(
    ({ errors, score, words }) => score >= likely && (words.length >= leastWords || errors.length > 0)
  )
}

await answer(async (turn) => {
  // No rule of the role asks for this event: it comes from the issue that the agent was blocked on.
  const closed = turn.events.findLast((event) => event.type.endsWith(".closed"))
  if (closed !== undefined) {
    const title = (closed.issue ?? closed.pullRequest)?.title ?? ""
    const name = closed.subject?.number === undefined ? `The other one, ${code(title)},` : `#${closed.subject.number}`
    comment(
      `${name} is closed, and this one looked like the same. Is it gone here too? Then close it; if not, say what is left.`
    )
    return done("what it waited for is closed; asked whether this one is settled too")
  }
  if (/^(?:no|not|different|neither)\b/i.test(turn.command ?? "")) {
    return done("a person says that it is no duplicate")
  }
  if (turn.events.length === 0) return done(turn.notice === "" ? "nothing new" : `no longer waiting: ${turn.notice}`)

  let issue
  let open
  try {
    issue = await ownIssue(turn)
    open = await issues(turn, { state: "open" })
  } catch (error) {
    return nothing(`${error.message} So nobody looked for duplicates.`)
  }
  if (issue === null) return nothing("this is about no issue")
  const twin = twinOf(issue, open)
  if (twin === undefined) {
    const others = open.filter(({ number }) => number !== issue.number).length
    return done(others === 0 ? "no other issue is open" : `no other open issue reads like this one, of ${others}`)
  }

  const { errors, score, words } = twin
  const number = twin.issue.number
  const both = [
    ...(errors.length > 0 ? [`both show ${code(errors[0])}`] : []),
    ...(words.length > 0
      ? [
          `both say ${words
            .slice(0, 5)
            .map((word) => code(word, 40))
            .join(", ")}`
        ]
      : [])
  ]
  const author = issue.author === "" ? "" : `${code(issue.author, 40)}, is `
  comment(
    `${author === "" ? "Is" : author}this the same as #${number}, ${code(twin.issue.title)}? They are ${Math.round(score * 100)} % alike: ${both.join("; ")}.\n\n` +
      `If it is, add there what is new here; this one waits until #${number} is closed. ` +
      "If it is not, write `@squadron duplicates: no`."
  )
  blocked([`${turn.subject.repository}#${number}`], `probably the same as #${number}`)
})
