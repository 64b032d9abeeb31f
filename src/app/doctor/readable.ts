import { Effect, FileSystem } from "effect"
import { type Check, ok, warning } from "./Check.ts"

const name = "readable"

const readableCheck = Effect.fnUntraced(function* (
  folder: string
): Effect.fn.Return<Check, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const remove = "take it out of `sandboxReadable` in config.yaml"
  const closed = warning(name, `${folder} may not be read by this user`, `Let this user read it, or ${remove}.`)
  const found = yield* Effect.result(fs.stat(folder))
  if (found._tag === "Failure") {
    return found.failure.reason._tag === "PermissionDenied"
      ? closed
      : warning(name, `${folder} is not there, and programs go without it`, `Create it, or ${remove}.`)
  }
  const listed = Effect.asVoid(fs.access(folder, { readable: true }))
  // A folder takes the right to go into it, too.
  const entered = found.success.type === "Directory" ? Effect.asVoid(fs.stat(`${folder}/.`)) : Effect.void
  const opened = yield* Effect.result(Effect.andThen(listed, entered))
  return opened._tag === "Success" ? ok(name, folder) : closed
})

/** Whether each folder that programs in the sandbox shall read is there and can be read. */
export const readable = (folders: ReadonlyArray<string>) => Effect.forEach(folders, readableCheck)
