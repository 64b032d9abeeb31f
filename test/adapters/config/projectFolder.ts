import { NodeServices } from "@effect/platform-node"
import { ConfigProvider, Effect, FileSystem, Layer, Path } from "effect"
import { loadConfig } from "../../../src/adapters/config/loadConfig.ts"

export type Files = { readonly [path: string]: string }

export const good = "---\nfunction: f\n---\n"
export const config = ".squadron/config.yaml"
export const agent = ".squadron/agents/a.md"

/** A project with these files; `#!` makes a program. */
const project = Effect.fnUntraced(function* (files: Files) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* fs.makeTempDirectoryScoped()
  for (const [name, text] of Object.entries(files)) {
    yield* fs.makeDirectory(path.dirname(path.join(root, name)), { recursive: true })
    yield* fs.writeFileString(path.join(root, name), text, { mode: text.startsWith("#!") ? 0o755 : 0o644 })
  }
  return root
})

const environment = (variables: { readonly [name: string]: string }) =>
  Layer.merge(NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables)))

/** The configuration of a project with these files, and its folder. */
export const load = (
  files: Files,
  variables: { readonly [name: string]: string } = {},
  otherAgent: string | null = null
) =>
  project(files).pipe(
    Effect.flatMap((root) => Effect.map(loadConfig(root, otherAgent), (loaded) => ({ root, ...loaded }))),
    Effect.scoped,
    Effect.provide(environment(variables))
  )

/** What is wrong, problem by problem. */
export const fails = (files: Files, variables: { readonly [name: string]: string } = {}) =>
  project(files).pipe(
    Effect.flatMap((root) => Effect.flip(loadConfig(root))),
    Effect.scoped,
    Effect.provide(environment(variables))
  )

/** The whole message, with the project's folder taken off. */
export const refused = (files: Files, variables: { readonly [name: string]: string } = {}) =>
  project(files).pipe(
    Effect.flatMap((root) =>
      Effect.map(Effect.flip(loadConfig(root)), ({ message }) => message.replaceAll(`${root}/`, ""))
    ),
    Effect.scoped,
    Effect.provide(environment(variables))
  )

export const inConfig = (text: string) => refused({ [config]: text, [agent]: good })
export const inAgent = (frontMatter: string) => refused({ [agent]: `---\n${frontMatter}\n---\nDo it.\n` })
