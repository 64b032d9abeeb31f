import { Effect, Path } from "effect"

const quoted = (text: string): string => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/**
 * What a person in the folder `cwd` types to reach the squadron of `root` at `url` with this program, which is the
 * package in the folder `home`. All folders are absolute.
 */
export const ownCommand = Effect.fnUntraced(function* (options: {
  readonly home: string
  readonly cwd: string
  readonly root: string
  readonly url: string
}) {
  const path = yield* Path.Path
  const { cwd, home, root, url } = options
  const within = (folder: string) => !/^\.\.(?:[\\/]|$)/.test(path.relative(folder, cwd))
  const installed = home.match(/^(.*)[\\/]node_modules[\\/]/)?.[1]
  // Elsewhere npx would ask a registry.
  const program = within(installed ?? home)
    ? "npx squadron"
    : installed === undefined
      ? `node ${quoted(path.join(home, "scripts/squadron.cjs"))}`
      : "squadron"
  // What the command line finds by itself.
  const found = within(root) || url === "http://127.0.0.1:7700"
  return found ? program : `${program} --dir ${quoted(path.relative(cwd, root))}`
})
