/** Programs that run shut in, watched from outside; all of them are gone when the scope closes. */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { constants } from "node:os"
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { it } from "@effect/vitest"
import { Deferred, type Duration, Effect, FileSystem, Path, type Scope } from "effect"
import { processTable } from "../../../src/adapters/harness/ProcessTable.ts"
import { endFamily } from "../../../src/adapters/harness/ProcessTree.ts"
import { type Enclosed, type Enclosure, Sandbox } from "../../../src/services/Sandbox.ts"

/** In the environment of all that a test starts, so that it is found wherever it went. */
const markVariable = "SANDBOX_TEST_MARK"

export type Folders = {
  /** Holds all of these; not in a folder that a sandbox empties for everybody, unless the project is. */
  readonly base: string
  readonly stateDir: string
  readonly workspace: string
  readonly home: string
  /** Another agent's. */
  readonly other: string
  readonly project: string
  readonly mark: string
}

/** The folders of a small squadron, with a file `secret` in each that an agent must not see. */
export const makeFolders = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = fileURLToPath(new URL("../../../node_modules", import.meta.url))
  const base = yield* fs.makeTempDirectoryScoped({ directory, prefix: ".sandbox-test-" })
  const stateDir = path.join(base, "state")
  const folders: Folders = {
    base,
    stateDir,
    workspace: path.join(stateDir, "workspaces", "a", "repo"),
    home: path.join(stateDir, "workspaces", "a", "home"),
    other: path.join(stateDir, "workspaces", "b", "repo"),
    project: path.join(base, "project"),
    mark: createHash("sha256").update(base).digest("hex")
  }
  for (const folder of [folders.workspace, folders.home, folders.other, folders.project]) {
    yield* fs.makeDirectory(folder, { recursive: true })
  }
  for (const folder of [stateDir, folders.other, folders.project]) {
    yield* fs.writeFileString(path.join(folder, "secret"), "secret")
  }
  return folders
})

/** A program with the usual folders and nothing else. */
export const programOf = (folders: Folders, given: Partial<Enclosed> & Pick<Enclosed, "run">): Enclosed => ({
  cwd: folders.workspace,
  writable: [folders.workspace],
  readable: [],
  home: folders.home,
  ports: [],
  hosts: [],
  ...given,
  env: given.env ?? { PATH: process.env["PATH"] ?? "", HOME: folders.home, [markVariable]: folders.mark }
})

export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** The exit code as a shell tells it: 128 + n for an end by signal n. */
export const shellCode = ({ code, signal }: Ended): number =>
  code ?? (signal === null ? -1 : 128 + constants.signals[signal])

/** Starts what an enclosure says. */
export const launch = Effect.fnUntraced(function* (enclosure: Enclosure, input: Buffer | null = Buffer.alloc(0)) {
  const [program, ...args] = enclosure.run
  const ended = yield* Deferred.make<Ended>()
  const out: Array<Buffer> = []
  const err: Array<Buffer> = []
  const waiting = new Set<() => void>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(program, args, { cwd: enclosure.cwd, env: enclosure.env, detached: true })
      child.stdout.on("data", (bytes: Buffer) => {
        out.push(bytes)
        for (const look of waiting) look()
      })
      child.stderr.on("data", (bytes: Buffer) => err.push(bytes))
      child.stdin.on("error", () => {})
      child.on("close", (code, signal) => Deferred.doneUnsafe(ended, Effect.succeed({ code, signal })))
      child.on("error", (error) => Deferred.doneUnsafe(ended, Effect.die(error)))
      if (input !== null) child.stdin.end(input)
      return child
    }),
    (child) =>
      Effect.sync(() => {
        try {
          process.kill(-(child.pid ?? 0), "SIGKILL")
        } catch {
          // It has ended.
        }
      })
  )
  const pid = child.pid ?? 0
  const { order, startTime } = processTable.find(pid) ?? { order: 0, startTime: "gone" }
  const text = () => Buffer.concat(out).toString()
  return {
    pid,
    ended: Deferred.await(ended),
    out: () => Buffer.concat(out),
    err: () => Buffer.concat(err).toString(),
    /** Completes when it has printed this. */
    said: (words: string) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if (text().includes(words)) resume(Effect.void)
        }
        waiting.add(look)
        look()
        return Effect.sync(() => waiting.delete(look))
      }),
    say: (words: string) => Effect.sync(() => child.stdin.write(words)),
    kill: (signal: NodeJS.Signals) => Effect.sync(() => process.kill(pid, signal)),
    /** Ends all of it as the harness does. */
    end: (killAfter: Duration.Input) =>
      endFamily({ leaders: [{ pid, startTime }], marks: new Map(), since: order }, killAfter)
  }
})

/** Runs a program to its end. */
export const run = Effect.fnUntraced(function* (program: Enclosed, input?: Buffer) {
  const sandbox = yield* Sandbox
  const running = yield* launch(yield* sandbox.enclose(program), input)
  const ended = yield* running.ended
  return { code: shellCode(ended), out: running.out(), text: running.out().toString().trimEnd(), err: running.err() }
}, Effect.scoped)

/** The living processes that were started in these folders. */
export const survivors = (folders: Folders): ReadonlyArray<number> =>
  processTable
    .list()
    .filter(({ alive, pid }) => alive && processTable.environment(pid)?.get(markVariable) === folders.mark)
    .map(({ pid }) => pid)

/** Waits until nothing of these folders is alive. */
export const allDead = Effect.fnUntraced(function* (folders: Folders) {
  while (survivors(folders).length > 0) yield* Effect.sleep(10)
})

/** A server on this machine's loopback; gives its port. */
export const serve = (listener: RequestListener): Effect.Effect<number, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer(listener)
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    ),
    (server) => (server.address() as AddressInfo).port
  )

/** A test in real time. */
export const live = (
  name: string,
  body: () => Effect.Effect<unknown, unknown, NodeServices.NodeServices | Scope.Scope>
) => it.live(name, () => Effect.provide(body(), NodeServices.layer), 60_000)

/** Runs this script, with no modules but Node's own. */
export const node = (script: string): Enclosed["run"] => [process.execPath, "-e", script]
