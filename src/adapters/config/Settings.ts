import { Config, Effect, Option, Path, Redacted, Result } from "effect"
import type { ConfigInvalid } from "../../domain/Errors.ts"
import { type ConfigFile, defaultSecretEnv, defaultTokenEnv } from "./ConfigFile.ts"
import { problemAt } from "./decodeSource.ts"
import { millisOf } from "./quantities.ts"
import type { YamlPath, YamlSource } from "./YamlSource.ts"

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
  }
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
  const { github = {}, server = {} } = file
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
      botLogins: github.botLogins ?? []
    },
    drainTimeout: millisOf(file.drainTimeout ?? "30s"),
    stateDir: path.resolve(absolute, file.stateDir ?? ".squadron-state")
  }
  return problems.length > 0 ? Result.fail(problems) : Result.succeed(settings)
})
