import { copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { type CloneRefs } from "./cloneRefs.ts"
import { entriesIn, statOf } from "./entries.ts"
import { GitFailed } from "../git/runGit.ts"
import { durable, fetchOptions, type Git } from "./git.ts"
import { resolve } from "./refs.ts"

/** Where commits come from and go to. */
export type Route = {
  readonly git: Git
  readonly mirror: string
  readonly clone: string
  /** A folder that is Squadron's own, made anew for each look. */
  readonly view: string
}

/** Refs of a clone whose commits are in the mirror, whole. */
export type Harvest = CloneRefs & {
  /** Commits that the clone names and does not have, or not whole. */
  readonly unreadable: ReadonlyArray<string>
}

const viewConfig = `[core]
	repositoryformatversion = 0
	bare = true
[uploadpack]
	allowAnySHA1InWant = true
`

/** Objects by files that are no links: a link might lead to another repository's. */
const borrow = async (objects: string, borrowed: string): Promise<void> => {
  for (const folder of await entriesIn(objects)) {
    const isPack = folder.name === "pack"
    if (!folder.isDirectory() || (!isPack && !/^[0-9a-f]{2}$/.test(folder.name))) continue
    const files = await entriesIn(join(objects, folder.name))
    // Only the objects themselves; what else git derives from them may tell it anything.
    const wanted = isPack ? /^pack-[0-9a-f]+\.(?:pack|idx)$/ : /^[0-9a-f]+$/
    if (!isPack && files.every((file) => file.isFile())) {
      await symlink(join(objects, folder.name), join(borrowed, folder.name))
      continue
    }
    await mkdir(join(borrowed, folder.name))
    for (const { name } of files.filter((file) => file.isFile() && wanted.test(file.name))) {
      await symlink(join(objects, folder.name, name), join(borrowed, folder.name, name))
    }
  }
}

const removeView = (view: string): Promise<void> => rm(view, { recursive: true, force: true })

/**
 * A git dir of our own beside the clone's objects. The clone's configuration, hooks, alternates and refs are not part
 * of it, so nothing that an agent wrote decides what git does.
 */
const makeView = async ({ clone, mirror, view }: Route): Promise<void> => {
  await removeView(view)
  const borrowed = join(view, "borrowed")
  await mkdir(join(view, "objects", "info"), { recursive: true })
  await mkdir(join(view, "refs"))
  await mkdir(borrowed)
  await borrow(join(clone, ".git", "objects"), borrowed)
  await writeFile(join(view, "objects", "info", "alternates"), `${borrowed}\n${join(mirror, "objects")}\n`)
  await writeFile(join(view, "HEAD"), "ref: refs/heads/none\n")
  await writeFile(join(view, "config"), viewConfig)
  try {
    await copyFile(join(mirror, "shallow"), join(view, "shallow"))
  } catch {
    // The mirror has all history.
  }
}

const fault = (command: string, cause: unknown) => new GitFailed({ command, code: null, said: String(cause) })

const withView = <A>(route: Route, use: Effect.Effect<A, GitFailed>): Effect.Effect<A, GitFailed> =>
  Effect.acquireUseRelease(
    // what is half made is removed too
    Effect.onError(Effect.tryPromise({ try: () => makeView(route), catch: (cause) => fault("view", cause) }), () =>
      Effect.ignore(Effect.tryPromise(() => removeView(route.view)))
    ),
    () => use,
    () => Effect.promise(() => removeView(route.view))
  )

/** The commits that these ids stand for in the clone; null for what is missing, or so corrupt that git gives up on it. */
const find = (route: Route, ids: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string | null>, GitFailed> =>
  resolve(
    route.git,
    route.view,
    ids.map((id) => `${id}^{commit}`)
  ).pipe(
    Effect.catchIf(
      ({ code }) => code !== null,
      () => (ids.length === 1 ? Effect.succeed([null]) : halves(ids, (some) => find(route, some)))
    )
  )

const halves = <A>(
  ids: ReadonlyArray<string>,
  each: (some: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<A>, GitFailed>
): Effect.Effect<ReadonlyArray<A>, GitFailed> => {
  const half = Math.ceil(ids.length / 2)
  return Effect.zipWith(each(ids.slice(0, half)), each(ids.slice(half)), (a, b) => [...a, ...b])
}

/** Brings commits to the mirror, with all that belongs to them; answers those that are not whole in the clone. */
const bring = (route: Route, ids: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, GitFailed> =>
  ids.length === 0
    ? Effect.succeed([])
    : route
        .git({
          gitDir: route.mirror,
          args: ["fetch", "--quiet", "--stdin", ...fetchOptions, "--", route.view],
          input: ids.map((id) => `${id}\n`).join(""),
          config: durable
        })
        .pipe(
          Effect.as([]),
          Effect.catch((error) =>
            ids.length === 1 ? blame(route, ids, error) : halves(ids, (some) => bring(route, some))
          )
        )

/** Whether it is the clone's fault that its commit cannot be fetched: then it cannot be packed either. */
const blame = (route: Route, ids: ReadonlyArray<string>, error: GitFailed) =>
  route
    .git({
      gitDir: route.view,
      args: ["pack-objects", "--quiet", "--revs", "--stdout"],
      input: ids.map((id) => `${id}\n`).join(""),
      onOutput: () => true
    })
    .pipe(
      Effect.flatMap(() => Effect.fail(error)),
      Effect.catchIf(
        (packing) => packing !== error && packing.code !== null,
        () => Effect.succeed(ids)
      )
    )

/** Brings what the refs name to the mirror; `known` is in the mirror already. Refs themselves are not written. */
export const harvest = Effect.fnUntraced(function* (route: Route, refs: CloneRefs, known: ReadonlySet<string>) {
  const named = new Set([...refs.branches.values(), ...refs.others])
  const at = refs.head?.commit ?? null
  if (at !== null) named.add(at)
  const wanted = [...named].filter((id) => !known.has(id))
  const commits = new Map<string, string>([...named].filter((id) => known.has(id)).map((id) => [id, id]))
  if (wanted.length > 0) {
    yield* withView(
      route,
      Effect.gen(function* () {
        const found = yield* find(route, wanted)
        const there = new Set(found.flatMap((id) => id ?? []))
        const broken = new Set(yield* bring(route, [...there]))
        wanted.forEach((id, i) => {
          const commit = found[i] ?? null
          if (commit !== null && !broken.has(commit)) commits.set(id, commit)
        })
      })
    )
  }
  const head = at === null ? null : (commits.get(at) ?? null)
  return {
    // A HEAD whose commit is unreadable says as little as one that is garbage.
    head: refs.head === null || (at !== null && head === null) ? null : { ...refs.head, commit: head },
    branches: new Map([...refs.branches].filter(([, id]) => commits.get(id) === id)),
    others: new Set([...refs.others].flatMap((id) => commits.get(id) ?? [])),
    unreadable: [...named].filter((id) => !commits.has(id))
  } satisfies Harvest
})

/**
 * Brings what is staged in the clone, as a commit on top of `head` that is the same for the same content; null where
 * that is one of `except`, trees, or where there is no index that can be read.
 */
export const harvestIndex = Effect.fnUntraced(function* (
  route: Route,
  head: string | null,
  except: ReadonlyArray<string>
) {
  const index = join(route.clone, ".git", "index")
  const copy = join(route.view, "index")
  const isThere = Effect.sync(() => statOf(index)?.isFile() === true)
  if (!(yield* isThere)) return null
  return yield* withView(
    route,
    Effect.gen(function* () {
      yield* Effect.tryPromise({ try: () => copyFile(index, copy), catch: (cause) => fault("write-tree", cause) })
      const written = yield* route.git({
        gitDir: route.view,
        args: ["write-tree"],
        env: { GIT_INDEX_FILE: copy },
        // In the middle of a merge, or no index at all.
        accept: [1, 128]
      })
      const tree = written.stdout.trim()
      if (written.code !== 0 || except.includes(tree)) return null
      const who = "Squadron <agent@squadron.invalid> 0 +0000"
      const parent = head === null ? "" : `parent ${head}\n`
      const made = yield* route.git({
        gitDir: route.view,
        args: ["hash-object", "-t", "commit", "-w", "--stdin"],
        input: `tree ${tree}\n${parent}author ${who}\ncommitter ${who}\n\nWhat was staged\n`
      })
      const commit = made.stdout.trim()
      const broken = yield* bring(route, [commit])
      return broken.length === 0 ? commit : null
    })
  )
})
