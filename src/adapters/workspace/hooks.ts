import { Deferred, Duration, Effect } from "effect"
import { WorkspaceFailed } from "../../domain/Errors.ts"
import { homeVariable, ProcessRecords, runVariable } from "../harness/ProcessRecords.ts"
import { endFamily, realSleep } from "../harness/ProcessTree.ts"
import { startProgram } from "../harness/Program.ts"

type CommandLine = readonly [string, ...ReadonlyArray<string>]

/** Programs of the operator's that run in a workspace at certain moments. */
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
}

/** What a hook has of the daemon's environment. */
const inherited = ["PATH", "LANG", "TZ", "TMPDIR"]

const tailBytes = 4096

/** How long output is awaited after the end: a process that stays may hold the pipe for ever. */
const drainBound = "1 second"

const killAfter = "2 seconds"

/**
 * Runs a hook in the clone, where there is one, and ends all that it started. It fails where the hook does not exit
 * with 0 within `timeout` milliseconds; the message has the end of what it printed.
 */
export const makeRunHook = Effect.fnUntraced(function* (options: {
  readonly hooks: Hooks
  readonly timeout: number
  readonly env: Readonly<Record<string, string | undefined>>
}) {
  const records = yield* ProcessRecords

  const environment = (place: HookPlace, run: string): Record<string, string> => ({
    ...Object.fromEntries(
      inherited.flatMap((name) => (options.env[name] === undefined ? [] : [[name, options.env[name]]]))
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
    let tail = ""
    const start = startProgram({
      run: command,
      cwd: place.clone,
      env: environment(place, run),
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
          if (end.code !== 0) return yield* failed(`it ended with ${end.code ?? end.signal}${said()}`, true)
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
        CannotStart: (error) => Effect.fail(failed(error.message, false)),
        PlatformError: (error) => Effect.fail(failed(`its record cannot be written: ${error.message}`, true))
      })
    )
  })
})

/** Of a hook whose failure changes nothing. */
export const onlyLogged = (hook: Effect.Effect<void, WorkspaceFailed>): Effect.Effect<void> =>
  Effect.catch(hook, (error) => Effect.logWarning(error.message))
