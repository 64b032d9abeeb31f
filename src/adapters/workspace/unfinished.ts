import { readdir, readFile, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"

/** Milliseconds after which nobody is at work on it any more: no git of ours may take longer than some hours. */
const abandoned = 24 * 60 * 60 * 1000

/** Files of a pack that is being written, by `git pack-objects` and by `git repack`. */
export const isUnfinishedPack = (name: string): boolean =>
  /^(?:tmp_(?:pack|idx|rev|mtimes|bitmap|keep|obj)_|\.tmp-\d+-pack-)/.test(name)

/** What a fetch writes into the file by which it keeps a repack off its pack, until its refs are set. */
const keptForFetch = /^(?:fetch|receive)-pack \d+ on /

const namesIn = (folder: string): Promise<ReadonlyArray<string>> => readdir(folder).catch(() => [])

const removeOld = async (path: string): Promise<void> => {
  const { mtimeMs } = await stat(path)
  if (Date.now() - mtimeMs > abandoned) await rm(path, { recursive: true, force: true })
}

const look = async (objects: string): Promise<void> => {
  const old: Array<string> = []
  for (const name of await namesIn(objects)) {
    if (name.startsWith("tmp_")) old.push(join(objects, name))
    if (!/^[0-9a-f]{2}$/.test(name)) continue
    const files = await namesIn(join(objects, name))
    old.push(...files.filter((file) => file.startsWith("tmp_obj_")).map((file) => join(objects, name, file)))
  }
  const packs = join(objects, "pack")
  for (const name of await namesIn(packs)) {
    const path = join(packs, name)
    if (isUnfinishedPack(name)) old.push(path)
    else if (name.endsWith(".keep") && keptForFetch.test(await readFile(path, "utf8"))) old.push(path)
  }
  for (const path of old) await removeOld(path)
}

/** Removes what gits that were killed left in a mirror's objects more than a day ago; all of it is part of nothing. */
export const removeUnfinished = (mirror: string): Effect.Effect<void> =>
  Effect.ignore(
    // Whatever goes meanwhile is gone as well.
    Effect.tryPromise(() => look(join(mirror, "objects")))
  )
