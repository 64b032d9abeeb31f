import { existsSync } from "node:fs"
import { statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"

const inMiB = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024).toLocaleString("en-US")} MiB`

/** The nearest folder that is there, which the next file will share its disk with. */
const standing = (folder: string): string => (existsSync(folder) ? folder : standing(dirname(folder)))

/** Free bytes of the disk that the folder is on or will be on, as a user without privileges has them. */
const freeSpace = (folder: string): Effect.Effect<number> =>
  Effect.promise(async () => {
    const { bavail, bsize } = await statfs(standing(folder))
    return bavail * bsize
  })

/** Fails where less than `minFree` bytes are left. */
export const requireSpace = Effect.fnUntraced(function* (folder: string, minFree: number) {
  const free = yield* freeSpace(folder)
  if (free >= minFree) return
  return yield* new WorkspaceFailed({
    step: "make a workspace",
    reason: `only ${inMiB(free)} are free at ${folder}, and ${inMiB(minFree)} must be`,
    remedy: "Free some space there, or lower the limit.",
    retryable: true
  })
})
