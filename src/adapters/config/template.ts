import { Effect, FileSystem, Path, type PlatformError } from "effect"
import { examples } from "./examples.ts"

/** A file that `squadron init` would write. */
export interface PlannedFile {
  readonly path: string
  readonly contents: string
  readonly executable: boolean
  /** Whether something of that name is there already. */
  readonly exists: boolean
}

/** What `squadron init` would write in the project's folder; changes nothing. Paths begin with `root` as it is given. */
export const plan = Effect.fn("Config.plan")(function* (
  root: string
): Effect.fn.Return<ReadonlyArray<PlannedFile>, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return yield* Effect.forEach(Object.entries(examples), ([name, contents]) => {
    const target = path.join(root, name)
    return Effect.map(fs.exists(target), (exists) => ({
      path: target,
      contents,
      executable: contents.startsWith("#!"),
      exists
    }))
  })
})

/** Writes the files of a plan that do not exist yet, and returns their paths. Nothing is ever overwritten. */
export const write = Effect.fn("Config.write")(function* (
  files: ReadonlyArray<PlannedFile>
): Effect.fn.Return<ReadonlyArray<string>, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const missing = files.filter(({ exists }) => !exists)
  for (const { contents, executable, path: target } of missing) {
    yield* fs.makeDirectory(path.dirname(target), { recursive: true })
    yield* fs.writeFileString(target, contents, { flag: "wx", mode: executable ? 0o755 : 0o644 })
  }
  return missing.map(({ path: target }) => target)
})
