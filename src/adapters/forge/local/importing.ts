/** Makes a repository of the forge from a folder, and follows a git repository afterwards. */
import { existsSync, mkdirSync, rmSync } from "node:fs"
import { isAbsolute, join, relative, resolve } from "node:path"
import { Effect } from "effect"
import type { ForgeError } from "../../../domain/Errors.ts"
import { refused } from "./branchActions.ts"
import { identOf, writeCommit } from "./commits.ts"
import { folderOf, incoming } from "./folders.ts"
import { type Git, gitFault, parts as partsOf, textOf } from "./git.ts"
import { branchRef, changeRefs, headBranch, isAncestor, isWhole } from "./refs.ts"
import type { Parts } from "./settling.ts"
import { performer } from "./standing.ts"
import type { Turn, Turns } from "./Turns.ts"

export type AskedImport = {
  readonly repository: string
  /** Absolute: a git repository, or a folder with the first files. */
  readonly from: string
  /** The default branch of a repository that is not there yet. */
  readonly branch: string
  /** Absolute paths below `from` that are not the project's, such as Squadron's own state. */
  readonly except?: ReadonlyArray<string> | undefined
}

/** `left` says in words what was not taken and why, null where nothing was left. */
export type Imported = {
  readonly branch: string
  readonly commit: string
  readonly changed: boolean
  readonly left: string | null
}

/** A fetch or a look through a big folder. */
const patience = "10 minutes"

/** The first commit of the same files is the same commit. */
const beginning = 946_684_800
const importer = identOf("squadron", beginning)

const isGit = (folder: string): boolean =>
  existsSync(join(folder, ".git")) ||
  (existsSync(join(folder, "HEAD")) && existsSync(join(folder, "objects")) && existsSync(join(folder, "refs")))

/** Also of another user's folder: who named it means it, and what serves it runs nothing that it says. */
const server = "--upload-pack=git -c 'safe.directory=*' upload-pack"

/** The commit of the source's HEAD, null where it has none yet. Nothing of the source is run or trusted. */
const headOf = Effect.fnUntraced(function* (git: Git, folder: string, from: string) {
  const { stdout } = yield* git({ folder, args: ["ls-remote", server, "--", from, "HEAD"], timeout: patience })
  return /^([0-9a-f]{40})\tHEAD$/m.exec(stdout)?.[1] ?? null
})

const fetch = Effect.fnUntraced(function* (git: Git, folder: string, from: string, commit: string) {
  const options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"]
  yield* git({ folder, args: ["fetch", server, ...options, "--", from, commit], timeout: patience })
  return yield* isWhole(git, folder, commit)
})

let indexes = 0

/** A commit of the folder's own files, less those that its .gitignore names, and the repositories within it. */
const commitFiles = Effect.fnUntraced(function* (
  git: Git,
  folder: string,
  root: string,
  { except = [], from }: AskedImport
) {
  mkdirSync(incoming(root), { recursive: true })
  const index = join(incoming(root), `index-${process.pid}-${++indexes}`)
  const env = { GIT_WORK_TREE: from, GIT_INDEX_FILE: index }
  const config = [["core.bare", "false"]] as const
  const excluded = [root, ...except].flatMap((path) => {
    const below = relative(from, path)
    return below === "" || below.startsWith("..") || isAbsolute(below) ? [] : [`:(top,exclude,literal)${below}`]
  })
  const clean = Effect.sync(() => {
    rmSync(index, { force: true })
    rmSync(`${index}.lock`, { force: true })
  })
  return yield* Effect.gen(function* () {
    yield* clean
    yield* git({ folder, env, config, args: ["add", "--all", "--", ":(top)", ...excluded], timeout: patience })
    const { stdout } = yield* git({ folder, env, config, args: ["ls-files", "--stage", "-z"] })
    const within = partsOf(stdout).flatMap((entry) => (entry.startsWith("160000 ") ? [entry.split("\t")[1] ?? ""] : []))
    if (within.length > 0) {
      const input = within.map((path) => `${path}\0`).join("")
      yield* git({ folder, env, config, args: ["update-index", "--force-remove", "-z", "--stdin"], input })
    }
    const tree = (yield* git({ folder, env, config, args: ["write-tree"], timeout: patience })).stdout.trim()
    const author = `${importer.name} <${importer.email}> ${beginning} +0000`
    const first = { tree, parents: [], author, encoding: null, message: "The project's files\n" }
    const commit = yield* writeCommit(git, folder, first, importer)
    return { commit, within: within.map(textOf) }
  }).pipe(Effect.ensuring(clean))
})

export const makeImport = (parts: Parts, turns: Turns, root: string | null, defaultBranch: string) => {
  const { git } = parts

  const made = (asked: AskedImport): Effect.Effect<string, ForgeError> =>
    Effect.gen(function* () {
      const { branch = defaultBranch, from, repository } = asked
      if (root === null) return yield* refused("this squadron keeps no git repositories")
      const folder = folderOf(root, repository)
      if (folder === null) return yield* refused(`${JSON.stringify(repository)} is no name of a repository, owner/name`)
      if (!isAbsolute(from) || !existsSync(from)) return yield* refused(`there is no folder ${from} to import`)
      // Also where it is there: a crash may have left it half made.
      mkdirSync(folder, { recursive: true })
      const args = ["init", "--quiet", "--bare", "--template=", `--initial-branch=${branch}`] as const
      yield* Effect.mapError(git({ folder, args }), gitFault)
      return folder
    })

  /** The commit that the source has, and what it does not give. */
  const take = Effect.fnUntraced(function* (asked: AskedImport, { folder }: Turn, root: string, isFirst: boolean) {
    const from = resolve(asked.from)
    if (isGit(from)) {
      const commit = yield* headOf(git, folder, from)
      if (commit !== null) {
        if (yield* fetch(git, folder, from, commit)) return { commit, left: null }
        const why = `${from} is a shallow clone; run \`git fetch --unshallow\` there, and its commits can be taken`
        return { commit: null, left: why }
      }
    }
    if (!isFirst) return { commit: null, left: null }
    const { commit, within } = yield* commitFiles(git, folder, root, { ...asked, from })
    return { commit, left: within.length === 0 ? null : `git repositories within it: ${within.join(", ")}` }
  })

  return Effect.fn("LocalForge.importRepository")(function* (asked: AskedImport) {
    return yield* turns.at(
      asked.repository,
      made(asked),
      Effect.fnUntraced(function* (turn): Effect.fn.Return<Imported, ForgeError> {
        const branch = yield* headBranch(turn.folder)
        const ref = branchRef(branch)
        const now = (yield* turn.refs).get(ref) ?? null
        const { commit, left } = yield* Effect.mapError(take(asked, turn, root ?? "", now === null), gitFault)
        if (commit === null || commit === now) {
          if (now === null) return yield* refused(left ?? `nothing can be imported from ${asked.from}`)
          return { branch, commit: now, changed: false, left }
        }
        if (now !== null && !(yield* Effect.mapError(isAncestor(git, turn.folder, now, commit), gitFault))) {
          const ahead = yield* Effect.mapError(isAncestor(git, turn.folder, commit, now), gitFault)
          if (ahead) return { branch, commit: now, changed: false, left: null }
          const why = `${asked.from} is at ${commit}, which does not contain ${now}, where ${branch} is`
          return { branch, commit: now, changed: false, left: `${why}; merge one into the other` }
        }
        const change = { ref, from: now, to: commit }
        const by = performer({ agent: null, depth: 0 })
        yield* turn.changing(
          // What a repository begins with is no news.
          { by, changes: [change], mark: null, merge: null, quiet: now === null },
          Effect.mapError(changeRefs(git, turn.folder, [change]), gitFault)
        )
        return { branch, commit, changed: true, left }
      })
    )
  })
}
