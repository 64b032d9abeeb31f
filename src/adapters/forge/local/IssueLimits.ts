import { Effect, Schema } from "effect"
import { Repository } from "../../../domain/Subject.ts"
import { IssueInvalid } from "./IssueInvalid.ts"

/** Most characters (code points) of each text, as on GitHub. */
const limits = { title: 256, body: 65_536, comment: 65_536, label: 50 }

// Neither can be kept by every database: PostgreSQL refuses NUL, and half a surrogate pair is no UTF-8.
const storable = (text: string): string => text.toWellFormed().replaceAll("\0", "\u{fffd}")

const count = (text: string): number => {
  let points = 0
  for (const _ of text) points++
  return points
}

const number = (n: number): string => n.toLocaleString("en-US")

const within = (field: string, text: string, max: number): Effect.Effect<string, IssueInvalid> => {
  const stored = storable(text)
  // A text has at least as many code units as code points, so counting is rarely needed.
  if (stored.length <= max) return Effect.succeed(stored)
  const length = count(stored)
  if (length <= max) return Effect.succeed(stored)
  const problem = `it has ${number(length)} characters, at most ${number(max)} are allowed`
  return Effect.fail(new IssueInvalid({ field, problem }))
}

const filled = (field: string, text: string): Effect.Effect<string, IssueInvalid> =>
  text.trim() === "" ? Effect.fail(new IssueInvalid({ field, problem: "it is empty" })) : Effect.succeed(storable(text))

const isRepository = Schema.is(Repository)

/** `owner/name`. */
export const repository = (name: string): Effect.Effect<string, IssueInvalid> =>
  isRepository(name)
    ? Effect.succeed(name)
    : Effect.fail(new IssueInvalid({ field: "repository", problem: `${JSON.stringify(name)} is not owner/name` }))

/** Not blank, at most 256 characters. */
export const title = (text: string): Effect.Effect<string, IssueInvalid> =>
  Effect.andThen(filled("title", text), within("title", text, limits.title))

/** At most 65,536 characters. */
export const body = (text: string): Effect.Effect<string, IssueInvalid> => within("body", text, limits.body)

/** Not blank, at most 65,536 characters. */
export const comment = (text: string): Effect.Effect<string, IssueInvalid> =>
  Effect.andThen(filled("comment", text), within("comment", text, limits.comment))

/** Each not blank and at most 50 characters; repeated ones once. */
export const labels = (texts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, IssueInvalid> =>
  Effect.map(
    Effect.forEach(texts, (text) => Effect.andThen(filled("label", text), within("label", text, limits.label))),
    (names) => [...new Set(names)]
  )

/** None blank; repeated ones once. */
export const assignees = (texts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, IssueInvalid> =>
  Effect.map(
    Effect.forEach(texts, (text) => filled("assignee", text)),
    (names) => [...new Set(names)]
  )

/** Not blank, at most 256 characters. */
export const check = (name: string): Effect.Effect<string, IssueInvalid> =>
  Effect.andThen(filled("check", name), within("check", name, limits.title))

/** Not blank. */
export const author = (login: string): Effect.Effect<string, IssueInvalid> => filled("author", login)
