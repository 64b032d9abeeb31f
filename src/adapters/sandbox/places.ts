import { Effect } from "effect"
import { existsSync, mkdirSync, realpathSync, statSync } from "node:fs"
import { isAbsolute, join, relative } from "node:path"
import { SandboxUnavailable } from "../../domain/Errors.ts"
import type { Enclosed } from "../../services/Sandbox.ts"

/** What a folder is inside the sandbox. */
export type Place = { readonly path: string; readonly kind: "empty" | "writable" | "readable" }

/** Folders that belong to everybody on this machine. */
const everybodys = ["/tmp", "/root", "/home", "/run", "/var/tmp"]

/** Whether `path` is `folder` or below it. */
export const isWithin = (folder: string, path: string): boolean => {
  const way = relative(folder, path)
  return way === "" || (way !== ".." && !way.startsWith("../"))
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The real paths of everybody's folders and of those of `hidden` that are there. */
export const emptiedHere = (hidden: ReadonlyArray<string> = []): ReadonlyArray<string> =>
  [...everybodys, ...hidden].filter(isFolder).map((folder) => realpathSync(folder))

const refuse = (reason: string, remedy: string) => new SandboxUnavailable({ reason, remedy })

/**
 * The places in the order in which they are laid over each other, parents first. A readable folder stays so with all
 * that is in it, but for emptied folders and what is listed in those. An emptied folder is empty also within a listed
 * one, unless it is listed itself.
 */
export const arrange = (listed: {
  readonly emptied: ReadonlyArray<string>
  readonly writable: ReadonlyArray<string>
  readonly readable: ReadonlyArray<string>
}): ReadonlyArray<Place> => {
  const kinds = new Map<string, Place["kind"]>()
  for (const path of listed.emptied) kinds.set(path, "empty")
  for (const path of listed.writable) kinds.set(path, "writable")
  for (const path of listed.readable) kinds.set(path, "readable")
  const places: Array<Place> = []
  for (const [path, kind] of [...kinds].toSorted(([a], [b]) => (`${a}/` < `${b}/` ? -1 : 1))) {
    const above = places.findLast((place) => isWithin(place.path, path))?.kind
    if (above === "readable" ? kind === "empty" : above !== kind) places.push({ path, kind })
  }
  return places
}

/** Whether a program that sees these places sees what is at this path; absolute, with no link in it but its last part. */
export const isVisible = (places: ReadonlyArray<Place>, path: string): boolean =>
  places.findLast((place) => isWithin(place.path, path))?.kind !== "empty"

/** The real path of a folder; links in a folder that the program may write to are not followed. */
const realFolder = (folder: string, writable: ReadonlyArray<string>): string => {
  if (!isAbsolute(folder)) throw refuse(`the folder ${folder} is not absolute`, "Name it from the root.")
  if (!existsSync(folder)) throw refuse(`there is no folder ${folder}`, "Create it, or take it out of the list.")
  const real = realpathSync(folder)
  for (const other of writable) {
    if (other === folder || !isWithin(other, folder)) continue
    // The program of an earlier run may have put the link there.
    if (real !== join(realpathSync(other), relative(other, folder))) {
      throw refuse(`${folder} leads through a link out of ${other}, which the program may write to`, "Remove the link.")
    }
  }
  return real
}

/** All that a program sees otherwise than it is, and its working directory; makes its HOME where that is not there. */
export const placesOf = (
  program: Enclosed,
  hidden: ReadonlyArray<string>
): Effect.Effect<{ readonly places: ReadonlyArray<Place>; readonly cwd: string }, SandboxUnavailable> =>
  Effect.try({
    try: () => {
      mkdirSync(program.home, { recursive: true, mode: 0o700 })
      const given = [...program.writable, program.home]
      const writable = given.map((folder) => realFolder(folder, given))
      const readable = program.readable.map((folder) => {
        const real = realFolder(folder, given)
        for (const secret of hidden.filter(isFolder)) {
          // the operator named another folder than the one that would be shown
          if (
            isWithin(realpathSync(secret), real) &&
            !isWithin(secret, folder) &&
            !isWithin(realpathSync(secret), folder)
          ) {
            throw refuse(
              `${folder} is a link into ${secret}, which is hidden from programs`,
              "Name the folder that is meant."
            )
          }
        }
        return real
      })
      const emptied = emptiedHere(hidden)
      if (emptied.includes("/")) {
        throw refuse("the folder / would have to be hidden, and every program with it", "Use a folder of its own.")
      }
      const cwd = realFolder(program.cwd, given)
      if (![...writable, ...readable].some((folder) => isWithin(folder, cwd))) {
        throw refuse(`the working directory ${program.cwd} is not visible inside`, "List it, or a folder above it.")
      }
      return { places: arrange({ emptied, writable, readable }), cwd }
    },
    catch: (error) =>
      error instanceof SandboxUnavailable
        ? error
        : refuse(`its folders cannot be read (${String(error)})`, "Check their permissions.")
  })
