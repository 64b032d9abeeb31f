// What every program of this squad shares: the turn as it comes in on stdin, the lines that answer it on stdout, the
// issues as the API shows them, and text that is safe to post. The contract is in docs/command-harness.md.
import { setTimeout as sleep } from "node:timers/promises"

/** GitHub refuses comments of more than 65,536 characters. */
const longestBody = 60_000

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const act = (action, issue) => say({ type: "action", action, ...(issue === undefined ? {} : { issue }) })
const clip = (text, max) => (text.length > max ? `${text.slice(0, max - 2).replace(/[\uD800-\uDBFF]$/, "")} …` : text)

/** Writes a comment, on the agent's own subject. */
export const comment = (body) => say({ type: "comment", body: clip(body, longestBody) })
export const commentOn = (issue, body) => act({ _tag: "comment", body: clip(body, longestBody) }, issue)
export const addLabels = (labels) => say({ type: "label", add: labels })
export const assign = (assignees) => act({ _tag: "assign", assignees })
export const openIssue = (title, body, labels) =>
  act({ _tag: "open_issue", title: clip(title, 200), body: clip(body, longestBody), labels })
export const closeIssue = (number) => act({ _tag: "close_issue", reason: "completed" }, number)
/** Says that the turn is alive; what is silent for too long is ended. */
export const progress = (text) => say({ type: "progress", text })

// One of these ends each turn.
export const done = (summary) => say({ type: "done", summary })
export const nothing = (reason) => say({ type: "nothing", reason })
export const blocked = (on, reason) => say({ type: "blocked", on, reason })

// A name after an @ that could notify a person or wake an agent; scoped package names and mail addresses stay.
const mention = /(?<![A-Za-z0-9])@(?=\w)(?![\w-]+\/)/g
const harmless = (text) => text.replace(mention, "@\u200b")
// Terminal colours and titles first; then what is left of characters that do not show, but for tabs and line ends.
const invisible = /\p{Cc}\[[\d;?]*[ -/]*[@-~]|(?=\p{Cc})[^\t\n]|[\u202a-\u202e\u2066-\u2069]/gu
const longestRun = (text) => Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))

/** Somebody's words as one line of inline code: nothing in them formats, mentions or commands. */
export const code = (text, max = 120) => {
  const line = harmless(clip(text.replace(invisible, "").replace(/\s+/g, " ").trim(), max)) || "(empty)"
  const ticks = "`".repeat(longestRun(line) + 1)
  return line.includes("`") ? `${ticks} ${line} ${ticks}` : `${ticks}${line}${ticks}`
}

/** Somebody's lines as a code block that nothing in them can close; of long text the end. */
export const fenced = (text, max = 6000) => {
  const plain = text.replace(invisible, "").replace(/^\n+/, "").trimEnd()
  const kept = harmless(plain.length > max ? `…\n${plain.slice(-max).replace(/^[^\n]*\n/, "")}` : plain)
  const ticks = "`".repeat(Math.max(3, longestRun(kept) + 1))
  return `${ticks}text\n${kept}\n${ticks}`
}

/** A text without terminal colours and other characters that do not show. */
export const visible = (text) => text.replace(invisible, "")

const withoutBlocks = (markdown) => {
  let fence = null
  return markdown
    .split("\n")
    .filter((line) => {
      const run = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
      if (fence !== null) {
        if (run?.startsWith(fence) && line.trim() === run) fence = null
        return false
      }
      if (run === undefined || (run.startsWith("`") && line.trimStart().slice(run.length).includes("`"))) return true
      fence = run
      return false
    })
    .join("\n")
}

/** What a Markdown text says in prose: without code blocks, quotes, a form's own comments and its empty answers. */
export const prose = (markdown) =>
  withoutBlocks(markdown.replace(/<!--[\s\S]*?(?:-->|$)/g, ""))
    .replace(/^ {0,3}>.*$/gm, "")
    .replace(/^_No response_$/gm, "")
    .replace(/^[ \t]*[-*] \[ \].*$/gm, "")

const request = async (path) => {
  const base = process.env.SQUADRON_URL
  if (!base) throw new Error("SQUADRON_URL is not set")
  const token = process.env.SQUADRON_TOKEN
  const response = await fetch(new URL(path, base), {
    headers: { accept: "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    signal: AbortSignal.timeout(10_000)
  })
  if (response.status === 401 && !token) throw new Error("it wants a token; name SQUADRON_TOKEN in the role's `env`")
  if (!response.ok) throw new Error(`it answered with status ${response.status}`)
  return response.json()
}

/** Reads from the API, three times if it must; fails with one line that says why not. */
const ask = async (path) => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request(path)
    } catch (error) {
      if (attempt === 3 || !process.env.SQUADRON_URL) {
        const why = error.cause?.code ?? error.cause?.message ?? error.message
        throw new Error(`The issues could not be read from Squadron: ${why}.`, { cause: error })
      }
      await sleep(200 * attempt)
    }
  }
}

const asIssue = (raw) => ({
  number: raw.number,
  title: raw.title ?? "",
  body: raw.body ?? "",
  state: raw.state ?? "open",
  author: typeof raw.author === "string" ? raw.author : "",
  labels: (raw.labels ?? []).map((label) => (typeof label === "string" ? label : label.name)),
  assignees: raw.assignees ?? []
})

/** The repository's issues, newest first; all of them, or those in a state. */
export const issues = async (turn, { state, limit = 1000 } = {}) => {
  const query = new URLSearchParams({ ...(state ? { state } : {}), repository: turn.subject.repository, limit })
  const answer = await ask(`/api/v1/issues?${query}`)
  const list = Array.isArray(answer) ? answer : (answer?.issues ?? [])
  return list
    .filter(
      (raw) => Number.isInteger(raw?.number) && (raw.repository ?? turn.subject.repository) === turn.subject.repository
    )
    .map(asIssue)
    .filter((issue) => state === undefined || issue.state === state)
}

/** The issue that the turn is about: as its newest event shows it, or else as the API does; null where there is none. */
export const ownIssue = async (turn) => {
  if (turn.subject.kind !== "issue") return null
  const shown = turn.events.findLast((event) => event.issue && isOwn(turn, event))
  if (shown) return { ...asIssue(shown.issue), number: turn.subject.number }
  const { issue } = await ask(`/api/v1/issues/${turn.subject.repository}/${turn.subject.number}`)
  return issue ? asIssue(issue) : null
}

/** Whether an event is about the agent's own subject; an agent that was blocked also hears of what blocked it. */
export const isOwn = (turn, event) => event.subject === undefined || event.subject.number === turn.subject.number

const read = async () => {
  let text = ""
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk
  const turn = JSON.parse(text)
  if (turn?.protocol !== 1) throw new Error(`This program speaks protocol 1, not ${turn?.protocol}.`)
  const messages = turn.messages ?? []
  return {
    ...turn,
    notice: turn.notice ?? "",
    messages,
    events: messages.map((message) => message.event).filter((event) => event !== undefined && event !== null),
    /** What a person asked for by name in a comment, or null. */
    command: messages.findLast((message) => message.kind === "command")?.text.trim() ?? null
  }
}

/**
 * Reads the turn, lets `work` answer it and ends: 0 when it was answered, 2 when what came in is no turn, 1 when
 * `work` broke. `work` gets the turn and a signal that is set when the turn is called off.
 */
export const answer = async (work) => {
  const off = new AbortController()
  for (const [signal, exit] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129]
  ]) {
    process.on(signal, () => {
      off.abort()
      process.exit(exit)
    })
  }
  // Nobody reads any more, so there is nothing left to do.
  process.stdout.on("error", () => {
    off.abort()
    process.exit(1)
  })
  let turn
  try {
    turn = await read()
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 2
    return
  }
  try {
    await work(turn, off.signal)
  } catch (error) {
    process.stderr.write(`${error.stack}\n`)
    process.exitCode = 1
  }
}
