import { Effect, FileSystem, Path } from "effect"
import { arrange, emptiedHere, isVisible, isWithin } from "../../adapters/sandbox/places.ts"

/** A program that a sandbox hides, and what to list so that it does not. */
export type Hidden = { readonly list: ReadonlyArray<string> }

/** Answers of a program, with what else its own sandbox shows, whether it is hidden; null where it is seen. */
export type Look = (program: string, shown: ReadonlyArray<string>) => Effect.Effect<Hidden | null>

/** How a sandbox that hides and shows these folders looks at programs. */
export const makeLook = Effect.fnUntraced(function* (folders: {
  readonly stateDir: string
  readonly hidden: ReadonlyArray<string>
  readonly readable: ReadonlyArray<string>
}): Effect.fn.Return<Look, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const emptied = yield* Effect.sync(() => emptiedHere([folders.stateDir, ...folders.hidden]))

  /** Whether a folder is more than a tool's: one that is emptied as a whole, or somebody's home. */
  const isWhole = (folder: string): boolean => emptied.includes(folder) || path.dirname(folder) === "/home"

  /** The nearest folder that holds both, where it is deep enough to be one tool's. */
  const holderOf = (one: string, other: string): string | null => {
    let holder = path.dirname(one)
    while (!isWithin(holder, other)) holder = path.dirname(holder)
    const depth = emptied.flatMap((folder) =>
      isWithin(folder, holder) ? [path.relative(folder, holder).split("/").length] : []
    )
    return depth.length > 0 && Math.min(...depth) >= 3 ? holder : null
  }

  const folderOf = (file: string): string => (isWhole(path.dirname(file)) ? file : path.dirname(file))

  return Effect.fnUntraced(function* (program, shown) {
    const given = yield* Effect.forEach([...folders.readable, ...shown], (folder) => Effect.option(fs.realPath(folder)))
    const readable = given.flatMap((folder) => (folder._tag === "Some" ? [folder.value] : []))
    const places = arrange({ emptied, writable: [], readable })
    const real = yield* Effect.orElseSucceed(fs.realPath(program), () => program)
    const hidden = [program, real].filter((file) => !isVisible(places, file))
    if (hidden.length === 0) return null
    const holder = hidden.length === 2 && program !== real ? holderOf(program, real) : null
    return { list: holder === null ? [...new Set(hidden.map(folderOf))] : [holder] }
  })
})
