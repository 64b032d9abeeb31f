import { type Dirent, lstatSync, readdirSync } from "node:fs"

/** Whether there is a folder of this name, and no link to one. */
export const isFolder = (path: Buffer | string): boolean => {
  try {
    return lstatSync(path).isDirectory()
  } catch {
    return false
  }
}

/** What is in a folder that is no link; nothing where it cannot be read. */
export const entriesOf = (path: Buffer): ReadonlyArray<Dirent> => {
  if (!isFolder(path)) return []
  try {
    return readdirSync(path, { withFileTypes: true, encoding: "latin1" })
  } catch {
    return []
  }
}
