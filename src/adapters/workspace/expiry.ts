import { readdir, utimes } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { isAgent } from "./folders.ts"
import { under } from "./gather.ts"
import type { Git } from "./git.ts"
import { agentRefs, readRefs, type Refs, updateRefs } from "./refs.ts"

/** What the mirror keeps of an agent, and when it was saved last, in milliseconds since 1970; 0 for never. */
export type Remains = { readonly refs: Refs; readonly savedAt: number }

const kinds = ["base", "head", "kept", "saved", "start", "work"].map((kind) => `refs/squadron/${kind}`)

/** The agent that a ref is of; null for none. */
const agentOf = (name: string): string | null => {
  const agent = name.split("/")[3] ?? ""
  return isAgent(agent) ? agent : null
}

/** What the mirror keeps, by agent. */
export const remainsIn = Effect.fnUntraced(function* (git: Git, mirror: string) {
  const all = yield* readRefs(git, mirror, kinds)
  const { stdout } = yield* git({
    gitDir: mirror,
    args: ["for-each-ref", "--format=%(committerdate:unix) %(refname)", "refs/squadron/saved"]
  })
  const savedAt = new Map<string, number>()
  for (const line of stdout.split("\n")) {
    const [seconds = "", name = ""] = line.split(" ")
    const agent = agentOf(name)
    if (agent !== null) savedAt.set(agent, Math.max(savedAt.get(agent) ?? 0, Number(seconds) * 1000))
  }
  const refs = new Map<string, Map<string, string>>()
  for (const [name, id] of all) {
    const agent = agentOf(name)
    if (agent === null) continue
    const its = refs.get(agent) ?? new Map<string, string>()
    refs.set(agent, its.set(name, id))
  }
  return new Map([...refs].map(([agent, its]) => [agent, { refs: its, savedAt: savedAt.get(agent) ?? 0 }] as const))
})

const numberOf = (name: string): number => Number(name.slice(name.lastIndexOf("/") + 1))

/** More refs than these are not named one by one. */
const named = 50

/** One line for people: by these ids they still get at it. The newest saving leads to all before it, so it is first. */
export const farewell = (agent: string, { refs }: Remains): string => {
  const names = agentRefs(agent)
  const saved = under(refs, names.saved).toSorted(([a], [b]) => numberOf(b) - numberOf(a))
  const others = [...refs].filter(([name]) => name === names.head || /\/(?:kept|work)\//.test(name))
  const all = [...saved, ...others].map(([name, id]) => `${name} ${id}`)
  const more = all.length > named ? ` and ${all.length - named} more` : ""
  return all.length === 0 ? "nothing was saved" : `${all.slice(0, named).join(", ")}${more}`
}

/**
 * Makes all that is in packs or by itself as young as `now`, so that what the refs lead to that are about to go is
 * kept for its time after that. What was in no ref for longer has its own ages, which stay.
 */
export const makeYoung = (mirror: string, now: number): Effect.Effect<void> =>
  Effect.promise(async () => {
    const objects = join(mirror, "objects")
    const folders = (await readdir(objects)).filter((name) => name === "pack" || /^[0-9a-f]{2}$/.test(name))
    for (const folder of folders) {
      const files = await readdir(join(objects, folder))
      const aged = new Set(
        files.filter((name) => name.endsWith(".mtimes")).map((name) => name.slice(0, -".mtimes".length))
      )
      const young = folder === "pack" ? files.filter((name) => /^pack-\w+\.pack$/.test(name)) : files
      for (const name of young) {
        if (aged.has(name.slice(0, -".pack".length))) continue
        // One that goes meanwhile is in another pack, which is younger.
        await utimes(join(objects, folder, name), now / 1000, now / 1000).catch(() => {})
      }
    }
  })

/** How many agents' refs are removed at once; each time the file of all refs is written anew. */
const atOnce = 100

/** Removes all refs of these agents. */
export const removeRemains = Effect.fnUntraced(function* (
  git: Git,
  mirror: string,
  all: ReadonlyArray<readonly [agent: string, remains: Remains]>
) {
  for (let from = 0; from < all.length; from += atOnce) {
    const remove = all.slice(from, from + atOnce).flatMap(([, { refs }]) => [...refs.keys()])
    yield* updateRefs(git, mirror, { remove })
  }
})
