import { readdirSync } from "node:fs"
import { Context, Effect, type FileSystem, type Path } from "effect"
import type { WorkspaceFailed } from "../../domain/Errors.ts"
import { isFolder } from "./entries.ts"
import { isAgent } from "./folders.ts"
import { type Desk, isBroken } from "./gather.ts"
import { type HookPlace, type Hooks, onlyLogged } from "./hooks.ts"
import { noted, placeOf } from "./opening.ts"
import { processesIn, removeTree, takeAway } from "./removal.ts"
import { gap, snapshot } from "./snapshot.ts"

export type Swept = {
  readonly removed: ReadonlyArray<string>
  readonly kept: ReadonlyArray<{ readonly agent: string; readonly reason: string }>
}

/** Removes workspaces that nobody needs any more. */
export class Janitor extends Context.Service<
  Janitor,
  {
    /**
     * Looks at every workspace. One that is not open and has no processes in it is saved and removed where its agent is
     * not among `live`, or it was not used for longer than the retention before `now` (milliseconds since 1970). What
     * cannot be saved is kept. An agent whose workspace was removed gets it again as it was saved.
     */
    sweep(question: { readonly live: Iterable<string>; readonly now: number }): Effect.Effect<Swept>
  }
>()("squadron/adapters/workspace/Janitor") {}

/** What removing needs besides a desk. `locked` keeps all else off an agent's workspace. */
export type Exit = {
  readonly desk: Desk
  readonly isOpen: (agent: string) => boolean
  readonly locked: <A, E, R>(agent: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly runHook: (name: keyof Hooks, place: HookPlace) => Effect.Effect<void, WorkspaceFailed>
}

/** Saves a workspace and removes it; answers why it must stay, or null. Only where it is locked. */
export const retire = Effect.fnUntraced(function* ({ desk, isOpen, runHook }: Exit, agent: string) {
  const { folders } = desk
  if (isOpen(agent)) return "it is open"
  const about = yield* noted(desk, agent)
  if (about === null) return "there is none"
  const places = { workspaces: folders.workspaces, leaving: folders.leaving(agent) }
  if (!about.ready) {
    yield* takeAway(agent, folders.workspace(agent), places, false)
    return null
  }
  const processes = yield* Effect.sync(() => processesIn(folders.workspace(agent).all))
  if (processes.length > 0) return `processes work in it: ${processes.join(", ")}`
  const first = yield* snapshot(desk, about)
  const missing = gap(first)
  if (missing !== null) return `it cannot be saved whole, ${missing}`
  if (isFolder(folders.workspace(agent).clone)) {
    yield* onlyLogged(runHook("beforeRemove", placeOf(desk, about)))
  }
  const last = yield* snapshot(desk, about)
  const changed = gap(last)
  if (changed !== null) return `it cannot be saved whole, ${changed}`
  const broken = last.gathered !== null && isBroken(last.gathered)
  const aside = yield* takeAway(agent, folders.workspace(agent), places, broken)
  if (aside !== null) {
    yield* Effect.logWarning(`Not all commits of ${agent} can be read. Its workspace is kept in ${aside}.`)
  }
  return null
})

/** `retention` is in milliseconds. */
export const makeJanitor = Effect.fnUntraced(function* (exit: Exit, retention: number) {
  const { desk, isOpen, locked } = exit
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const { workspaces } = desk.folders

  const look = Effect.fnUntraced(function* (agent: string, live: ReadonlySet<string>, now: number) {
    const about = yield* noted(desk, agent)
    const idle = about === null ? 0 : now - about.usedAt
    if (live.has(agent) && idle <= retention) return "its agent is live"
    return yield* retire(exit, agent)
  })

  const sweep = Effect.fn("Janitor.sweep")(function* (question: {
    readonly live: Iterable<string>
    readonly now: number
  }) {
    const live = new Set(question.live)
    const names = yield* Effect.sync(() => (isFolder(workspaces) ? readdirSync(workspaces) : []))
    const removed: Array<string> = []
    const kept: Array<{ readonly agent: string; readonly reason: string }> = []
    for (const agent of names.filter(isAgent)) {
      const reason = isOpen(agent)
        ? "it is open"
        : yield* locked(agent, look(agent, live, question.now)).pipe(
            Effect.provideContext(services),
            Effect.catch((error) => Effect.succeed(error.message))
          )
      if (reason === null) removed.push(agent)
      else if (reason !== "there is none") kept.push({ agent, reason })
    }
    // A removal that was interrupted.
    for (const name of names.filter((name) => name.startsWith(".leaving-"))) {
      const agent = name.slice(".leaving-".length)
      if (isAgent(agent)) yield* Effect.ignore(locked(agent, removeTree(desk.folders.leaving(agent))), { log: "Warn" })
    }
    return { removed, kept } satisfies Swept
  })

  return Janitor.of({ sweep })
})
