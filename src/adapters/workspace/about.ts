import { Effect, FileSystem, Option, Schema } from "effect"

/** What Squadron notes of a workspace beside it. */
export const About = Schema.Struct({
  agent: Schema.NonEmptyString,
  repository: Schema.NonEmptyString,
  base: Schema.NonEmptyString,
  branch: Schema.NonEmptyString,
  /** The commit that it was made at. */
  start: Schema.NonEmptyString,
  /** When it was opened or closed last, in milliseconds since 1970. */
  usedAt: Schema.Int,
  /** False until the first opening is through: nobody has worked in it before. */
  ready: Schema.Boolean
})
export type About = typeof About.Type

const AboutText = Schema.fromJsonString(About)

/** None where there is no such file, or one that a crash or a person spoilt. */
export const readAbout = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.option(fs.readFileString(file))
  return Option.flatMap(text, Schema.decodeUnknownOption(AboutText))
})

/** Replaces the file at once, or not at all. */
export const writeAbout = Effect.fnUntraced(function* (file: string, about: About) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(`${file}.new`, Schema.encodeSync(AboutText)(about))
  yield* fs.rename(`${file}.new`, file)
})
