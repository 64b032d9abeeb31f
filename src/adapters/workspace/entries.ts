import { type Dirent, lstatSync, readdirSync, type Stats } from "node:fs"
import { lstat, readdir } from "node:fs/promises"

/** What is there under this name, a link itself; undefined where there is nothing, or something else on the way. */
export const statOf = (path: Buffer | string): Stats | undefined => {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}

/** Whether there is a folder of this name, and no link to one. */
export const isFolder = (path: Buffer | string): boolean => statOf(path)?.isDirectory() === true

/** What is in a folder that is no link; nothing where it cannot be read. */
export const entriesOf = (path: Buffer): ReadonlyArray<Dirent> => {
  if (!isFolder(path)) return []
  try {
    return readdirSync(path, { withFileTypes: true, encoding: "latin1" })
  } catch {
    return []
  }
}

/** The same, without holding the event loop. */
export const entriesIn = async (path: Buffer | string): Promise<ReadonlyArray<Dirent>> => {
  try {
    if (!(await lstat(path)).isDirectory()) return []
    return await readdir(path, { withFileTypes: true, encoding: "latin1" })
  } catch {
    return []
  }
}
