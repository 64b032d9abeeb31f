import { DateTime, Effect, Fiber, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { type BrokenSpan, JournalHead, type JournalVerdict } from "../../../domain/Journal.ts"
import { ask } from "../../client.ts"
import { Failed } from "../../failures.ts"
import { hint, print } from "../../render.ts"

const time = (at: number): string => DateTime.formatIso(DateTime.makeUnsafe(at))

const counted = (n: number): string => `${n.toLocaleString("en-US")} ${n === 1 ? "line" : "lines"}`

const place = ({ from, since, to, until }: BrokenSpan): string => {
  const lines = from === to ? `line ${from}` : `lines ${from} to ${to}`
  if (since === null || until === null) return `${lines} (nothing is left there)`
  return `${lines} (${since === until ? "" : `${time(since)} to `}${time(until)})`
}

const problems = {
  differs: "is not what was written: a line or a seal was changed, removed or added",
  unsealed: "has no seal: a line was added, or the last seal removed"
} as const

/** What is wrong, in one sentence; null where nothing is. */
const fault = ({ broken, head, noted }: JournalVerdict, asked: string | null): string | null => {
  if (broken !== null) return `The journal is broken. What lies in ${place(broken)} ${problems[broken.problem]}.`
  if (asked === null || noted !== null) return null
  return head === null
    ? "The journal is empty, and the head that you give says that it was not: it was removed or replaced."
    : "The head that you give is no seal of this journal: its end was cut off, or it was written anew, or the head is of another squadron."
}

const page = (verdict: JournalVerdict): string => {
  const { broken, head, lines, noted } = verdict
  return [
    broken === null
      ? lines === 0
        ? "The journal has no lines yet."
        : `The journal is whole: ${counted(lines)}, each as it was written.`
      : `${counted(lines)} before it are as they were written.`,
    ...(head === null ? [] : [`Head: ${head}`]),
    ...(noted === null ? [] : [`The head that you give closes line ${noted}.`])
  ].join("\n")
}

export const verify = Command.make(
  "verify",
  {
    head: Flag.String("head").pipe(
      Flag.withDescription(
        "A head that was printed before and kept elsewhere; fails where it is no seal of this journal"
      ),
      Flag.withSchema(JournalHead),
      Flag.optional
    )
  },
  Effect.fn("cli.journal.verify")(function* (flags) {
    const asked = Option.getOrNull(flags.head)
    const patience = yield* Effect.forkChild(
      Effect.andThen(
        Effect.sleep("1 second"),
        hint("The daemon reads the whole journal; a million lines take some seconds.")
      )
    )
    const verdict = yield* ask((client) => client.journal.verify({ query: asked === null ? {} : { head: asked } }))
    yield* Fiber.interrupt(patience)
    const wrong = fault(verdict, asked)
    yield* print({ whole: wrong === null, ...verdict }, page(verdict))
    if (wrong !== null) return yield* new Failed({ reason: wrong })
  })
).pipe(
  Command.withShortDescription("See that each line is as it was written; exit code 1 where one is not"),
  Command.withDescription(
    "See that each line of the journal is as it was written; exit code 1 where one is not. Each group of lines is closed by a seal, a hash over its lines and the seal before. Keep the head, the newest seal, on another machine: who may write the database can build the whole chain anew, and only --head with a head from before shows that."
  ),
  Command.withExamples([
    {
      command: "squadron journal verify",
      description: "How many lines there are, whether all are whole, and the head"
    },
    {
      command: "squadron journal verify --json | jq -r .head >> heads.txt",
      description: "Note the head; keep the file elsewhere"
    },
    {
      command: 'squadron journal verify --head "$(tail -1 heads.txt)"',
      description: "Also whether that head is still in it"
    }
  ])
)
