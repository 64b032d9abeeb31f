import type { Agent } from "./Agent.ts"
import type { Role, Squad } from "./Role.ts"

const table = (squad: Squad): string =>
  squad.roles.length === 0
    ? "No roles are declared yet."
    : ["| role | what it does | starts by itself on |", "|---|---|---|"]
        .concat(
          squad.roles.map((role) => {
            const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ")
            const on = [...new Set(role.on.map((rule) => rule.event))].join(", ")
            return `| \`${role.name}\` | ${cell(role.description)} | ${on === "" ? "only when addressed" : on} |`
          })
        )
        .join("\n")

/** The answer to `@squadron help`. What it quotes stands in code, so it addresses nobody. */
export const help = (squad: Squad): string =>
  `${table(squad)}\n\nAddress one with \`@${squad.mention} <role>: what you want\`.`

/** The answer to a command for a role that is not there. */
export const noSuchRole = (squad: Squad, word: string): string =>
  `There is no role \`${word}\`. These are there:\n\n${table(squad)}`

/** The answer to a command of somebody who may not give it. */
export const mayNot = (role: Role, login: string, why: string): string =>
  `\`${role.name}\` does not start for ${quote(login)}: it ${why}.`

/** What is written on a subject whose text is a stranger's, before a role starts that can write. */
export const waitsForWord = (role: string, mention: string): string =>
  `\`${role}\` waits: this was written by somebody without write access. Whoever has it and has read it can start ` +
  `the work with \`@${mention} ${role}: go\`.`

/** What is written on a subject when its agent needs a person. */
export const escalation = (role: string, why: string): string =>
  `**${role}** needs a person: ${quote(why)}\n\nA person can give it a new chance with \`squadron retry\`.`

/** Whole units of time, of the largest that is reached: `7 days`. */
const lasting = (millis: number): string => {
  const [name, size] =
    millis >= 86_400_000
      ? (["day", 86_400_000] as const)
      : millis >= 3_600_000
        ? (["hour", 3_600_000] as const)
        : (["minute", 60_000] as const)
  const count = Math.max(1, Math.floor(millis / size))
  return `${count} ${name}${count === 1 ? "" : "s"}`
}

/** Why an agent that is blocked or asks is escalated. */
export const overdue = (agent: Agent, now: number): string =>
  agent.status === "asking"
    ? `nobody answered for ${lasting(now - agent.since)}: ${agent.note}`
    : `blocked on ${agent.blockedOn.join(", ")} for ${lasting(now - agent.since)}: ${agent.note}`

/** What is written on a subject whose agent waited too long. */
export const overdueCall = (agent: Agent, why: string): string =>
  `**${agent.role}** needs a person: ${quote(why)}\n\n` +
  (agent.status === "asking"
    ? `Answer with \`squadron answer ${agent.id}\` or by addressing \`${agent.role}\` in a comment.`
    : `It goes on when ${agent.blockedOn.join(", ")} is closed, or with \`squadron retry ${agent.id}\`.`)

/** What is written on a subject whose agent waits for others; a key addresses nobody. */
export const blockedOn = (role: string, on: ReadonlyArray<string>, reason: string): string =>
  `**${role}** waits until ${on.join(", ")} ${on.length === 1 ? "is" : "are"} closed: ${quote(reason)}`

/** What is written on a pull request whose agent ends with its issue. */
export const leftOpen = (role: string, subject: string): string =>
  `${subject} is closed, so \`${role}\` does not go on with this pull request. If it is still open, merge it or close it.`

/** Somebody's words as code, so that nothing in them addresses or formats anything. */
export const quote = (text: string): string => {
  const short = text.length > 2000 ? `${text.slice(0, 2000)} …` : text
  if (!short.includes("\n") && !short.includes("`")) return `\`${short}\``
  const longest = Math.max(2, ...(short.match(/`+/g) ?? []).map((run) => run.length))
  const fence = "`".repeat(longest + 1)
  return `\n\n${fence}text\n${short}\n${fence}`
}
