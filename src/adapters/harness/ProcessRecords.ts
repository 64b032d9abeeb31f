import { createHash } from "node:crypto"
import { Context, Duration, Effect, FileSystem, Layer, Option, Path, type PlatformError, Schema } from "effect"
import { type ProcessEntry, processTable } from "./ProcessTable.ts"
import { endFamily } from "./ProcessTree.ts"

/** A child process of a run: a pid alone may be another's tomorrow, so its start time goes with it. */
export const ProcessRecord = Schema.Struct({
  pid: Schema.Int.check(Schema.isGreaterThan(1)),
  startTime: Schema.NonEmptyString,
  run: Schema.String
})
export type ProcessRecord = typeof ProcessRecord.Type

const RecordText = Schema.fromJsonString(ProcessRecord)

/** Names the state folder in the environment of every process that is started for it. */
export const homeVariable = "SQUADRON_HOME_ID"

/** Names the run in the environment of every process that is started for it. */
export const runVariable = "SQUADRON_RUN"

/** Who is running for this state folder, kept on disk so that the next daemon can end what a killed one left. */
export class ProcessRecords extends Context.Service<
  ProcessRecords,
  {
    /** The value of `SQUADRON_HOME_ID`: the same for each daemon on this state folder, and for no other folder. */
    readonly home: string
    record(process: ProcessRecord): Effect.Effect<void, PlatformError.PlatformError>
    forget(pid: number): Effect.Effect<void>
    /**
     * Ends every process that an earlier daemon on this state folder left behind, and returns them. Only for a daemon
     * that owns the folder alone and has started nothing yet. A pid that is another process's by now is left alone.
     */
    readonly reap: Effect.Effect<ReadonlyArray<{ readonly pid: number; readonly run: string }>>
  }
>()("squadron/adapters/harness/ProcessRecords") {
  /** Keeps one small file a process in `<stateDir>/processes`; `killAfter` (1 s) parts SIGTERM from SIGKILL. */
  static readonly layer = (options: { readonly stateDir: string; readonly killAfter?: Duration.Input | undefined }) =>
    Layer.effect(ProcessRecords, make(options.stateDir, options.killAfter ?? Duration.seconds(1)))
}

const make = Effect.fnUntraced(function* (stateDir: string, killAfter: Duration.Input) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(stateDir, "processes")
  yield* Effect.orDie(fs.makeDirectory(folder, { recursive: true }))
  // From the real path: a copied folder is another home, and must not end the processes of the first.
  const home = createHash("sha256")
    .update(yield* Effect.orDie(fs.realPath(stateDir)))
    .digest("hex")
    .slice(0, 16)
  const fileOf = (pid: number) => path.join(folder, `${pid}.json`)

  const readRecord = Effect.fnUntraced(function* (file: string) {
    const text = yield* Effect.option(fs.readFileString(file))
    // A file that a crash cut off names nobody for certain; the marks still find its process.
    return Option.flatMap(text, Schema.decodeUnknownOption(RecordText))
  })

  return ProcessRecords.of({
    home,
    record: Effect.fn("ProcessRecords.record")(function* (process) {
      yield* fs.writeFileString(fileOf(process.pid), Schema.encodeSync(RecordText)(process), { mode: 0o600 })
    }),
    forget: Effect.fn("ProcessRecords.forget")(function* (pid) {
      // A record that stays names a dead process, which reaping finds out.
      yield* Effect.ignore(fs.remove(fileOf(pid), { force: true }), { log: "Warn" })
    }),
    reap: Effect.gen(function* () {
      const files = (yield* Effect.orDie(fs.readDirectory(folder))).map((name) => path.join(folder, name))
      const records = (yield* Effect.forEach(files, readRecord)).flatMap(Option.toArray)
      const leaders = records.filter(({ pid, startTime }) => processTable.find(pid)?.startTime === startTime)
      const runs = new Map(leaders.map(({ pid, run }) => [pid, run]))
      const runOf = (process: ProcessEntry): string =>
        runs.get(process.group) ??
        processTable.environment(process.pid)?.get(runVariable) ??
        runs.get(process.parent) ??
        ""
      const ended = yield* endFamily(
        { leaders, marks: new Map([[homeVariable, home]]), since: 0 },
        killAfter,
        (process) => runs.set(process.pid, runOf(process))
      )
      yield* Effect.forEach(files, (file) => Effect.ignore(fs.remove(file, { force: true }), { log: "Warn" }))
      const left = ended.map(({ pid }) => ({ pid, run: runs.get(pid) ?? "" }))
      if (left.length > 0) {
        yield* Effect.logWarning("Ended processes that an earlier daemon left behind.").pipe(
          Effect.annotateLogs({ processes: left.map(({ pid, run }) => `${pid} (${run})`).join(", ") })
        )
      }
      return left
    }).pipe(
      // a stop between SIGTERM and SIGKILL would leave who ignores the first
      Effect.uninterruptible,
      Effect.withSpan("ProcessRecords.reap")
    )
  })
})
