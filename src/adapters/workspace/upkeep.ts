import { readdirSync } from "node:fs"
import { join } from "node:path"
import { Effect, FileSystem, Option, Schema, Semaphore } from "effect"
import { readAbout } from "./about.ts"
import { requireSpace } from "./diskSpace.ts"
import { isFolder, statOf } from "./entries.ts"
import { farewell, makeYoung, remainsIn, removeRemains } from "./expiry.ts"
import type { Folders } from "./folders.ts"
import { durable, type Git } from "./git.ts"
import type { Mirrors } from "./Mirror.ts"
import { holdingFolders } from "./objectFolders.ts"
import { pastStaleLocks } from "./staleLocks.ts"
import { removeUnfinished } from "./unfinished.ts"

const day = 24 * 60 * 60 * 1000

/**
 * Where git by its own defaults (`gc.autoPackLimit`, `gc.auto`) begins to pack: it looks for an object in one pack
 * after the other, and each that is by itself costs a file.
 */
const most = { packs: 50, loose: 6700 }

/** Milliseconds that an object which no ref leads to is kept for; git's own `gc.pruneExpire`. */
const pruneAfter = 14 * day

/** One processor and little memory, however large the repository; nothing is served from here that a bitmap speeds up. */
const repack = ["repack", "-d", "--cruft", "--quiet", "-n", "--threads=1", "--window-memory=64m"]

/** `at` is when the mirror was seen to last, `expired` when saved work was removed of which objects may be left. */
const State = Schema.Struct({ at: Schema.Int, expired: Schema.NullOr(Schema.Int) })
type State = typeof State.Type
const StateText = Schema.fromJsonString(State)

/** Which of these agents have been done or cancelled since before that moment, in milliseconds since 1970. */
export type Ended = (agents: ReadonlyArray<string>, before: number) => Effect.Effect<ReadonlyArray<string>>

/** Whether a workspace of the repository may be there; one that says nothing of itself may be any repository's. */
const isBorrowed = Effect.fnUntraced(function* ({ workspaces }: Folders, repository: string) {
  for (const name of readdirSync(workspaces)) {
    const folder = join(workspaces, name)
    if (name === ".outside.git" || name.startsWith(".view-") || !isFolder(folder)) continue
    const about = yield* readAbout(join(folder, "about.json"))
    if (Option.isNone(about) || about.value.repository === repository) return true
  }
  return false
})

/** The agents that have a workspace of any kind, also one that was put aside. */
const agentsHere = ({ workspaces }: Folders): ReadonlySet<string> =>
  new Set(
    readdirSync(workspaces).map((name) =>
      name.replace(/^\.(?:making|leaving|view)-/, "").replace(/^\.broken-(.*)-\d+$/, "$1")
    )
  )

/** The repositories whose mirrors are whole. */
const mirrored = ({ mirrors }: Folders): ReadonlyArray<string> =>
  readdirSync(mirrors)
    .filter((owner) => isFolder(join(mirrors, owner)))
    .flatMap((owner) =>
      readdirSync(join(mirrors, owner))
        .filter((name) => name.endsWith(".git") && statOf(join(mirrors, owner, name, "fetched")) !== undefined)
        .map((name) => `${owner}/${name.slice(0, -".git".length)}`)
    )

/** `keepSaved` is in milliseconds, null for ever; `minFree` in bytes, what a repack must leave. */
export const makeUpkeep = (options: {
  readonly git: Git
  readonly folders: Folders
  readonly mirrors: Mirrors
  readonly minFree: number
  readonly keepSaved: number | null
}) => {
  const { folders, git, keepSaved, minFree, mirrors } = options
  const turn = Semaphore.makeUnsafe(1)
  const stateFile = (mirror: string) => join(mirror, "upkeep.json")

  const readState = Effect.fnUntraced(function* (mirror: string) {
    const fs = yield* FileSystem.FileSystem
    const text = yield* Effect.option(fs.readFileString(stateFile(mirror)))
    return Option.getOrNull(Option.flatMap(text, Schema.decodeUnknownOption(StateText)))
  })

  const writeState = Effect.fnUntraced(function* (mirror: string, state: State) {
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(`${stateFile(mirror)}.new`, Schema.encodeSync(StateText)(state))
    yield* fs.rename(`${stateFile(mirror)}.new`, stateFile(mirror))
  })

  /** Removes the saved work that has had its time; answers of which agents. */
  const expire = Effect.fnUntraced(function* (repository: string, ended: Ended, now: number) {
    if (keepSaved === null) return []
    const mirror = folders.mirror(repository)
    const before = now - keepSaved
    const here = agentsHere(folders)
    const old = [...(yield* remainsIn(git, mirror))].filter(
      ([agent, { savedAt }]) => savedAt < before && !here.has(agent)
    )
    if (old.length === 0) return []
    const over = new Set(
      yield* ended(
        old.map(([agent]) => agent),
        before
      )
    )
    const gone = old.filter(([agent]) => over.has(agent))
    if (gone.length === 0) return []
    yield* makeYoung(mirror, now)
    yield* writeState(mirror, { at: now, expired: now })
    // A crash after this is one before the removal, and the log tells in any case.
    for (const [agent, remains] of gone) {
      yield* Effect.logInfo(
        `Saved work of ${agent} on ${repository} is removed, older than workspaces.keepSaved: ${farewell(agent, remains)}.`
      )
    }
    yield* removeRemains(git, mirror, gone)
    return gone.map(([agent]) => agent)
  })

  /**
   * Packs all that the refs lead to into one pack and all else into another, which keeps each object's age; what is
   * older than `before` and in no ref goes, null for nothing. Packs go once what is in them is in the new ones.
   */
  const pack = Effect.fnUntraced(function* (mirror: string, before: number | null) {
    yield* pastStaleLocks(mirror, git({ gitDir: mirror, args: ["pack-refs", "--all"], config: durable }))
    const expiration = before === null ? [] : [`--cruft-expiration=@${Math.floor(before / 1000)} +0000`]
    const run = git({
      gitDir: mirror,
      args: [...repack, ...expiration],
      config: [...durable, ["repack.writeBitmaps", "false"]],
      timeout: "1 hour"
    })
    yield* holdingFolders(mirror, run)
  })

  const counts = Effect.fnUntraced(function* (mirror: string) {
    const { stdout } = yield* git({ gitDir: mirror, args: ["count-objects", "-v"] })
    const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(stdout)?.[1] ?? 0)
    return { packs: of("packs"), loose: of("count"), bytes: (of("size") + of("size-pack")) * 1024 }
  })

  /** Packs the mirror where it needs that. Prunes only where it has the mirror alone and nothing borrows from it. */
  const tidy = Effect.fnUntraced(function* (repository: string, now: number) {
    const mirror = folders.mirror(repository)
    const { bytes, loose, packs } = yield* counts(mirror)
    const isCrowded = packs > most.packs || loose > most.loose
    const expired = (yield* readState(mirror))?.expired ?? null
    const isDue = expired !== null && now - expired > pruneAfter
    if (!isCrowded && !isDue) return
    yield* requireSpace(mirror, minFree + bytes)
    const pruned = yield* mirrors.alone(
      repository,
      Effect.gen(function* () {
        if (yield* isBorrowed(folders, repository)) return false
        yield* pack(mirror, now - pruneAfter)
        return true
      })
    )
    if (pruned === true) yield* writeState(mirror, { at: now, expired: isDue ? null : expired })
    else if (isCrowded) yield* pack(mirror, null)
  })

  const one = Effect.fnUntraced(function* (repository: string, ended: Ended, now: number) {
    const mirror = folders.mirror(repository)
    const last = yield* readState(mirror)
    if (last !== null && now - last.at < day) return []
    // Also what fails is tried once a day.
    yield* writeState(mirror, { at: now, expired: last?.expired ?? null })
    yield* removeUnfinished(mirror)
    const gone = yield* expire(repository, ended, now)
    yield* tidy(repository, now)
    return gone
  })

  /** Sees to every mirror that nobody saw to for a day, one after the other; answers whose saved work was removed. */
  return Effect.fn("Mirrors.upkeep")(function* (question: { readonly ended: Ended; readonly now: number }) {
    const gone: Array<string> = []
    for (const repository of mirrored(folders)) {
      yield* one(repository, question.ended, question.now).pipe(
        Effect.tap((agents) => Effect.sync(() => gone.push(...agents))),
        Effect.catch((error) => Effect.logWarning(`The mirror of ${repository} is left as it is: ${error.message}`))
      )
    }
    return gone
  }, turn.withPermit)
}
