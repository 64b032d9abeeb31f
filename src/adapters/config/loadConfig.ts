import { Array as Arr, Effect, FileSystem, Path, Result } from "effect"
import { ConfigInvalid } from "../../domain/Errors.ts"
import { makeSquad, type Role, type Squad } from "../../domain/Role.ts"
import { ConfigFile, landingOf, policyOf } from "./ConfigFile.ts"
import { ConfigProblems } from "./ConfigProblems.ts"
import { decodeSource } from "./decodeSource.ts"
import { readRole } from "./readRole.ts"
import type { InputValues } from "./roleInputs.ts"
import { type Settings, settingsOf } from "./Settings.ts"
import { parseYaml } from "./YamlSource.ts"

/** A configuration that can be used as it stands. */
export interface LoadedConfig {
  readonly squad: Squad
  readonly settings: Settings
}

type Read<A> = Effect.fn.Return<
  Result.Result<A, ReadonlyArray<ConfigInvalid>>,
  never,
  FileSystem.FileSystem | Path.Path
>

const whole = (file: string, problem: string, remedy: string) =>
  new ConfigInvalid({ file, line: null, field: "", problem, remedy })

const isThere = (path: string) =>
  FileSystem.FileSystem.use((fs) => fs.exists(path)).pipe(Effect.orElseSucceed(() => true))

const readText = (file: string) =>
  FileSystem.FileSystem.use((fs) => fs.readFileString(file)).pipe(
    Effect.mapError(({ message }) => [whole(file, `it cannot be read (${message})`, "Check its permissions.")]),
    Effect.result
  )

const readConfigFile = Effect.fnUntraced(function* (
  root: string,
  folder: string
): Read<{ readonly config: ConfigFile; readonly settings: Settings }> {
  const path = yield* Path.Path
  const file = path.join(folder, "config.yaml")
  const other = path.join(folder, "config.yml")
  if (yield* isThere(other)) return Result.fail([whole(other, "this file is not read", "Rename it to config.yaml.")])
  const text = (yield* isThere(file)) ? yield* readText(file) : Result.succeed("")
  const source = Result.flatMap(text, (content) => parseYaml(file, content))
  if (Result.isFailure(source)) return Result.fail(source.failure)
  const config = decodeSource(ConfigFile, source.success)
  if (Result.isFailure(config)) return Result.fail(config.failure)
  const settings = yield* settingsOf(root, config.success, source.success)
  return Result.map(settings, (read) => ({ config: config.success, settings: read }))
})

const readRoles = Effect.fnUntraced(function* (
  root: string,
  folder: string,
  values: InputValues,
  otherAgent: string | null
): Read<ReadonlyArray<Role>> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const entries = (yield* isThere(folder)) ? yield* Effect.result(fs.readDirectory(folder)) : Result.succeed([])
  if (Result.isFailure(entries)) {
    const problem = `it cannot be read (${entries.failure.message})`
    return Result.fail([whole(folder, problem, "It must be a folder with one file for each agent.")])
  }
  const names = entries.success.filter((name) => name.endsWith(".md")).toSorted()
  if (names.length === 0) {
    const remedy = "Add a file `<name>.md` to it, or run `squadron init` for a squad of six."
    return Result.fail([whole(folder, "there is no agent", remedy)])
  }
  const roles: Array<Role> = []
  const problems: Array<ConfigInvalid> = []
  for (const name of names) {
    const file = path.join(folder, name)
    const text = yield* readText(file)
    const role = Result.isFailure(text)
      ? Result.fail(text.failure)
      : yield* readRole(path.resolve(root), file, name.slice(0, -".md".length), text.success, values, otherAgent)
    if (Result.isFailure(role)) problems.push(...role.failure)
    else roles.push(role.success)
  }
  return problems.length > 0 ? Result.fail(problems) : Result.succeed(roles)
})

/**
 * Reads `.squadron/` in the project's folder: config.yaml (which may be absent) and one role for each agents/*.md.
 * Secrets come from the environment, through the ConfigProvider. `otherAgent`, a preset or a command line, takes the
 * place of what roles say under `agent`.
 *
 * Fails with all problems of all files. File names in them begin with `root` as it is given.
 */
export const loadConfig = Effect.fn("Config.load")(function* (
  root: string,
  otherAgent: string | null = null
): Effect.fn.Return<LoadedConfig, ConfigProblems, FileSystem.FileSystem | Path.Path> {
  const path = yield* Path.Path
  const folder = path.join(root, ".squadron")
  if (!(yield* isThere(folder))) {
    return yield* new ConfigProblems({
      problems: [whole(folder, "this folder does not exist", "Run `squadron init` to make it.")]
    })
  }
  const config = yield* readConfigFile(root, folder)
  const values = Result.isSuccess(config) ? (config.success.config.inputs ?? {}) : null
  const roles = yield* readRoles(root, path.join(folder, "agents"), values, otherAgent)
  if (Result.isSuccess(config) && Result.isSuccess(roles)) {
    const { config: file, settings } = config.success
    const squad = makeSquad({
      roles: roles.success,
      policy: policyOf(file),
      landing: landingOf(file),
      ...(file.name === undefined ? {} : { mention: file.name }),
      ...(file.concurrency === undefined ? {} : { concurrency: file.concurrency })
    })
    return { squad, settings }
  }
  const problems = [
    ...(Result.isFailure(config) ? config.failure : []),
    ...(Result.isFailure(roles) ? roles.failure : [])
  ]
  return yield* Arr.isArrayNonEmpty(problems)
    ? new ConfigProblems({ problems })
    : Effect.die(new Error("A configuration was refused without a problem"))
})
