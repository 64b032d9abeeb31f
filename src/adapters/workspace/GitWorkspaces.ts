import { readdirSync } from "node:fs"
import { Clock, Context, Effect, FileSystem, Layer, Path, type PlatformError, Semaphore } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import { Forge } from "../../services/Forge.ts"
import type { Sandbox } from "../../services/Sandbox.ts"
import { type Workspace, type WorkspaceRequest, Workspaces } from "../../services/Workspaces.ts"
import { ProcessRecords } from "../harness/ProcessRecords.ts"
import { writeAbout } from "./about.ts"
import { makeCommitTexts } from "./commitTexts.ts"
import { makeComparison } from "./comparison.ts"
import { workspaceFailed } from "./failure.ts"
import { makeOutside } from "./outsideGit.ts"
import { isAgent, makeFolders } from "./folders.ts"
import type { Desk } from "./gather.ts"
import type { GitFailed } from "../git/runGit.ts"
import { makeGit } from "./git.ts"
import { type Hooks, makeRunHook, onlyLogged } from "./hooks.ts"
import { inspection } from "./inspection.ts"
import { type Exit, Janitor, makeJanitor, retire } from "./Janitor.ts"
import { makeMirrors } from "./Mirror.ts"
import { enter, noted, placeOf } from "./opening.ts"
import { revision } from "./refs.ts"
import { leftovers, removeTree } from "./removal.ts"
import { gap, snapshot } from "./snapshot.ts"
import { clearStaleLocks } from "./staleLocks.ts"
import { makeUpkeep } from "./upkeep.ts"

export type WorkspaceOptions = {
  readonly stateDir: string
  readonly hooks?: Hooks | undefined
  /** Milliseconds that a hook may take; 60,000 unless told. */
  readonly hookTimeout?: number | undefined
  /** Hosts, `name` or `name:port`, that hooks reach from the sandbox; none unless told. */
  readonly hookHosts?: ReadonlyArray<string> | undefined
  /** Bytes that must be free for a workspace to be made; 1 GiB unless told. */
  readonly minFree?: number | undefined
  /** Milliseconds after which a sleeping agent's workspace is saved and removed; 30 days unless told. */
  readonly retention?: number | undefined
  /** Milliseconds that saved work of agents that ended is kept, null for ever; 90 days unless told. */
  readonly keepSaved?: number | null | undefined
  /** Folders to check out, besides the files at the top; all where there is none. */
  readonly sparse?: ReadonlyArray<string> | undefined
  /** Commits of each branch that a repository's first fetch brings; all unless told. */
  readonly depth?: number | null | undefined
  /** The daemon's environment; that of this process unless told. Read once. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

type Fault = GitFailed | PlatformError.PlatformError | WorkspaceFailed

const day = 24 * 60 * 60 * 1000

/** Whatever went wrong while doing this, in the port's words. */
const during =
  (step: string) =>
  <A, R>(effect: Effect.Effect<A, Fault, R>): Effect.Effect<A, WorkspaceFailed, R> =>
    Effect.mapError(effect, (error) => (error._tag === "WorkspaceFailed" ? error : workspaceFailed(step, error)))

/** One at a time for each agent. */
const makeLocks = () => {
  const locks = new Map<string, Semaphore.Semaphore>()
  return <A, E, R>(agent: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const lock = locks.get(agent) ?? Semaphore.makeUnsafe(1)
      locks.set(agent, lock)
      return lock.withPermit(effect)
    })
}

/** Names of folders inside of the repository. */
const checkedSparse = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.map((name) => {
    const folder = name.replace(/^\.?\/+|\/+$/g, "")
    if (folder === "" || /[\\*?[\]\n]/.test(folder) || folder.split("/").includes("..")) {
      throw new Error(`${JSON.stringify(name)} cannot be a folder for a sparse checkout`)
    }
    return folder
  })

const notWhole = (agent: string, missing: string): WorkspaceFailed =>
  new WorkspaceFailed({
    step: "save",
    reason: `the work of ${agent} is saved except for some files, since ${missing}`,
    remedy: "Make them readable for the daemon's user.",
    retryable: false
  })

const make = Effect.fnUntraced(function* (options: WorkspaceOptions) {
  const forge = yield* Forge
  const records = yield* ProcessRecords
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const env = { ...(options.env ?? process.env) }
  const folders = makeFolders(path.resolve(options.stateDir))
  const git = makeGit(env, records.home)
  const sparse = checkedSparse(options.sparse ?? [])
  const desk: Desk = { git, folders, sparse, memory: { links: new Map(), begun: new Map() } }
  const mirrors = yield* makeMirrors({ git, folders, forge, depth: options.depth ?? null })
  const runHook = yield* makeRunHook({
    hooks: options.hooks ?? {},
    timeout: options.hookTimeout ?? 60_000,
    hosts: options.hookHosts ?? [],
    env
  })
  const open = new Set<string>()
  const locked = makeLocks()
  const minFree = options.minFree ?? 1024 ** 3
  const entrance = { desk, mirrors, runHook, minFree }
  const exit: Exit = { desk, isOpen: (agent) => open.has(agent), locked, runHook }
  const provided = Effect.provideContext(Context.make(FileSystem.FileSystem, fs).pipe(Context.add(Path.Path, path)))

  yield* fs.makeDirectory(folders.mirrors, { recursive: true })
  yield* fs.makeDirectory(folders.workspaces, { recursive: true })
  yield* clearStaleLocks(folders.mirrors, records.home)
  yield* Effect.sync(() => makeOutside(folders.outside))
  yield* Effect.forEach(leftovers(folders.workspaces), removeTree)

  const save = Effect.fnUntraced(function* (agent: string) {
    const about = yield* noted(desk, agent)
    if (about?.ready !== true) return null
    const work = yield* snapshot(desk, about)
    const missing = gap(work)
    if (missing !== null) return yield* notWhole(agent, missing)
    return work.saved
  })

  /** What closing does; none of it can keep the run from ending. */
  const leave = Effect.fnUntraced(function* (agent: string) {
    yield* save(agent).pipe(
      during("save"),
      Effect.catch((error) => Effect.logError(`The work of ${agent} could not be saved: ${error.message}`))
    )
    const about = yield* noted(desk, agent)
    if (about === null) return
    yield* onlyLogged(runHook("afterRun", placeOf(desk, about)))
    yield* writeAbout(folders.workspace(agent).about, { ...about, usedAt: yield* Clock.currentTimeMillis })
  })

  const opened = Effect.fnUntraced(function* (request: WorkspaceRequest) {
    const workspace = yield* mirrors.using(request.repository, locked(request.agent, enter(entrance, request)))
    const { agent, branch, home, mirror, path: clone, repository } = workspace
    yield* runHook("beforeRun", { agent, branch, home, clone, mirror, repository })
    return workspace
  })

  const { changed, diff } = makeComparison(git, folders, mirrors)
  const keepSaved = options.keepSaved === undefined ? 90 * day : options.keepSaved
  const upkeep = makeUpkeep({ git, folders, mirrors, minFree, keepSaved })
  const janitor = yield* provided(makeJanitor(exit, options.retention ?? 30 * day))

  const workspaces = Workspaces.of({
    open: Effect.fn("Workspaces.open")((request: WorkspaceRequest) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const { agent } = request
          if (open.has(agent)) return yield* Effect.die(new Error(`The workspace of ${agent} is open already`))
          open.add(agent)
          const close = Effect.sync(() => open.delete(agent))
          const workspace = yield* restore(opened(request)).pipe(
            provided,
            during("open"),
            Effect.onError(() => close)
          )
          yield* Effect.addFinalizer(() =>
            locked(agent, leave(agent)).pipe(
              provided,
              Effect.ignore({ log: "Error", message: `The workspace of ${agent} was not closed well.` }),
              Effect.ensuring(close)
            )
          )
          return workspace
        })
      )
    ),
    inspect: Effect.fn("Workspaces.inspect")(function* (workspace: Workspace) {
      const { agent, base, repository } = workspace
      // Without the network, the base is what it was.
      yield* mirrors.fetch(repository).pipe(
        Effect.catchIf(
          (error) => error.retryable,
          (error) => Effect.logWarning(`The base of ${agent} may have moved on: ${error.message}`)
        )
      )
      const look = Effect.gen(function* () {
        const about = yield* noted(desk, agent)
        if (about === null) return yield* Effect.die(new Error(`The workspace of ${agent} is gone`))
        return yield* inspection(desk, about, revision(base) ?? base)
      })
      return yield* locked(agent, look).pipe(provided, during("inspect"))
    }),
    save: Effect.fn("Workspaces.save")((agent: string) => locked(agent, save(agent)).pipe(provided, during("save"))),
    diff,
    commitTexts: makeCommitTexts(git, folders),
    changed,
    remove: Effect.fn("Workspaces.remove")(function* (agent: string) {
      const reason = yield* locked(agent, retire(exit, agent)).pipe(provided, during("remove"))
      if (reason !== null) yield* Effect.logInfo(`The workspace of ${agent} is not removed: ${reason}.`)
      return reason === null
    }),
    sweep: Effect.fn("Workspaces.sweep")((question) => Effect.map(janitor.sweep(question), ({ removed }) => removed)),
    kept: Effect.sync(() => readdirSync(folders.workspaces).filter(isAgent)),
    tend: Effect.fn("Workspaces.tend")((question) => provided(upkeep(question))),
    mirror: Effect.fn("Workspaces.mirror")((repository: string) => mirrors.fetch(repository))
  })
  return Context.make(Workspaces, workspaces).pipe(Context.add(Janitor, janitor))
})

/**
 * Workspaces on this machine's git and disk, their hooks shut in by the sandbox. One for each state folder; the
 * daemon's lock sees to that.
 */
export const GitWorkspaces = {
  layer: (
    options: WorkspaceOptions
  ): Layer.Layer<Workspaces | Janitor, never, Forge | ProcessRecords | Sandbox | FileSystem.FileSystem | Path.Path> =>
    Layer.effectContext(Effect.orDie(make(options)))
}
