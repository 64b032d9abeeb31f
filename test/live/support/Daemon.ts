/** The real program as a process, watched from outside; whatever a test starts is gone when its scope closes. */
import { Clock, Effect, Schema, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url))

/** The squad that the live tests copy. */
const squad = fileURLToPath(new URL("../squad", import.meta.url))

/** A fact that was waited for did not come. */
class NotSeen extends Schema.TaggedError<NotSeen>()("NotSeen", { fact: Schema.String, last: Schema.String }) {
  override get message() {
    return `Waited in vain for ${this.fact}. ${this.last}`
  }
}

export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export type Proc = {
  readonly pid: number
  /** What it printed so far. */
  readonly out: () => string
  readonly err: () => string
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  /** SIGKILL, in the caller's own tick. */
  readonly kill: () => void
  readonly isAlive: () => boolean
  /** Its end; fails after a minute. */
  readonly ended: Effect.Effect<Ended, NotSeen>
}

/** Asks until the answer is there; `fact` says what was waited for, `last` what is seen instead. */
export const eventually = Effect.fnUntraced(function* <A, E, R>(
  fact: string,
  look: Effect.Effect<A | undefined, E, R>,
  options: { readonly within?: number; readonly last?: () => string } = {}
) {
  const until = (yield* Clock.currentTimeMillis) + (options.within ?? 30_000)
  while (true) {
    const found = yield* look
    if (found !== undefined) return found
    if ((yield* Clock.currentTimeMillis) > until) {
      return yield* new NotSeen({ fact, last: options.last?.() ?? "" })
    }
    yield* Effect.sleep(40)
  }
})

/** A process that an agent started; its start time tells it from a later one with its number. */
export type AgentProcess = { readonly pid: number; readonly since: string }

/**
 * The living processes that agents of this folder started: those that are at home in it. Squadron's own marks are not
 * asked, for they may be what is wrong.
 */
export const agentProcesses = (folder: string): ReadonlyArray<AgentProcess> =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      // a zombie has no folder any more
      if (readlinkSync(`/proc/${name}/cwd`) !== folder) return []
      // the program's name stands in parentheses and may hold any text
      const stat = readFileSync(`/proc/${name}/stat`, "latin1")
      return [{ pid: Number(name), since: stat.slice(stat.lastIndexOf(")")).split(" ")[20] ?? "" }]
    } catch {
      return []
    }
  })

/** Ends what agents of this folder left running. */
const endAgents = (folder: string): void => {
  for (const { pid } of agentProcesses(folder)) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // it ended meanwhile
    }
  }
}

/**
 * A copy of a squad's folder. At the end of the scope it is removed, and all ended that agents of it left running; not
 * before, since that is the daemon's own task.
 */
export const copySquad = (source = squad): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = realpathSync(mkdtempSync(join(tmpdir(), "squadron-live-")))
      cpSync(source, folder, { recursive: true, filter: (path) => !path.includes(".squadron-state") })
      return folder
    }),
    (folder) =>
      Effect.sync(() => {
        endAgents(folder)
        rmSync(folder, { recursive: true, force: true })
      })
  )

const end = Effect.fnUntraced(function* (child: ChildProcess) {
  child.kill("SIGKILL")
  if (child.exitCode !== null || child.signalCode !== null) return
  yield* Effect.callback<void>((resume) => {
    child.once("close", () => resume(Effect.void))
  }).pipe(Effect.timeoutOption("5 seconds"))
})

/** Runs the command line in a folder. Only the named environment reaches it, besides PATH and HOME. */
export const squadron = Effect.fn("live.squadron")(function* (
  args: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}
) {
  const { HOME = "/", PATH = "" } = process.env
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [main, ...args], {
        cwd: options.cwd ?? tmpdir(),
        env: { PATH, HOME, NO_COLOR: "1", ...options.env },
        stdio: ["ignore", "pipe", "pipe"]
      })
    ),
    end
  )
  const printed = { out: "", err: "" }
  child.stdout.on("data", (bytes: Buffer) => void (printed.out += bytes.toString()))
  child.stderr.on("data", (bytes: Buffer) => void (printed.err += bytes.toString()))
  let closed: Ended | undefined
  child.once("close", (code, signal) => {
    closed = { code, signal }
  })
  const proc: Proc = {
    pid: child.pid ?? 0,
    out: () => printed.out,
    err: () => printed.err,
    isAlive: () => closed === undefined,
    signal: (name) => Effect.sync(() => void child.kill(name)),
    kill: () => void child.kill("SIGKILL"),
    ended: eventually(
      `the end of squadron ${args.join(" ")}`,
      Effect.sync(() => closed),
      {
        within: 60_000,
        last: () => `It printed:\n${printed.out}${printed.err}`
      }
    )
  }
  return proc
})

/** The command line from its start to its end. */
export const cli = (...args: Parameters<typeof squadron>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const proc = yield* squadron(...args)
      const { code } = yield* proc.ended
      return { code, out: proc.out(), err: proc.err() }
    })
  )

export type DaemonOptions = {
  readonly env?: Readonly<Record<string, string>>
  /** Its host and port; any free port of this machine's own address unless told. */
  readonly at?: readonly [host: string, port: number]
}

/** Starts a daemon on a folder; it is killed when the scope closes. */
export const start = (folder: string, options: DaemonOptions = {}) =>
  squadron(
    options.at === undefined
      ? ["start", folder, "--port", "0"]
      : ["start", folder, "--host", options.at[0], "--port", String(options.at[1])],
    options.env === undefined ? {} : { env: options.env }
  )

/** The daemon's address, from its file, or undefined while it has not said it. */
export const addressOf = (folder: string, proc: Proc): string | undefined => {
  try {
    const file = readFileSync(join(folder, ".squadron-state", "daemon.json"), "utf8")
    const record: { readonly url: string; readonly pid: number } = JSON.parse(file)
    // a killed daemon leaves its file behind
    return record.pid === proc.pid ? record.url : undefined
  } catch {
    return undefined
  }
}

/** Waits until the daemon tells its address. */
export const ready = (folder: string, proc: Proc) =>
  eventually(
    "the daemon's address",
    Effect.suspend(() =>
      proc.isAlive()
        ? Effect.succeed(addressOf(folder, proc))
        : Effect.fail(new NotSeen({ fact: "the daemon's address", last: `It ended:\n${proc.out()}${proc.err()}` }))
    ),
    { last: () => `It printed:\n${proc.out()}${proc.err()}` }
  )
