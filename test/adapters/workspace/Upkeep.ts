import { copyFileSync, existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { Effect, Logger } from "effect"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { commitAll, git, request, write } from "./Rig.ts"

export const day = 24 * 60 * 60 * 1000

export const tend = (question: { readonly now: number; readonly ended?: ReadonlyArray<string> }) =>
  Workspaces.use((workspaces) =>
    workspaces.tend({
      now: question.now,
      ended: (agents) => Effect.succeed(agents.filter((agent) => question.ended?.includes(agent) === true))
    })
  )

/** What is logged while this runs, and what it gives. */
export const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return Effect.map(Effect.provide(effect, Logger.layer([logger])), (given) => ({ given, lines }))
  })

export const packsOf = (mirror: string): ReadonlyArray<string> =>
  readdirSync(join(mirror, "objects/pack")).filter((name) => /^pack-.*\.pack$/.test(name))

/** Gives the mirror so many packs more: copies of one that is there, as after so many fetches of the same. */
export const crowd = (mirror: string, count = 51): void => {
  if (packsOf(mirror).length === 0) git(mirror, "repack", "-q", "-d")
  const [first = ""] = packsOf(mirror)
  const packs = join(mirror, "objects/pack")
  for (let i = 0; i < count; i++) {
    const name = `pack-${i.toString(16).padStart(40, "0")}`
    // As git does it: what has no index yet is no pack.
    copyFileSync(join(packs, first), join(packs, `${name}.pack`))
    copyFileSync(join(packs, first.replace(/pack$/, "idx")), join(packs, `${name}.idx`))
  }
}

/** Whether the object can be read there. */
export const has = (folder: string, id: string): boolean => {
  try {
    git(folder, "cat-file", "-e", id)
    return true
  } catch {
    return false
  }
}

/** Throws where something that refs lead to is missing or spoilt. */
export const assertWhole = (folder: string): void => {
  git(folder, "fsck", "--connectivity-only", "--no-dangling")
}

/** A branch that the forge had once and has no more; its commit and the id of its file, both in the mirror. */
export const forgotten = Effect.fnUntraced(function* (origin: string, name: string) {
  const workspaces = yield* Workspaces
  git(origin, "checkout", "-q", "-b", name)
  write(origin, { [`${name}.txt`]: `only on ${name}\n` })
  const commit = commitAll(origin, name)
  const blob = git(origin, "rev-parse", `HEAD:${name}.txt`)
  git(origin, "checkout", "-q", "main")
  const mirror = yield* workspaces.mirror(request.repository)
  git(origin, "branch", "-q", "-D", name)
  yield* workspaces.mirror(request.repository)
  return { blob, commit, mirror }
})

/** A closed workspace of this agent, with work that is committed and work that is not. */
export const left = (agent: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const workspace = yield* (yield* Workspaces).open({ ...request, agent, branch: `squadron/${agent}` })
      write(workspace.path, { "committed.txt": `${agent}\n` })
      const commit = commitAll(workspace.path, "work")
      write(workspace.path, { "uncommitted.txt": `${agent}\n` })
      return { ...workspace, commit }
    })
  )

/** The agents whose refs the mirror has. */
export const remembered = (mirror: string): ReadonlyArray<string> =>
  existsSync(mirror)
    ? [
        ...new Set(
          git(mirror, "for-each-ref", "--format=%(refname)", "refs/squadron")
            .split("\n")
            .flatMap((name) => name.split("/")[3] ?? [])
        )
      ].toSorted()
    : []
