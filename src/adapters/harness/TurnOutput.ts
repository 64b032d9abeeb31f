import type { ActionType, RequestedAction } from "../../domain/Action.ts"
import type { ReportedOutcome } from "../../domain/Outcome.ts"
import { opensProtocol, readLine } from "./TurnProtocol.ts"

/** Bytes of the transcript that are kept: the newest. */
const transcriptBytes = 64 * 1024

/** Bytes of stderr that are kept: the newest. */
const stderrBytes = 4 * 1024

/** The longest line that is read as one; a longer one is transcript. */
const lineBytes = 1024 * 1024

const newline = 10

/** The last bytes, from the start of a character on. */
const newest = (bytes: Buffer, limit: number): Buffer => {
  if (bytes.length <= limit) return bytes
  let start = bytes.length - limit
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++
  return bytes.subarray(start)
}

/** Whatever bytes a program prints become text that every database takes. */
const decoded = (bytes: Buffer): string => new TextDecoder("utf-8").decode(bytes).replaceAll("\0", "\ufffd")

/** Keeps the newest bytes of a stream; never holds more than twice the limit. */
const makeTail = (limit: number) => {
  let held: Array<Buffer> = []
  let size = 0
  const compact = (): Buffer => {
    // A copy, so that a small tail does not keep a large buffer alive.
    const kept = Buffer.from(newest(Buffer.concat(held), limit))
    held = [kept]
    size = kept.length
    return kept
  }
  return {
    add: (bytes: Buffer): void => {
      const part = newest(bytes, limit)
      held.push(part)
      size += part.length
      if (size > 2 * limit) compact()
    },
    text: (): string => decoded(compact())
  }
}

/** What a program has said in one turn, as it says it. Memory is bounded by the limits, not by what is printed. */
export type TurnOutput = {
  /** Takes what was printed; nothing more after a violation. */
  push(bytes: Buffer, source: "stdout" | "stderr"): void
  /** No more comes. A last line without its end counts only if the program meant to end there. */
  close(deliberate: boolean): void
  /** How the program broke the protocol, in a sentence that names the line. */
  readonly violation: string | undefined
  readonly outcome: ReportedOutcome | undefined
  readonly actions: ReadonlyArray<RequestedAction>
  /** Actions that the role may not do, by name. */
  readonly denied: ReadonlyArray<ActionType>
  readonly transcript: string
  readonly stderr: string
}

/** An empty output. `limit` is in bytes of stdout and stderr together; `onViolation` is called at most once. */
export const makeTurnOutput = (options: {
  readonly limit: number
  readonly repository: string
  readonly tools: ReadonlyArray<ActionType>
  readonly onProgress: (text: string) => void
  readonly onViolation: (sentence: string) => void
}): TurnOutput => {
  const transcript = makeTail(transcriptBytes)
  const stderr = makeTail(stderrBytes)
  const actions: Array<RequestedAction> = []
  const denied = new Set<ActionType>()
  let outcome: { readonly value: ReportedOutcome; readonly line: number } | undefined
  let violation: string | undefined
  let printed = 0
  let number = 1
  let pending: Array<Buffer> = []
  let pendingSize = 0
  /** The rest of the present line is transcript, whatever it says. */
  let overlong = false

  const violate = (sentence: string): void => {
    if (violation !== undefined) return
    violation = sentence
    pending = []
    options.onViolation(sentence)
  }

  const keep = (text: string): void => transcript.add(Buffer.from(`${text}\n`))

  const take = (bytes: Buffer): void => {
    const raw = decoded(bytes)
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw
    const meaning = readLine(line, options.repository)
    switch (meaning._tag) {
      case "Text":
        return keep(line)
      case "Progress":
        keep(meaning.text)
        return options.onProgress(meaning.text)
      case "Actions":
        for (const requested of meaning.actions) {
          if (options.tools.includes(requested.action._tag)) actions.push(requested)
          else denied.add(requested.action._tag)
        }
        return
      case "Outcome":
        if (outcome === undefined) outcome = { value: meaning.outcome, line: number }
        else violate(`line ${number}: a second outcome, after the one in line ${outcome.line}; say one and end`)
        return
      case "Violation":
        keep(line)
        return violate(`line ${number}: ${meaning.problem}`)
    }
  }

  const flush = (): void => {
    const bytes = Buffer.concat(pending)
    pending = []
    pendingSize = 0
    if (overlong) transcript.add(bytes)
    else take(bytes)
  }

  const hold = (bytes: Buffer): void => {
    pending.push(bytes)
    pendingSize += bytes.length
    if (pendingSize <= lineBytes) return
    if (!overlong && opensProtocol(decoded(Buffer.concat(pending).subarray(0, 256)))) {
      return violate(`line ${number}: longer than ${lineBytes} bytes`)
    }
    overlong = true
    flush()
  }

  const takeLines = (bytes: Buffer): void => {
    let rest = bytes
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      hold(rest.subarray(0, end))
      if (overlong) pending.push(Buffer.from("\n"))
      if (violation === undefined) flush()
      if (violation !== undefined) return
      overlong = false
      number++
      rest = rest.subarray(end + 1)
    }
    if (rest.length > 0) hold(rest)
  }

  return {
    push: (bytes, source) => {
      if (violation !== undefined) return
      printed += bytes.length
      const room = bytes.length - Math.max(0, printed - options.limit)
      const kept = bytes.subarray(0, Math.max(0, room))
      if (source === "stderr") stderr.add(kept)
      else takeLines(kept)
      if (printed > options.limit) violate(`printed more than ${options.limit} bytes, its role's \`output\` limit`)
    },
    close: (deliberate) => {
      if (violation !== undefined || pending.length === 0) return
      if (!deliberate) overlong = true
      flush()
    },
    get violation() {
      return violation
    },
    get outcome() {
      return outcome?.value
    },
    get actions() {
      return actions
    },
    get denied() {
      return [...denied]
    },
    get transcript() {
      return transcript.text().trimEnd()
    },
    get stderr() {
      return stderr.text().trimEnd()
    }
  }
}
