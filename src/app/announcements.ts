import { Clock, Console, Effect } from "effect"
import type { JournalEntry } from "../domain/Journal.ts"
import type { Squad } from "../domain/Role.ts"
import { clockTime, line } from "./terminalText.ts"
import { version } from "./version.ts"

/** A journal line as `start` prints it. */
export const entryLine = (entry: JournalEntry): string => {
  const who = entry.agent === null || entry.text.includes(entry.agent) ? "" : `${entry.agent}  `
  const what = entry.kind === "event.routed" ? `#${entry.event ?? ""} ` : ""
  return `${clockTime(entry.at)}  ${line(`${what}${who}${entry.text.replaceAll("\n", " ⏎ ").slice(0, 300)}`)}`
}

/** Says where the squadron is, who is in it, and what a person may type next. */
export const greet = Effect.fnUntraced(function* (options: {
  readonly root: string
  readonly url: string
  readonly squad: Squad
  readonly repository: string
  readonly webhooks: boolean
  readonly command: string
  readonly recovered: ReadonlyArray<string>
  readonly reaped: number
}) {
  const { command, squad } = options
  const started = yield* Clock.currentTimeMillis
  const width = Math.max(...squad.roles.map((role) => role.name.length), 0)
  const lines = [
    `squadron ${version}  ${options.url}  ${options.root}`,
    "",
    ...squad.roles.map((role) => {
      const on = [...new Set(role.on.map((rule) => rule.event))]
      const when = on.length === 0 ? `when addressed: @${squad.mention} ${role.name}` : `on ${on.join(", ")}`
      return `  ${role.name.padEnd(width)}  ${role.description}  (${when})`
    }),
    "",
    ...(options.recovered.length > 0 ? [`Goes on with what was cut off: ${options.recovered.join(", ")}`, ""] : []),
    ...(options.reaped > 0 ? [`Ended ${options.reaped} processes that an earlier squadron left behind.`, ""] : []),
    "Type next, in another terminal:",
    `  ${command} issue create "Crash when the list is empty" --body "TypeError in src/list.js"`,
    `  ${command} issue comment 1 "@${squad.mention} help"`,
    `  ${command} status`,
    options.webhooks
      ? `GitHub may post to ${options.url}/webhooks/github.`
      : "GitHub webhooks are refused until SQUADRON_GITHUB_WEBHOOK_SECRET is set.",
    "Ctrl-C stops it; what is under way gets its time, and goes on at the next start.",
    ""
  ]
  yield* Console.log(lines.join("\n"))
  return started
})
