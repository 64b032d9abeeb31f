/** Who does something, and how far their words are trusted. */
import { Effect, Schema } from "effect"
import type { ActionDraft } from "../../../domain/Action.ts"
import { Actor } from "../../../domain/Event.ts"
import { least, type Trust } from "../../../domain/Trust.ts"
import type { IssueInvalid } from "./IssueInvalid.ts"
import * as IssueLimits from "./IssueLimits.ts"

/** Who changed a text. `agent` as in the port's `Written`, null for a person. */
export const Writer = Schema.Struct({ login: Schema.String, agent: Schema.NullOr(Schema.String) })
export type Writer = typeof Writer.Type

/** Somebody's words as stored; `editors` are all who ever changed them, the last one last. */
export type StoredText = {
  readonly body: string
  readonly author: string
  readonly agent: string | null
  readonly createdAt: number
  readonly editors: ReadonlyArray<Writer>
  readonly editedAt: number | null
}

/** Whose doing a change is. */
export const By = Schema.Struct({ actor: Actor, causedBy: Schema.NullOr(Schema.String), depth: Schema.Int })
export type By = typeof By.Type

export type Standing = {
  /** What a person may do. */
  trustOf(login: string): Trust
  person(login: string): Effect.Effect<By, IssueInvalid>
  /** The least trust of all who wrote the text. */
  trustOfText(text: StoredText): Trust
}

const sameLogin = (login: string): string => login.trim().toLowerCase()

/** How far the words of one of our agents go, or Squadron's own. */
export const trustOfAgent = (agent: string): Trust => (agent === "squadron" ? "admin" : "write")

/** Logins are the same in any case, so that nobody gets another standing by another spelling. */
export const makeStanding = (people: Readonly<Record<string, Trust>>, byDefault: Trust): Standing => {
  const known = new Map(Object.entries(people).map(([login, trust]) => [sameLogin(login), trust]))
  const trustOf = (login: string): Trust => known.get(sameLogin(login)) ?? byDefault
  const trustOfWriter = ({ agent, login }: Writer): Trust => (agent === null ? trustOf(login) : trustOfAgent(agent))
  return {
    trustOf,
    person: (login) =>
      Effect.map(IssueLimits.author(login), (login) => ({
        actor: { login, kind: "person" as const, trust: trustOf(login) },
        causedBy: null,
        depth: 0
      })),
    trustOfText: ({ agent, author, editors }) =>
      editors.map(trustOfWriter).reduce(least, trustOfWriter({ login: author, agent }))
  }
}

/** Squadron itself where the action is no agent's. */
export const performer = ({ agent, depth }: Pick<ActionDraft, "agent" | "depth">): By => ({
  actor:
    agent === null
      ? { login: "squadron", kind: "system", trust: "admin" }
      : { login: agent, kind: "agent", trust: "write" },
  causedBy: agent,
  depth
})

/** Whoever changed a repository's folder without asking the forge. */
export const unknown: By = { actor: { login: "unknown", kind: "person", trust: "none" }, causedBy: null, depth: 0 }

const writerOf = ({ actor }: By): Writer => ({
  login: actor.login,
  agent: actor.kind === "person" ? null : actor.login
})

/** A text that was written now. */
export const written = (body: string, by: By, at: number): StoredText => {
  const { agent, login } = writerOf(by)
  return { body, author: login, agent, createdAt: at, editors: [], editedAt: null }
}

/** The same text with another body; who changed it is remembered for good. */
export const rewritten = <A extends StoredText>(text: A, body: string, by: By, at: number): A => {
  const editor = writerOf(by)
  const others = text.editors.filter(({ agent, login }) => login !== editor.login || agent !== editor.agent)
  return { ...text, body, editors: [...others, editor], editedAt: at }
}

/** A text as the port shows it. */
export const shown = ({ agent, author, body, createdAt, editedAt, editors }: StoredText) => ({
  body,
  author,
  createdAt,
  editor: editors.at(-1)?.login ?? null,
  editedAt,
  ...(agent === null ? {} : { agent })
})

/** In GitHub's words. What agents write commands nobody. */
export const associationOf = (standing: Standing, { agent, author }: StoredText): string => {
  if (agent !== null) return "NONE"
  const trust = standing.trustOf(author)
  if (trust === "admin") return "OWNER"
  return trust === "none" || trust === "read" ? "NONE" : "COLLABORATOR"
}
