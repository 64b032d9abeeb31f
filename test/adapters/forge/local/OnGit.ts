import { Context, Effect, Layer, Ref } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { LocalForge, type LocalForgeOptions } from "../../../../src/adapters/forge/local/LocalForge.ts"
import { migrate } from "../../../../src/adapters/sql/Database.ts"
import { SqliteClient } from "../../../../src/adapters/sql/SqliteClient.ts"
import { SqlWriter } from "../../../../src/adapters/sql/SqlWriter.ts"
import type { Action, ActionDraft } from "../../../../src/domain/Action.ts"
import * as Subject from "../../../../src/domain/Subject.ts"
import { TestSqlWriter } from "../../../support/TestSqlWriter.ts"

export const repository = "acme/app"
export const agent = "coder-1-e1"

/** A migrated database in memory, and a writer that keeps the events. */
export const database = TestSqlWriter.layer.pipe(
  Layer.provideMerge(SqlWriter.layer),
  Layer.provideMerge(Layer.effectDiscard(migrate)),
  Layer.provideMerge(SqliteClient.layer({ filename: ":memory:" }))
)

const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "mona",
  GIT_AUTHOR_EMAIL: "mona@example.com",
  GIT_COMMITTER_NAME: "mona",
  GIT_COMMITTER_EMAIL: "mona@example.com"
}

/** Runs git in a folder as a person would; its output without the last line's end. */
export const git = (folder: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-C", folder, ...args], { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trimEnd()

export type Files = Readonly<Record<string, string | null>>

/** Writes files, or removes those that are null. */
export const writeFiles = (folder: string, files: Files): void => {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path)
    if (content === null) {
      rmSync(file)
      continue
    }
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
}

/** Where the bare repositories, Squadron's mirrors and a person's clone of a test are. */
export class Folders extends Context.Service<
  Folders,
  { readonly root: string; readonly repositories: string; readonly mirror: string; readonly clone: string }
>()("test/adapters/forge/local/Folders") {
  static readonly layer = Layer.effect(
    Folders,
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "squadron-forge-"))),
        (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
      ),
      (root) => ({
        root,
        repositories: join(root, "forge"),
        mirror: join(root, "mirrors/acme/app.git"),
        clone: join(root, "clone")
      })
    )
  )
}

/** A local forge with git, on the folders of a test and on whatever database there is. */
export const forgeOn = (options: LocalForgeOptions = {}) =>
  Layer.unwrap(
    Effect.map(Folders, ({ repositories, root }) =>
      LocalForge.layer({ repositories, objects: (name) => join(root, "mirrors", `${name}.git`), ...options })
    )
  )

/** A local forge with git, on folders and a database of its own each time that it is built. */
export const onGit = (options: LocalForgeOptions = {}) =>
  forgeOn(options).pipe(Layer.provideMerge(Layer.merge(database, Folders.layer)))

/** The bare repository that the forge keeps. */
export const bare = Effect.map(Folders, ({ repositories }) => join(repositories, `${repository}.git`))

/** Makes `acme/app` from these files, and a person's clone of it. */
export const stage = Effect.fnUntraced(function* (files: Files) {
  const forge = yield* LocalForge
  const { clone, mirror, root } = yield* Folders
  const from = join(root, "project")
  mkdirSync(from)
  writeFiles(from, files)
  yield* forge.importRepository({ repository, from, branch: "main" })
  git(root, "clone", "--quiet", yield* bare, clone)
  mkdirSync(mirror, { recursive: true })
  git(mirror, "init", "--quiet", "--bare")
})

/** Commits files in the person's clone, on top of `from`, and gives the commit; the branch is only there. */
export const commit = Effect.fnUntraced(function* (branch: string, files: Files, from?: string, message?: string) {
  const { clone } = yield* Folders
  git(clone, "fetch", "--quiet", "origin")
  git(clone, "checkout", "--quiet", "-B", branch, from ?? `origin/main`)
  writeFiles(clone, files)
  git(clone, "add", "--all")
  git(clone, "commit", "--quiet", "--allow-empty", "-m", message ?? `change ${Object.keys(files).join(", ")}`)
  return git(clone, "rev-parse", "HEAD")
})

/** The same commit where only Squadron's mirror has it. */
export const work = Effect.fnUntraced(function* (files: Files, from?: string, message?: string) {
  const { clone, mirror } = yield* Folders
  const id = yield* commit("work", files, from, message)
  git(mirror, "fetch", "--quiet", clone, `+work:refs/squadron/work/${id}`)
  return id
})

/** An action of the agent on a pull request, or on the repository for 0. */
export const act = (key: string, number: number, action: Action): ActionDraft => ({
  key,
  subject: number === 0 ? Subject.repository(repository) : Subject.pullRequest(repository, number),
  agent,
  depth: 1,
  action
})

export const events = Effect.flatMap(TestSqlWriter, (writer) => Ref.get(writer.events))

/** The events that `effect` appends. */
export const appended = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = (yield* events).length
    yield* effect
    return (yield* events).slice(before)
  })
