import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { it } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Logger, Redacted, type Scope } from "effect"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import * as NoSandbox from "../../../src/adapters/sandbox/NoSandbox.ts"
import { GitWorkspaces, type WorkspaceOptions } from "../../../src/adapters/workspace/GitWorkspaces.ts"
import type { Janitor } from "../../../src/adapters/workspace/Janitor.ts"
import { Forge, type Remote } from "../../../src/services/Forge.ts"
import type { Sandbox } from "../../../src/services/Sandbox.ts"
import type { WorkspaceRequest, Workspaces } from "../../../src/services/Workspaces.ts"

export const repository = "acme/shop"
export const agent = "feat-dev-1-e5"
export const request: WorkspaceRequest = { agent, repository, base: "main", branch: `squadron/${agent}` }

const environment = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ann",
  GIT_AUTHOR_EMAIL: "ann@example.invalid",
  GIT_COMMITTER_NAME: "Ann",
  GIT_COMMITTER_EMAIL: "ann@example.invalid"
}

/** Git as a person or an agent runs it; what it prints, without the last line end. */
export const git = (cwd: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", args, { cwd, env: environment, encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] }).replace(
    /\n$/,
    ""
  )

export const write = (folder: string, files: Readonly<Record<string, string | Buffer>>): void => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
}

/** Commits all files there are; the commit's id. */
export const commitAll = (folder: string, message: string): string => {
  git(folder, "add", "-A")
  git(folder, "commit", "-q", "--allow-empty", "-m", message)
  return git(folder, "rev-parse", "HEAD")
}

/** The forge's side of a repository, as a folder to work in; its branches are what the forge has. */
export const makeOrigin = (folder: string): string => {
  mkdirSync(folder, { recursive: true })
  git(folder, "init", "-q", "-b", "main")
  write(folder, { "readme.md": "hello\n", "src/a.txt": "a\n", "src/deep/b.txt": "b\n", ".gitignore": "ignored/\n" })
  commitAll(folder, "first")
  git(folder, "config", "receive.denyCurrentBranch", "ignore")
  return folder
}

/** Where a test's things are. */
export class Place extends Context.Service<Place, { readonly stateDir: string; readonly origin: string }>()(
  "squadron/test/workspace/Place"
) {
  static readonly layer = Layer.effect(
    Place,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
      mkdirSync(join(root, "state"))
      return { stateDir: join(root, "state"), origin: makeOrigin(join(root, "origin")) }
    })
  )
}

export type RigOptions = Omit<WorkspaceOptions, "stateDir"> & {
  readonly remote?: Remote | undefined
  /** What shuts hooks in for this state folder; nothing unless told. */
  readonly sandbox?: ((stateDir: string) => Layer.Layer<Sandbox>) | undefined
}

/** Squadron's side: a layer that can be built anew on the same place, as a daemon that starts again. */
export const daemon = (options: RigOptions = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { origin, stateDir } = yield* Place
      const remote = options.remote ?? { url: origin, header: null }
      return GitWorkspaces.layer({ minFree: 0, ...options, stateDir }).pipe(
        Layer.provideMerge(ProcessRecords.layer({ stateDir, killAfter: "200 millis" })),
        Layer.provide(options.sandbox?.(stateDir) ?? NoSandbox.layer),
        Layer.provide(Layer.mock(Forge, { remote: () => Effect.succeed(remote) }))
      )
    })
  )

export type Rig = Workspaces | Janitor | ProcessRecords | Place | NodeServices.NodeServices

/** A place of its own, with a daemon. */
const rig = (options: RigOptions = {}) =>
  daemon(options).pipe(
    Layer.provideMerge(Place.layer),
    Layer.provideMerge(NodeServices.layer),
    Layer.provideMerge(Logger.layer([]))
  )

/** A test with a place and a daemon of its own. */
export const test = (
  name: string,
  body: Effect.Effect<unknown, unknown, Rig | Scope.Scope>,
  options: RigOptions = {},
  timeout = 30_000
) => it.live(name, () => Effect.provide(body, rig(options)), timeout)

export const secret = (header: string) => Redacted.make(header)

export const text = (...path: ReadonlyArray<string>): string => readFileSync(join(...path), "utf8")
