import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect, Exit, Layer, Logger, ManagedRuntime, Scope } from "effect"
import { ProcessRecords } from "../../src/adapters/harness/ProcessRecords.ts"
import * as NoSandbox from "../../src/adapters/sandbox/NoSandbox.ts"
import { GitWorkspaces } from "../../src/adapters/workspace/GitWorkspaces.ts"
import { Forge } from "../../src/services/Forge.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { discard, folder } from "./child.ts"
import type { Figures } from "./measure.ts"
import { row, type Row } from "./report.ts"
import type { Plan } from "./workloads.ts"

const repository = "acme/shop"

const git = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", args, {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env["PATH"],
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "Ann",
      GIT_AUTHOR_EMAIL: "ann@example.invalid",
      GIT_COMMITTER_NAME: "Ann",
      GIT_COMMITTER_EMAIL: "ann@example.invalid"
    }
  })

/** Text that does not compress to nothing, the same each time. */
const lines = (seed: number, bytes: number): string => {
  let text = ""
  for (let n = seed * 7919 + 1; text.length < bytes; n = (n * 48271) % 2147483647) text += `${n.toString(36)} `
  return text.replaceAll(/(.{60}) /g, "$1\n").slice(0, bytes)
}

/** A repository of so many files of about 4 KiB in folders of folders. */
const makeOrigin = (path: string, files: number): void => {
  mkdirSync(path)
  git(path, "init", "-q", "-b", "main")
  for (let i = 0; i < files; i++) {
    const inner = join(path, `pkg${i % 50}`, `lib${i % 7}`)
    mkdirSync(inner, { recursive: true })
    writeFileSync(join(inner, `file${i}.txt`), lines(i, 3_000 + ((i * 37) % 2_600)))
  }
  git(path, "add", "-A")
  git(path, "commit", "-q", "-m", "all")
  git(path, "gc", "-q")
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** All samples, each a workspace of a new agent, or a plain clone of the same mirror. */
const samples = async (plan: Plan, files: number, dir: string) => {
  const origin = join(dir, "origin")
  const stateDir = join(dir, "state")
  makeOrigin(origin, files)
  mkdirSync(stateDir)
  const runtime = ManagedRuntime.make(
    GitWorkspaces.layer({ stateDir, minFree: 0 }).pipe(
      Layer.provide(ProcessRecords.layer({ stateDir })),
      Layer.provide(NoSandbox.layer),
      Layer.provide(Layer.mock(Forge, { remote: () => Effect.succeed({ url: origin, header: null }) })),
      Layer.provide(NodeServices.layer),
      Layer.provideMerge(Logger.layer([]))
    )
  )
  const use = <A, E>(body: (workspaces: Workspaces["Service"]) => Effect.Effect<A, E>) =>
    runtime.runPromise(Workspaces.use(body))
  const mirror = await use((workspaces) => workspaces.mirror(repository))
  const raw: Array<Figures> = []
  const squadron: Array<Figures> = []
  const scope = Scope.makeUnsafe()
  // Nothing is removed before the end, and all is on the disk before each: who creates files where many have just been
  // removed waits for that.
  const settle = () => execFileSync("sync")
  const plain = async (n: number) => {
    settle()
    const start = performance.now()
    git(dir, "clone", "-q", "--shared", "--branch", "main", mirror, join(dir, `plain-${n}`))
    raw.push({ ready: performance.now() - start })
  }
  const ours = async (n: number) => {
    const agent = `bench-${n}-e1`
    const request = { agent, repository, base: "main", branch: `squadron/${agent}` }
    settle()
    const start = performance.now()
    const workspace = await use((workspaces) => Scope.provide(workspaces.open(request), scope))
    const ready = performance.now() - start
    writeFileSync(join(workspace.path, "work.txt"), "work\n")
    const inspect = await timed(() => use((workspaces) => workspaces.inspect(workspace)))
    const save = await timed(() => use((workspaces) => workspaces.save(agent)))
    squadron.push({ ready, inspect, save })
  }
  const rounds = plan.rounds * 3
  // The first clone reads what the others find in memory.
  await plain(-1)
  raw.pop()
  for (let round = 0; round < rounds; round++) {
    // Who begins changes, so that a drift of the machine meets both alike.
    for (const one of round % 2 === 0 ? [plain, ours] : [ours, plain]) await one(round)
    const [a, b] = [raw.at(-1)?.["ready"] ?? 0, squadron.at(-1)?.["ready"] ?? 0]
    plan.progress(`WS, round ${round + 1} of ${rounds}: clone ${a.toFixed(0)} ms, workspace ${b.toFixed(0)} ms`)
  }
  await runtime.runPromise(Scope.close(scope, Exit.void))
  await runtime.dispose()
  return { raw, squadron }
}

/** WS: how long a workspace takes from the call to the agent's first look, beside a plain `git clone --shared`. */
export const workspace = async (plan: Plan): Promise<ReadonlyArray<Row>> => {
  const dir = folder()
  try {
    const files = plan.quick ? 1_000 : 5_000
    const { raw, squadron } = await samples(plan, files, dir)
    const of = (all: ReadonlyArray<Figures>, name: string) => all.map((sample) => sample[name] ?? Number.NaN)
    const alone = (figure: string, name: string) => row("WS", figure, "ms", { raw: [], squadron: of(squadron, name) })
    return [
      row(
        "WS",
        `workspace ready, ${files.toLocaleString("en-US")} files`,
        "ms",
        { raw: of(raw, "ready"), squadron: of(squadron, "ready") },
        { ratio: "≤", bound: 1.3 }
      ),
      alone("inspecting it for the first time", "inspect"),
      alone("saving it", "save")
    ]
  } finally {
    discard(dir)
  }
}
