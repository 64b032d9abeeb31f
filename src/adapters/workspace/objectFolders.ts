import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"

const names = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"))

/** A name that git passes over, and that is removed as unfinished where we are killed. */
const placeholder = "tmp_obj_holds_the_folder"

const files = (mirror: string) => names.map((name) => join(mirror, "objects", name, placeholder))

/**
 * Keeps the folders of a mirror's loose objects while this runs. A repack removes those that it has emptied, and git
 * that is about to write into one then fails, or (with `core.fsyncMethod=batch`) loses an object without a word.
 */
export const holdingFolders = <A, E, R>(mirror: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.promise(async () => {
      for (const file of files(mirror)) {
        await mkdir(join(file, ".."), { recursive: true })
        await writeFile(file, "")
      }
    }),
    () => effect,
    () => Effect.promise(() => Promise.all(files(mirror).map((file) => rm(file, { force: true }))))
  )
