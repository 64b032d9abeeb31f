import { resultTools } from "../../domain/Role.ts"
import { key, type Subject } from "../../domain/Subject.ts"
import type { TurnInput } from "../../services/Harness.ts"
import { homeVariable, runVariable } from "./ProcessRecords.ts"

/** Variables of the daemon's own environment that every program gets, where they are set. */
const passed = (name: string): boolean =>
  ["PATH", "HOME", "LANG", "TZ", "TMPDIR"].includes(name) || name.startsWith("LC_")

/** A single variable's bound in bytes; Linux takes 128 KiB. The whole text is in the input. */
const textBytes = 32 * 1024

const bounded = (text: string): string =>
  Buffer.from(text)
    .subarray(0, textBytes)
    .toString()
    .replace(/\ufffd$/, "")

const about = (subject: Subject) => ({ ...subject, key: key(subject) })

/** The document that a program reads from stdin; described in docs/command-harness.md. */
export const turnDocument = (input: TurnInput): string => {
  const { agent, messages, notice, role, run, turn } = input
  const { maxTurns, output, stall, wallClock } = role.limits
  return (
    JSON.stringify({
      protocol: 1,
      agent: { id: agent.id, role: agent.role },
      run,
      turn,
      subject: about(agent.subject),
      prompt: role.prompt,
      notice,
      messages: messages.map(({ event, id, kind, text }) => {
        const { _tag: type, ...detail } = event.detail
        const { actor, at, seq } = event
        return { id, kind, text, event: { seq, type, at, actor, subject: about(event.subject), ...detail } }
      }),
      limits: { wallClock, stall, output, maxTurns },
      tools: resultTools(role)
    }) + "\n"
  )
}

/** The whole environment of a program: the allowed few of the daemon's, those that the role names, and the turn's. */
export const turnEnvironment = (
  input: TurnInput,
  options: {
    readonly host: Readonly<Record<string, string | undefined>>
    readonly names: ReadonlyArray<string>
    readonly home: string
    readonly url: string | undefined
  }
): Readonly<Record<string, string>> => {
  const { agent, messages, run, turn } = input
  const variables: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.host)) {
    if (value !== undefined && (passed(name) || options.names.includes(name))) variables[name] = value
  }
  return {
    TERM: "dumb",
    ...variables,
    ...(options.url === undefined ? {} : { SQUADRON_URL: options.url }),
    SQUADRON_AGENT: agent.id,
    SQUADRON_ROLE: agent.role,
    [runVariable]: run,
    SQUADRON_TURN: String(turn),
    SQUADRON_REPOSITORY: agent.subject.repository,
    SQUADRON_SUBJECT: key(agent.subject),
    SQUADRON_NUMBER: String(agent.subject.number),
    // No variable can hold a NUL.
    SQUADRON_TEXT: bounded((messages.findLast(({ kind }) => kind === "command")?.text ?? "").replaceAll("\0", "")),
    [homeVariable]: options.home
  }
}
