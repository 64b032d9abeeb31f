import { Config, Effect, FileSystem, Option, Path, Redacted } from "effect"

/** A variable of the environment; empty where it is not set. */
export const variable = (name: string): Effect.Effect<string> =>
  Config.option(Config.Redacted(name)).pipe(
    Effect.orElseSucceed(() => Option.none<Redacted.Redacted<string>>()),
    Effect.map((value) => (Option.isNone(value) ? "" : Redacted.value(value.value)))
  )

/** Where a program is, by its path from `cwd` or by its name on PATH; null where it is not or may not be run. */
export const programAt = Effect.fnUntraced(function* (program: string, cwd: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folders = (yield* variable("PATH")).split(":").filter((folder) => folder !== "")
  const candidates = program.includes("/")
    ? [path.resolve(cwd, program)]
    : folders.map((folder) => path.resolve(cwd, folder, program))
  for (const candidate of candidates) {
    const found = yield* Effect.option(fs.stat(candidate))
    if (Option.isSome(found) && found.value.type === "File" && (found.value.mode & 0o111) !== 0) return candidate
  }
  return null
})
