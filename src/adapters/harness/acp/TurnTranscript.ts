import { brief, isObject, type Json, listOf, objectOf, textOf } from "./json.ts"
import { makeTail } from "./Tail.ts"

/** Bytes of the transcript that are kept: the newest. */
const keptBytes = 64 * 1024

/** Tool calls whose last words are remembered, so that an update that says nothing new is not repeated. */
const rememberedCalls = 1000

/** What an agent says in one turn, as a person can read it. */
export type TurnTranscript = {
  /** Takes what came as `session/update`. */
  update(update: Json): void
  /** Adds a line of Squadron's own, in brackets. */
  note(line: string): void
  readonly text: string
}

/** What a piece of content says; a few words in brackets for what is no text. */
const contentText = (content: unknown): string => {
  const { name, resource, text, type, uri } = objectOf(content)
  if (type === "text") return textOf(text)
  const where = textOf(uri) || textOf(objectOf(resource)["uri"]) || textOf(name)
  return `[${[brief(textOf(type) || "content", 40), brief(where, 200)].filter((part) => part !== "").join(" ")}]`
}

const marks: Readonly<Record<string, string>> = { completed: "x", in_progress: ">" }

const planLine = (entry: unknown): string => {
  const { content, status } = objectOf(entry)
  return `  [${marks[textOf(status)] ?? " "}] ${brief(textOf(content), 200)}`
}

/** Updates that say nothing to a reader: an echo of the prompt, menus, titles. */
const silent: ReadonlySet<string> = new Set([
  "user_message_chunk",
  "available_commands_update",
  "config_option_update",
  "session_info_update",
  "usage_update",
  "compaction_summary_chunk"
])

/**
 * An empty transcript. `limit` bounds its text, in bytes; beyond it `onViolation` is called, once. `onProgress` gets a
 * line for each tool call.
 */
export const makeTurnTranscript = (options: {
  readonly limit: number
  readonly onProgress: (line: string) => void
  readonly onViolation: (sentence: string) => void
}): TurnTranscript => {
  const tail = makeTail(keptBytes)
  const calls = new Map<string, { readonly title: string; readonly status: string }>()
  let written = 0
  let atLineStart = true
  /** Whose words stream in now: those of a message and those of a thought each follow on one another. */
  let speaking = ""
  let skipped = 0

  const write = (text: string): void => {
    if (text === "") return
    const before = written
    written += Buffer.byteLength(text)
    if (before <= options.limit && written > options.limit) {
      options.onViolation(`said more than ${options.limit} bytes in one turn, its role's \`output\` limit`)
    }
    if (before > options.limit) return
    tail.add(text)
    atLineStart = text.endsWith("\n")
  }
  const line = (text: string): void => {
    speaking = ""
    write(`${atLineStart ? "" : "\n"}${text}\n`)
  }
  const speak = (who: string, prefix: string, content: unknown): void => {
    const text = contentText(content)
    if (text === "") return
    if (speaking !== who) write(`${atLineStart ? "" : "\n"}${prefix}`)
    speaking = who
    write(text)
  }

  const tool = (update: Json): void => {
    const id = textOf(update["toolCallId"])
    const known = calls.get(id)
    const title = brief(textOf(update["title"]), 300) || known?.title || "a tool"
    const status = brief(textOf(update["status"]), 40) || known?.status || "pending"
    if (known?.title === title && known.status === status) return
    if (known === undefined && calls.size >= rememberedCalls) calls.delete(calls.keys().next().value ?? "")
    calls.set(id, { title, status })
    const kind = brief(textOf(update["kind"]), 40)
    line(`[tool] ${title}${kind === "" ? "" : ` (${kind})`}: ${status}`)
    if (known === undefined) options.onProgress(title)
  }

  return {
    update: (update) => {
      const kind = textOf(update["sessionUpdate"])
      switch (kind) {
        case "agent_message_chunk":
          return speak("agent", "", update["content"])
        case "agent_thought_chunk":
          return speak("thought", "[thought] ", update["content"])
        case "tool_call":
        case "tool_call_update":
          return tool(update)
        case "plan": {
          const entries = listOf(update["entries"]).filter(isObject).slice(0, 50)
          return line(["[plan]", ...entries.map(planLine)].join("\n"))
        }
        case "current_mode_update":
          return line(`[mode] ${brief(textOf(update["currentModeId"]), 100)}`)
        case "notice":
          return line(`[notice] ${brief(textOf(update["title"]), 300)}`)
        case "compaction_update":
          return line(`[compaction] ${brief(textOf(update["status"]), 40)}`)
        default:
          if (!silent.has(kind)) skipped++
      }
    },
    note: (text) => line(`[${text}]`),
    get text() {
      const end = skipped === 0 ? "" : `${atLineStart ? "" : "\n"}[skipped ${skipped} updates of unknown kinds]`
      return `${tail.text()}${end}`.trimEnd()
    }
  }
}
