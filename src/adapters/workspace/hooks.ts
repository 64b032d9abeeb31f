import { Deferred, Duration, Effect } from "effect"
import { isAbsolute } from "node:path"
import { existsSync } from "node:fs"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import { Sandbox } from "../../services/Sandbox.ts"
import { homeVariable, ProcessRecords, runVariable } from "../harness/ProcessRecords.ts"
import { endFamily, realSleep } from "../harness/ProcessTree.ts"
import { startProgram } from "../harness/Program.ts"

type CommandLine = readonly [string, ...ReadonlyArray<string>]

/** Programs that the operator chose, and that run in a workspace at certain moments. */
export type Hooks = {
  /** Once, in a workspace that was just made; where it fails the workspace is removed again. */
  readonly afterCreate?: CommandLine | undefined
  /** At each opening; where it fails the workspace is not opened. */
  readonly beforeRun?: CommandLine | undefined
  /** At each closing, after the work was saved. */
  readonly afterRun?: CommandLine | undefined
  /** Before a workspace is removed, after the work was saved. */
  readonly beforeRemove?: CommandLine | undefined
}

export type HookPlace = {
  readonly agent: string
  readonly repository: string
  readonly branch: string
  readonly clone: string
  readonly home: string
  /** The repository that the clone borrows from. */
  readonly mirror: string
}

/** What a hook has of the daemon's environment. */
const inherited = ["PATH", "LANG", "TZ"]

/** What only a hook has that is not shut in: within, this folder is not there. */
const outsideOnly = ["TMPDIR"]

const tailBytes = 4096

/** How long output is awaited after the end: a process that stays may hold the pipe for ever. */
const drainBound = "1 second"

const killAfter = "2 seconds"

/** A shell's exit codes, and those of a sandbox, for what cannot be started. */
const isStartProblem = (code: number | null): boolean => code === 126 || code === 127

/**
 * Runs a hook in the clone, where there is one, and ends all that it started. What is in the clone is an agent's, or a
 * stranger's, so the hook is shut in like an agent: it writes to the clone and to the agent's home, and reaches `hosts`
 * alone. It fails where the hook does not exit with 0 within `timeout` milliseconds; the message has the end of what it
 * printed.
 */
export const makeRunHook = Effect.fnUntraced(function* (options: {
  readonly hooks: Hooks
  readonly timeout: number
  readonly hosts: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string | undefined>>
}) {
  const records = yield* ProcessRecords
  const sandbox = yield* Sandbox
  const passedOn = sandbox.kind === "none" ? [...inherited, ...outsideOnly] : inherited

  const environment = (place: HookPlace, run: string): Record<string, string> => ({
    ...Object.fromEntries(
      passedOn.flatMap((name) => (options.env[name] === undefined ? [] : [[name, options.env[name]]]))
    ),
    HOME: place.home,
    SQUADRON_AGENT: place.agent,
    SQUADRON_WORKSPACE: place.clone,
    SQUADRON_REPOSITORY: place.repository,
    SQUADRON_BRANCH: place.branch,
    [homeVariable]: records.home,
    [runVariable]: run
  })

  return Effect.fn("Workspaces.hook")(function* (name: keyof Hooks, place: HookPlace) {
    const command = options.hooks[name]
    if (command === undefined) return
    const run = `${place.agent}/${name}`
    const failed = (reason: string, retryable: boolean) =>
      new WorkspaceFailed({
        step: `hook ${name}`,
        reason,
        remedy: `Correct \`hooks.${name}\` (\`${command.join(" ")}\`), or run it by hand in the workspace.`,
        retryable
      })
    const [program] = command
    const enclosure = yield* sandbox
      .enclose({
        run: command,
        cwd: place.clone,
        env: environment(place, run),
        writable: [place.clone, place.home],
        // the mirror for git; a program that is given by its path, but not what is beside it
        readable: [place.mirror, ...(isAbsolute(program) && existsSync(program) ? [program] : [])],
        home: place.home,
        ports: [],
        hosts: options.hosts,
        hostsKey: "`workspaces.hookHosts`"
      })
      .pipe(
        Effect.mapError(
          ({ reason, remedy }) =>
            new WorkspaceFailed({
              step: `hook ${name}`,
              reason: `it cannot be shut in: ${reason}`,
              remedy,
              retryable: false
            })
        )
      )
    let tail = ""
    const start = startProgram({
      ...enclosure,
      onOutput: (bytes) => {
        tail = `${tail}${bytes.toString("latin1")}`.slice(-tailBytes)
      }
    })
    const said = () => {
      const text = Buffer.from(tail, "latin1").toString("utf8").trim()
      return text === "" ? "" : `: ${text}`
    }
    yield* Effect.acquireUseRelease(
      start,
      (program) =>
        Effect.gen(function* () {
          yield* records.record({ pid: program.leader.pid, startTime: program.leader.startTime, run })
          program.input("")
          const end = yield* Effect.raceFirst(
            Deferred.await(program.exited),
            Effect.as(Effect.sleep(options.timeout), null)
          )
          if (end === null) return yield* failed(`it was not done after ${options.timeout} ms${said()}`, true)
          yield* Effect.raceFirst(Deferred.await(program.drained), realSleep(drainBound))
          if (end.code !== 0) {
            return yield* failed(`it ended with ${end.code ?? end.signal}${said()}`, !isStartProblem(end.code))
          }
        }),
      (program) =>
        endFamily(
          {
            leaders: [program.leader],
            marks: new Map([
              [homeVariable, records.home],
              [runVariable, run]
            ]),
            since: program.leader.order
          },
          Duration.fromInputUnsafe(killAfter)
        ).pipe(Effect.andThen(Effect.sync(() => program.release())), Effect.andThen(records.forget(program.leader.pid)))
    ).pipe(
      Effect.catchTags({
        CannotStart: ({ message }) =>
          // the key that names it
          Effect.fail(failed(message.replaceAll("the role's `run`", `\`hooks.${name}\``), false)),
        PlatformError: (error) => Effect.fail(failed(`its record cannot be written: ${error.message}`, true))
      })
    )
  }, Effect.scoped)
})

/** Of a hook whose failure changes nothing. */
export const onlyLogged = (hook: Effect.Effect<void, WorkspaceFailed>): Effect.Effect<void> =>
  Effect.catch(hook, (error) => Effect.logWarning(error.message))
