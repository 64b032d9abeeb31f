import { Console, Effect, FileSystem } from "effect"
import { readIssues } from "../adapters/config/readIssue.ts"
import type { LoadedConfig } from "../adapters/config/loadConfig.ts"
import { LocalForge } from "../adapters/forge/local/LocalForge.ts"
import * as Subject from "../domain/Subject.ts"

/**
 * Makes the local forge's git repository from its source, or has it follow. A project that is no git repository and names
 * no `source` has none, which only roles with a workspace need.
 *
 * Fails where there is a source and nothing can be made of it.
 */
export const prepareRepository = Effect.fnUntraced(function* ({ settings, squad }: LoadedConfig, json: boolean) {
  const fs = yield* FileSystem.FileSystem
  const forge = yield* LocalForge
  const isGit = Effect.orElseSucceed(fs.exists(`${settings.root}/.git`), () => false)
  const wanted = squad.roles.some((role) => role.workspace !== null)
  const from = settings.source ?? (wanted && (yield* isGit) ? settings.root : null)
  if (from === null) {
    if (wanted && settings.github.auth === null) {
      yield* Effect.logWarning(
        `There is no git repository for workspaces: ${settings.root} is none. Run \`git init\` and commit there, or name a folder as \`source\` in config.yaml.`
      )
    }
    return
  }
  const imported = yield* forge.importRepository({
    repository: settings.repository,
    from,
    branch: "main",
    except: [settings.stateDir]
  })
  if (imported.left !== null) yield* Effect.logWarning(`Not all of ${from} is taken over: ${imported.left}`)
  if (imported.changed && !json) {
    yield* Console.log(`${settings.repository} is at ${imported.commit.slice(0, 9)} of ${from}.`)
  }
})

/** Opens an issue for each file of the folder that had none before. */
export const openIssues = Effect.fnUntraced(function* (folder: string, repository: string) {
  const forge = yield* LocalForge
  for (const { body, labels, name, title } of yield* readIssues(folder)) {
    yield* forge.perform({
      // the same file is the same issue
      key: `issues/${name}`,
      subject: Subject.repository(repository),
      agent: null,
      depth: 0,
      action: { _tag: "open_issue", title, body, labels }
    })
  }
})
