import { Config, Effect, Option, Path, Redacted, Result } from "effect"
import type { ConfigInvalid } from "../../domain/Errors.ts"
import type { Trust } from "../../domain/Trust.ts"
import { type CommandLine, splitCommand } from "./commandLine.ts"
import { type ConfigFile, defaultTokenEnv } from "./ConfigFile.ts"
import { problemAt } from "./decodeSource.ts"
import { defaultGitHubTokenEnv, defaultPrivateKeyEnv, defaultSecretEnv } from "./GitHubKeys.ts"
import { bytesOf, forever, millisOf } from "./quantities.ts"
import type { YamlPath, YamlSource } from "./YamlSource.ts"

/** When a command of the user's runs in a workspace. */
export type HookName = "afterCreate" | "beforeRun" | "afterRun" | "beforeRemove"

/** How Squadron proves to GitHub who it is. */
export type GitHubAuth =
  | { readonly _tag: "token"; readonly token: Redacted.Redacted<string> }
  | {
      readonly _tag: "app"
      readonly id: number
      readonly privateKey: Redacted.Redacted<string>
      readonly installation?: number | undefined
    }

/** What the configuration says besides the squad; read once, at start. */
export interface Settings {
  /** The project's folder, absolute. */
  readonly root: string
  /** The repository of the local forge. */
  readonly repository: string
  readonly server: {
    readonly host: string
    /** 0 for any free port. */
    readonly port: number
    readonly token: Redacted.Redacted<string> | null
  }
  readonly github: {
    /** The variable that the secret is read from. */
    readonly secretEnv: string
    /** Without one, every delivery is refused. */
    readonly secret: Redacted.Redacted<string> | null
    /** 0 for no limit. */
    readonly ratePerMinute: number
    /** Empty for all. */
    readonly repositories: ReadonlyArray<string>
    /** Empty for all. */
    readonly installations: ReadonlyArray<number>
    readonly botLogins: ReadonlyArray<string>
    readonly apiUrl: string
    readonly webUrl: string
    /** What Squadron acts as there; null where it only hears. */
    readonly auth: GitHubAuth | null
  }
  /** What the local forge's repository is made from, absolute; null for the project itself, where that is possible. */
  readonly source: string | null
  readonly sandbox: "off" | "auto" | "required"
  /** Folders that programs in the sandbox may read, absolute. */
  readonly sandboxReadable: ReadonlyArray<string>
  readonly workspaces: {
    readonly hooks: { readonly [Hook in HookName]?: CommandLine }
    /** Milliseconds. */
    readonly hookTimeout: number
    /** What hooks reach from the sandbox. */
    readonly hookHosts: ReadonlyArray<string>
    /** Bytes. */
    readonly minFree: number
    /** Milliseconds. */
    readonly retention: number
    /** Milliseconds; null for ever. */
    readonly keepSaved: number | null
    readonly sparse: ReadonlyArray<string>
    readonly depth: number | null
  }
  /** What people may do in the local forge, by login. */
  readonly people: Readonly<Record<string, Trust>>
  /** Milliseconds. */
  readonly drainTimeout: number
  /** Absolute. */
  readonly stateDir: string
}

/** A variable that is empty counts as not set. */
const variable = (name: string): Effect.Effect<Redacted.Redacted<string> | null> =>
  Config.option(Config.Redacted(name)).pipe(
    Effect.orDie,
    Effect.map(Option.filter((secret) => Redacted.value(secret) !== "")),
    Effect.map(Option.getOrNull)
  )

/** The settings of a config file that was decoded; fails where a secret that it names is not set. */
export const settingsOf = Effect.fnUntraced(function* (
  root: string,
  file: ConfigFile,
  source: YamlSource
): Effect.fn.Return<Result.Result<Settings, ReadonlyArray<ConfigInvalid>>, never, Path.Path> {
  const path = yield* Path.Path
  const problems: Array<ConfigInvalid> = []
  const secretAt = Effect.fnUntraced(function* (at: YamlPath, name: string | undefined, byDefault: string) {
    const secret = yield* variable(name ?? byDefault)
    if (name !== undefined && secret === null) {
      const problem = `missing secret, the environment variable \`${name}\` is not set`
      problems.push(problemAt(source, at, { problem, remedy: `Set \`${name}\`, or remove this key.` }))
    }
    return secret
  })
  const { github = {}, server = {}, workspaces = {} } = file
  const hooks: { [Hook in HookName]?: CommandLine } = {}
  for (const [name, command] of Object.entries(workspaces.hooks ?? {}) as ReadonlyArray<
    readonly [HookName, string | CommandLine]
  >) {
    const split = typeof command === "string" ? splitCommand(command) : Result.succeed(command)
    if (Result.isSuccess(split)) hooks[name] = split.success
    else problems.push(problemAt(source, ["workspaces", "hooks", name], split.failure))
  }
  let auth: GitHubAuth | null = null
  if (github.app !== undefined) {
    const at = ["github", "app", "privateKeyEnv"]
    const name = github.app.privateKeyEnv ?? defaultPrivateKeyEnv
    const key = yield* secretAt(github.app.privateKeyEnv === undefined ? ["github", "app"] : at, name, name)
    if (key !== null) {
      auth = { _tag: "app", id: github.app.id, privateKey: key, installation: github.app.installation }
    }
  } else {
    const token = yield* secretAt(["github", "tokenEnv"], github.tokenEnv, defaultGitHubTokenEnv)
    if (token !== null) auth = { _tag: "token", token }
  }
  const absolute = path.resolve(root)
  const settings: Settings = {
    root: absolute,
    repository: file.repository ?? `local/${path.basename(absolute).replaceAll(/[^\w.-]+/g, "-") || "project"}`,
    server: {
      host: server.host ?? "127.0.0.1",
      port: server.port ?? 7700,
      token: yield* secretAt(["server", "tokenEnv"], server.tokenEnv, defaultTokenEnv)
    },
    github: {
      secretEnv: github.secretEnv ?? defaultSecretEnv,
      secret: yield* secretAt(["github", "secretEnv"], github.secretEnv, defaultSecretEnv),
      ratePerMinute: github.ratePerMinute ?? 600,
      repositories: github.repositories ?? [],
      installations: github.installations ?? [],
      botLogins: github.botLogins ?? [],
      apiUrl: github.apiUrl ?? "https://api.github.com",
      webUrl: github.webUrl ?? "https://github.com",
      auth
    },
    source: file.source === undefined ? null : path.resolve(absolute, file.source),
    sandbox: file.sandbox ?? "auto",
    sandboxReadable: (file.sandboxReadable ?? []).map((folder) => path.resolve(absolute, folder)),
    workspaces: {
      hooks,
      hookTimeout: millisOf(workspaces.hookTimeout ?? "60s"),
      hookHosts: workspaces.hookHosts ?? [],
      minFree: workspaces.minFree === undefined ? 2 ** 30 : bytesOf(workspaces.minFree),
      retention: millisOf(workspaces.retention ?? "30d"),
      keepSaved: workspaces.keepSaved === forever ? null : millisOf(workspaces.keepSaved ?? "90d"),
      sparse: workspaces.sparse ?? [],
      depth: workspaces.depth ?? null
    },
    people: file.people ?? {},
    drainTimeout: millisOf(file.drainTimeout ?? "30s"),
    stateDir: path.resolve(absolute, file.stateDir ?? ".squadron-state")
  }
  return problems.length > 0 ? Result.fail(problems) : Result.succeed(settings)
})
