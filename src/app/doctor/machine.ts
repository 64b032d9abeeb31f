import { type StatsFs, statfs } from "node:fs"
import { Effect, FileSystem, Option, Path } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import type { Settings } from "../../adapters/config/Settings.ts"
import { detect } from "../../adapters/sandbox/detect.ts"
import { type Check, missing, ok, warning } from "./Check.ts"
import { programAt } from "./programs.ts"

/** Whether a version is at least `major.minor`; false for what is no version. */
const isAtLeast = (version: string, major: number, minor: number): boolean => {
  const [, a = "0", b = "0"] = /(\d+)\.(\d+)/.exec(version) ?? []
  return Number(a) > major || (Number(a) === major && Number(b) >= minor)
}

/** Whether this version of Node will do. */
export const node = (version: string): Check =>
  isAtLeast(version, 22, 19)
    ? ok("node", version)
    : missing("node", `${version} is too old`, "Install Node 22.19 or newer, for example from nodejs.org.")

/** Whether git is there and can merge without a checkout. */
export const git = Effect.fnUntraced(function* () {
  const install = "Install git 2.38 or newer: `apt-get install git`, or see git-scm.com."
  const program = yield* programAt("git", "/")
  if (program === null) return missing("git", "it is not on PATH", install)
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const asked = yield* spawner
    .string(ChildProcess.make(program, ["--version"], { stdin: "ignore", forceKillAfter: "1 second" }))
    .pipe(Effect.timeout("20 seconds"), Effect.option)
  const version = Option.getOrElse(asked, () => "")
    .trim()
    .replace(/^git version /, "")
  if (version === "") return missing("git", `${program} does not tell its version`, install)
  return isAtLeast(version, 2, 38) ? ok("git", version) : missing("git", `${version} is too old`, install)
})

/** Whether agents and hooks can be shut in, as far as the configuration wants it. */
export const sandbox = Effect.fnUntraced(function* (mode: Settings["sandbox"]) {
  const without = "agents and hooks may do all that this user may"
  if (mode === "off") return warning("sandbox", `off: ${without}`, "Remove `sandbox: off` from config.yaml.")
  const found = yield* detect
  if (found.kind === "bwrap") return ok("sandbox", `bubblewrap ${found.version}`)
  return mode === "required"
    ? missing("sandbox", found.reason, found.remedy)
    : warning("sandbox", `${found.reason}; ${without}`, found.remedy)
})

const inMiB = (bytes: number): string => `${Math.floor(bytes / 2 ** 20).toLocaleString("en-US")} MiB`

/** Whether `minFree` bytes are free in a folder, which need not be there yet; `needed` where agents have workspaces. */
export const disk = Effect.fnUntraced(function* (folder: string, minFree: number, needed: boolean) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let standing = folder
  while (!(yield* Effect.orElseSucceed(fs.exists(standing), () => false)) && standing !== path.dirname(standing)) {
    standing = path.dirname(standing)
  }
  const stats = yield* Effect.callback<StatsFs | undefined>((resume) =>
    statfs(standing, (error, stats) => resume(Effect.succeed(error === null ? stats : undefined)))
  )
  if (stats === undefined) return warning("disk", `the space at ${standing} cannot be told`, "Look at it with `df`.")
  const free = stats.bavail * stats.bsize
  if (free >= minFree) return ok("disk", `${inMiB(free)} free at ${standing}`)
  const text = `only ${inMiB(free)} free at ${standing}, and a new workspace needs ${inMiB(minFree)}`
  return (needed ? missing : warning)("disk", text, "Free some space there, or lower `workspaces.minFree`.")
})
