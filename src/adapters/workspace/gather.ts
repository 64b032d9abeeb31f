import { Effect } from "effect"
import type { About } from "./about.ts"
import { type CloneRefs, readCloneRefs } from "./cloneRefs.ts"
import type { Folders } from "./folders.ts"
import type { GitFailed } from "../git/runGit.ts"
import { type Git, parts } from "./git.ts"
import { type Harvest, harvest, type Route } from "./harvest.ts"
import type { LookMemory } from "./outsideGit.ts"
import { agentRefs, readRefs, type Refs, updateRefs } from "./refs.ts"

/** What every look at a workspace needs. */
export type Desk = {
  readonly git: Git
  readonly folders: Folders
  readonly sparse: ReadonlyArray<string>
  readonly memory: LookMemory
}

/** An agent's commits as they are in the mirror now, and what the mirror kept of them before. */
export type Gathered = {
  readonly mirror: string
  readonly route: Route
  /** Null where the clone has no git dir. */
  readonly found: Harvest | null
  /** The agent's refs in the mirror, after this look. */
  readonly refs: Refs
}

const routeOf = ({ folders, git }: Desk, { agent, repository }: About): Route => ({
  git,
  mirror: folders.mirror(repository),
  clone: folders.workspace(agent).clone,
  view: folders.view(agent)
})

export const under = (refs: Refs, prefix: string): ReadonlyArray<readonly [name: string, id: string]> =>
  [...refs].filter(([name]) => name.startsWith(prefix))

/** Those of `ids` that none of `from` leads to. All are commits in the mirror. */
export const unreachable = (
  git: Git,
  mirror: string,
  ids: Iterable<string>,
  from: Iterable<string>
): Effect.Effect<ReadonlySet<string>, GitFailed> => {
  const bottom = new Set(from)
  const wanted = new Set([...ids].filter((id) => !bottom.has(id)))
  if (wanted.size === 0) return Effect.succeed(wanted)
  const input = [...wanted, ...[...bottom].map((id) => `^${id}`)].map((line) => `${line}\n`).join("")
  return git({ gitDir: mirror, args: ["rev-list", "--stdin"], input }).pipe(
    Effect.map(({ stdout }) => new Set(stdout.split("\n").filter((id) => wanted.has(id))))
  )
}

/** The number of a saved ref. */
const numberOf = (name: string): number => Number(name.slice(name.lastIndexOf("/") + 1))

/** What was saved last, or null. */
export const newestSaved = (refs: Refs, agent: string): { readonly n: number; readonly commit: string } | null => {
  const all = under(refs, agentRefs(agent).saved).map(([name, commit]) => ({ n: numberOf(name), commit }))
  return all.reduce<(typeof all)[number] | null>((best, one) => (best === null || one.n > best.n ? one : best), null)
}

/** The agent's refs in the mirror; `more` are further patterns. */
export const readAgentRefs = (git: Git, mirror: string, agent: string, more: ReadonlyArray<string> = []) => {
  const names = agentRefs(agent)
  const folders = [names.work, names.kept, names.saved].map((name) => name.slice(0, -1))
  return readRefs(git, mirror, [names.head, names.base, names.start, ...folders, ...more])
}

/** How the refs of an agent change with what was found; what is left by them is kept under a name of its own. */
const follow = Effect.fnUntraced(function* (
  { git }: Desk,
  { agent }: About,
  mirror: string,
  before: Refs,
  clone: CloneRefs,
  found: Harvest
) {
  const names = agentRefs(agent)
  const after = new Map<string, string>()
  const head = found.head?.commit ?? null
  if (head !== null) after.set(names.head, head)
  for (const [branch, id] of found.branches) after.set(`${names.work}${branch}`, id)
  const stale = under(before, names.work)
    .map(([name]) => name)
    // A branch that is there and cannot be read stays at what it was.
    .filter((name) => !clone.branches.has(name.slice(names.work.length)))
  const left = [...after.keys(), ...stale].flatMap((name) => {
    const id = before.get(name)
    return id === undefined || id === after.get(name) ? [] : [id]
  })
  const saved = newestSaved(before, agent)
  // Stashes and the like are in the mirror, but no ref holds them there before they are saved.
  const holding = [...after.values(), ...(saved === null ? [] : [saved.commit])]
  const kept = new Map([...(yield* unreachable(git, mirror, left, holding))].map((id) => [`${names.kept}${id}`, id]))
  // First what is left is kept; and a folder of refs can take the place of a ref only when that is gone.
  yield* updateRefs(git, mirror, { set: kept, remove: stale })
  const changed = new Map([...after].filter(([name, id]) => before.get(name) !== id))
  yield* updateRefs(git, mirror, { set: changed })
  return new Map([...[...before].filter(([name]) => !stale.includes(name)), ...kept, ...after])
})

/** Brings the clone's commits to the mirror and has its refs follow. */
export const gather = Effect.fnUntraced(function* (desk: Desk, about: About) {
  const { git } = desk
  const route = routeOf(desk, about)
  const { clone, mirror } = route
  const all = yield* readAgentRefs(git, mirror, about.agent, ["refs/tags"])
  const tags = new Set(under(all, "refs/tags/").map(([, id]) => id))
  const before = new Map([...all].filter(([name]) => !name.startsWith("refs/tags/")))
  const refs = readCloneRefs(clone)
  if (refs === null) return { mirror, route, found: null, refs: before } satisfies Gathered
  // The forge's own tags are not the agent's work.
  const own = { ...refs, others: new Set([...refs.others].filter((id) => !tags.has(id))) }
  const found = yield* harvest(route, own, new Set(before.values()))
  return { mirror, route, found, refs: yield* follow(desk, about, mirror, before, refs, found) } satisfies Gathered
})

/** Whether something of the clone's git dir can only be had from that git dir itself. */
export const isBroken = ({ found }: Gathered): boolean =>
  found !== null && (found.head === null || found.unreadable.length > 0)

/** Paths by which two trees differ, with the kind of change and the ids. */
export const differences = Effect.fnUntraced(function* (git: Git, gitDir: string, from: string, to: string) {
  const { stdout } = yield* git({
    gitDir: gitDir,
    args: ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", from, to]
  })
  const fields = parts(stdout)
  return fields.flatMap((field, i) => {
    if (i % 2 === 1) return []
    const [oldMode = "", newMode = "", before = "", after = "", kind = ""] = field.slice(1).split(" ")
    return [{ path: fields[i + 1] ?? "", oldMode, newMode, before, after, kind }]
  })
})
