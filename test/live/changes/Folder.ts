/** A project's own folder, and what people and programs do on the same machine. */
import { Effect, Schema } from "effect"
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs"
import { rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const squad = fileURLToPath(new URL("squad", import.meta.url))

export type ProjectOptions = {
  /** Texts of the squad's config.yaml to replace. */
  readonly config?: ReadonlyArray<readonly [from: string, to: string]>
  /** Further files of the project. */
  readonly files?: Readonly<Record<string, string>>
  /** Further variables of the daemon's environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** What the project has when it begins. */
const files: Readonly<Record<string, string>> = {
  ".gitignore": ".squadron-state/\n",
  "README.md": "# An app\n",
  "list.txt": "one\ntwo\nthree\n",
  "package.json": '{ "name": "app" }\n'
}

/** Git said no. */
class GitRefused extends Schema.TaggedError<GitRefused>()("GitRefused", { said: Schema.String }) {
  override get message() {
    return this.said
  }
}

const who = (name: string) => ({
  GIT_AUTHOR_NAME: name,
  GIT_AUTHOR_EMAIL: `${name}@example.com`,
  GIT_COMMITTER_NAME: name,
  GIT_COMMITTER_EMAIL: `${name}@example.com`
})

/** A person's git, apart from this machine's settings; what it prints, without the end of the last line. */
export const git = (cwd: string, ...args: ReadonlyArray<string>): Effect.Effect<string, GitRefused> =>
  Effect.suspend(() => {
    const env = { PATH: process.env["PATH"] ?? "", HOME: cwd, GIT_TERMINAL_PROMPT: "0", LC_ALL: "C", ...who("alice") }
    const { status, stderr, stdout } = spawnSync("git", args, { cwd, env, encoding: "utf8" })
    if (status === 0) return Effect.succeed(stdout.replace(/\n$/, ""))
    return Effect.fail(new GitRefused({ said: `git ${args.join(" ")}: ${stdout}${stderr}` }))
  })

const filesBelow = (folder: string, from = ""): ReadonlyArray<string> =>
  readdirSync(join(folder, from), { withFileTypes: true }).flatMap((entry) => {
    const path = join(from, entry.name)
    if (path === ".squadron-state" || path === ".git/index") return []
    if (entry.isDirectory()) return filesBelow(folder, path)
    return [
      `${path} ${createHash("sha256")
        .update(readFileSync(join(folder, path)))
        .digest("hex")}`
    ]
  })

/** All that a project's own folder holds, its git's status and refs included. */
export const look = Effect.fnUntraced(function* (folder: string) {
  const status = yield* git(folder, "status", "--porcelain")
  return [status, ...filesBelow(folder).toSorted()].join("\n")
})

/** A git repository with a squad of puppets, and work in it that a person has not committed; gone with the scope. */
export const makeFolder = Effect.fnUntraced(function* (options: ProjectOptions) {
  const top = yield* Effect.acquireRelease(
    Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "squadron-changes-")))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const folder = join(top, "app")
  cpSync(squad, folder, { recursive: true })
  mkdirSync(join(top, "notes"))
  const config = join(folder, ".squadron", "config.yaml")
  let text = readFileSync(config, "utf8")
  for (const [from, to] of options.config ?? []) {
    if (!text.includes(from)) return yield* Effect.die(`config.yaml has no ${from}`)
    text = text.replace(from, to)
  }
  writeFileSync(config, text)
  for (const [path, content] of Object.entries({ ...files, ...options.files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  yield* git(folder, "init", "-q", "-b", "main")
  yield* git(folder, "add", "--all")
  yield* git(folder, "commit", "-q", "-m", "Begin")
  // what a person has not committed yet is the person's
  writeFileSync(join(folder, "README.md"), "# An app\n\nNot committed.\n")
  writeFileSync(join(folder, "draft.txt"), "Not known to git.\n")
  return { top, folder, notes: join(top, "notes") }
})

/** Living processes with this in their environment. */
export const processesWith = (mark: string): ReadonlyArray<{ readonly pid: number; readonly command: string }> =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      // a zombie has neither
      readlinkSync(`/proc/${name}/exe`)
      if (!readFileSync(`/proc/${name}/environ`, "latin1").split("\0").includes(mark)) return []
      return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ") }]
    } catch {
      return []
    }
  })
