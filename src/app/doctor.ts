import { Effect, Path, Result } from "effect"
import { loadConfig } from "../adapters/config/loadConfig.ts"
import type { ConfigInvalid } from "../domain/Errors.ts"
import { type Check, missing, ok } from "./doctor/Check.ts"
import { daemon } from "./doctor/daemon.ts"
import { disk, git, node, sandbox } from "./doctor/machine.ts"
import { readable } from "./doctor/readable.ts"
import { hooks, roles } from "./doctor/roles.ts"
import { makeLook } from "./doctor/visibility.ts"
import { sandboxFolders } from "./sandboxFolders.ts"

const invalid = ({ field, file, line, problem, remedy }: ConfigInvalid): Check =>
  missing(
    "config",
    `${file}${line === null ? "" : `:${line}`}: ${field === "" ? "" : `\`${field}\`: `}${problem}`,
    remedy.split("\n").join(" ")
  )

/** Where there is no configuration: what it would be by default. */
const bare = { minFree: 2 ** 30, stateDir: ".squadron-state" }

/**
 * Looks at all that the squadron of a folder needs: the machine, its configuration, its roles and its daemon. Nothing
 * is changed. Roles and daemon are looked at only where the configuration loads.
 */
export const examine = Effect.fn("Doctor.examine")(function* (root: string) {
  const path = yield* Path.Path
  const loaded = yield* Effect.result(loadConfig(root))
  const version = node(process.versions.node)
  const tool = yield* git()
  if (Result.isFailure(loaded)) {
    return [
      version,
      tool,
      yield* sandbox("auto"),
      yield* disk(path.resolve(root, bare.stateDir), bare.minFree, false),
      ...loaded.failure.problems.map(invalid)
    ]
  }
  const { settings, squad } = loaded.success
  const shut = yield* sandbox(settings.sandbox)
  const look = shut.status === "ok" ? yield* makeLook(yield* sandboxFolders(settings)) : null
  const needed = squad.roles.some((role) => role.workspace !== null)
  return [
    version,
    tool,
    shut,
    ...(settings.sandbox === "off" ? [] : yield* readable(settings.sandboxReadable)),
    yield* disk(settings.stateDir, settings.workspaces.minFree, needed),
    ok("config", `roles: ${squad.roles.map((role) => role.name).join(", ")}`),
    ...(yield* roles(squad.roles, look)),
    ...(yield* hooks(settings, look)),
    ...(yield* daemon(root, settings))
  ]
})
