import { Effect, Path } from "effect"
import type { Settings } from "../adapters/config/Settings.ts"
import { nodeProgram } from "../adapters/process/host.ts"

/** The folders that a sandbox hides from every program, and those that it shows to every program; all absolute. */
export const sandboxFolders = Effect.fnUntraced(function* (
  settings: Pick<Settings, "root" | "sandboxReadable" | "stateDir">
) {
  const path = yield* Path.Path
  // Squadron's own folder: its bridge runs inside
  const own = path.resolve(import.meta.dirname, "../..")
  return {
    stateDir: settings.stateDir,
    hidden: [settings.root],
    readable: [own, nodeProgram, ...settings.sandboxReadable]
  }
})
