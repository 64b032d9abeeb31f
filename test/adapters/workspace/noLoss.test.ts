import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { type Context, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import type { Janitor } from "../../../src/adapters/workspace/Janitor.ts"
import { type Workspace, Workspaces } from "../../../src/services/Workspaces.ts"
import { makeRandom, type Random } from "./random.ts"
import { agent, commitAll, daemon, git, Place, request, write } from "./Rig.ts"

const runs = 30
const steps = 7

const blobId = (content: Buffer): string =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex")

/** What is in the files of a folder, but for git's own and what is ignored. */
const contents = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === ".git" || entry.name === "ignored") return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? contents(path) : [blobId(readFileSync(path))]
  })

/** All objects that these lead to. */
const objects = (repository: string, ...from: ReadonlyArray<string>): ReadonlyArray<string> =>
  git(repository, "rev-list", "--objects", ...from)
    .split("\n")
    .map((line) => line.split(" ", 1)[0] ?? "")

type World = {
  readonly seed: number
  readonly random: Random
  readonly stateDir: string
  readonly origin: string
  readonly history: Array<string>
  readonly clone: string
  readonly mirror: string
  /** What must never be lost any more. */
  readonly held: Set<string>
  services: Context.Context<Workspaces | Janitor>
  /** Where the workspace is open. */
  scope: Scope.Closeable | null
  workspace: Workspace | null
  count: number
}

/** All that is in the workspace: files, what is staged, and whatever its branches and stashes lead to. */
const present = (world: World): ReadonlySet<string> => {
  const { clone } = world
  if (!existsSync(clone)) return new Set()
  const files = contents(clone)
  if (!existsSync(join(clone, ".git/HEAD"))) return new Set(files)
  const stashes = existsSync(join(clone, ".git/logs/refs/stash"))
    ? git(clone, "stash", "list", "--format=%H")
        .split("\n")
        .filter((id) => id !== "")
    : []
  const staged = git(clone, "ls-files", "-s").split("\n")
  const ids = staged.map((line) => line.split(" ")[1] ?? "").filter((id) => id !== "")
  return new Set([...files, ...ids, ...objects(clone, "--all", "HEAD", ...stashes)])
}

/** All that branches and HEAD lead to. */
const committed = ({ clone }: World): ReadonlyArray<string> =>
  existsSync(join(clone, ".git/HEAD")) ? objects(clone, "HEAD", "--branches") : []

const assertKept = (world: World, before: ReadonlySet<string>): void => {
  const mirrored = new Set(existsSync(world.mirror) ? objects(world.mirror, "--all") : [])
  const here = present(world)
  const show = () => `seed ${world.seed}:\n${world.history.join("\n")}`
  for (const id of before) assert.isTrue(mirrored.has(id) || here.has(id), `${id} is lost; ${show()}`)
  for (const id of world.held) assert.isTrue(mirrored.has(id), `${id} was saved and is lost; ${show()}`)
}

/** What an agent does to its clone. */
const work = (world: World): void => {
  const { clone, random } = world
  const fresh = () => `content ${++world.count}\n`
  const name = () => random.pick(["a.txt", "src/b.txt", "src/deep/c.txt", "new/d.txt", "readme.md", "ü.txt"])
  const tidy = () => {
    // An agent that wants to switch does not let a conflict stop it.
    git(clone, "reset", "-q", "--hard")
  }
  const acts: ReadonlyArray<readonly [string, () => void]> = [
    ["edit", () => write(clone, { [name()]: fresh() })],
    ["edit two", () => write(clone, { [name()]: fresh(), [`dir${random.below(3)}/x.txt`]: fresh() })],
    ["remove a file", () => rmSync(join(clone, name()), { force: true })],
    ["commit", () => void commitAll(clone, "work")],
    [
      "stage, then edit",
      () => {
        write(clone, { "a.txt": fresh() })
        git(clone, "add", "-A")
        write(clone, { "a.txt": fresh() })
      }
    ],
    [
      "amend",
      () => {
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "--amend", "--allow-empty", "-m", "amended")
      }
    ],
    [
      "switch",
      () => {
        commitAll(clone, "before switching")
        const all = git(clone, "for-each-ref", "--format=%(refname:short)", "refs/heads").split("\n")
        git(clone, "checkout", "-q", random.pick(all[0] === "" ? ["HEAD"] : all))
      }
    ],
    ["new branch", () => git(clone, "checkout", "-q", "-B", `topic${random.below(3)}`)],
    ["detach", () => git(clone, "checkout", "-q", "--detach")],
    [
      "drop a branch",
      () => {
        const head = git(clone, "rev-parse", "--abbrev-ref", "HEAD")
        const all = git(clone, "for-each-ref", "--format=%(refname:short)", "refs/heads").split("\n")
        for (const branch of all.filter((one) => one !== head && one !== "").slice(0, 1))
          git(clone, "branch", "-q", "-D", branch)
      }
    ],
    [
      "stash",
      () => {
        write(clone, { "readme.md": fresh(), "loose.txt": fresh() })
        git(clone, "stash", "push", "-q", "-u")
      }
    ],
    ["reset", tidy],
    ["pack", () => git(clone, "gc", "-q")],
    [
      "break",
      () => {
        if (random.below(4) === 0) rmSync(join(clone, ".git"), { recursive: true })
      }
    ]
  ]
  // What moves branches away from commits is what is easily forgotten.
  const often = acts.filter(([what]) => ["commit", "amend", "drop a branch"].includes(what))
  const [what, act] = random.pick([...acts, ...often, ...often])
  world.history.push(`  agent: ${what}`)
  if (existsSync(join(clone, ".git/HEAD"))) act()
}

const live = <A, E>(world: World, use: (workspaces: Workspaces["Service"]) => Effect.Effect<A, E>) =>
  Effect.suspend(() => Workspaces.use(use).pipe(Effect.provideContext(world.services)))

const opening = (world: World) =>
  Effect.gen(function* () {
    if (world.scope !== null) return
    const scope = yield* Scope.make()
    const exit = yield* Effect.exit(live(world, (workspaces) => Scope.provide(workspaces.open(request), scope)))
    if (Exit.isSuccess(exit)) {
      world.scope = scope
      world.workspace = exit.value
    } else {
      yield* Scope.close(scope, Exit.void)
      return yield* exit
    }
  })

const closing = (world: World) =>
  Effect.suspend(() => {
    const { scope } = world
    world.scope = null
    return scope === null ? Effect.void : Scope.close(scope, Exit.void)
  })

const looking = (world: World) =>
  Effect.suspend(() => {
    const { workspace } = world
    if (workspace === null || world.scope === null) return Effect.void
    const before = committed(world)
    return live(world, (workspaces) => workspaces.inspect(workspace)).pipe(
      Effect.tap(() => Effect.sync(() => before.forEach((id) => world.held.add(id)))),
      // One that is broken cannot be inspected, which is not what is looked at here.
      Effect.ignore
    )
  })

const saving = (world: World) => live(world, (workspaces) => workspaces.save(agent))
const removing = (world: World) => live(world, (workspaces) => workspaces.remove(agent))

const starting = Effect.gen(function* () {
  // Never closed before the end of the test: a daemon that is killed closes nothing.
  const services = yield* Layer.build(daemon())
  return services
})

const force = ({ count, origin }: World): void => {
  write(origin, { "base.txt": `${count}\n` })
  git(origin, "add", "-A")
  git(origin, "commit", "-q", "--amend", "-m", `base ${count}`)
}

const step = Effect.fnUntraced(function* (world: World) {
  const { random } = world
  const operations = {
    open: opening(world),
    inspect: looking(world),
    save: saving(world),
    close: closing(world),
    remove: removing(world)
  }
  const isOpen = world.scope !== null
  if (isOpen) for (let n = random.below(4); n > 0; n--) work(world)
  const what = random.pick(
    isOpen
      ? (["inspect", "inspect", "inspect", "save", "save", "close", "close", "kill", "force"] as const)
      : (["open", "open", "open", "open", "save", "remove", "remove", "kill", "force"] as const)
  )
  const before = present(world)
  if (what === "kill") {
    world.history.push("a daemon is killed, another starts")
    world.services = yield* starting
    world.scope = null
  } else if (what === "force") {
    world.history.push("the base is forced to something else")
    force(world)
  } else if (random.below(4) === 0) {
    const wait = random.below(90)
    world.history.push(`${what}, interrupted after ${wait} ms`)
    const fiber = yield* Effect.forkScoped(operations[what])
    yield* Effect.sleep(wait)
    yield* Fiber.interrupt(fiber)
  } else {
    world.history.push(what)
    yield* operations[what]
    if (what === "save" || what === "close") for (const id of before) world.held.add(id)
  }
  assertKept(world, before)
})

describe("no content is lost", () => {
  for (let seed = 1; seed <= runs; seed++) {
    it.live(
      `whatever is done, and whatever is interrupted; seed ${seed}`,
      () =>
        Effect.gen(function* () {
          const { origin, stateDir } = yield* Place
          const world: World = {
            seed,
            random: makeRandom(seed),
            stateDir,
            origin,
            history: [],
            clone: join(stateDir, "workspaces", agent, "clone"),
            mirror: join(stateDir, "mirrors/acme/shop.git"),
            held: new Set(),
            services: yield* starting,
            scope: null,
            workspace: null,
            count: 0
          }
          yield* opening(world)
          for (let n = 0; n < steps; n++) yield* step(world)
          const last = present(world)
          yield* closing(world)
          assertKept(world, last)
        }).pipe(
          Effect.provide(Place.layer.pipe(Layer.provideMerge(NodeServices.layer), Layer.provideMerge(Logger.layer([]))))
        ),
      30_000
    )
  }
})
