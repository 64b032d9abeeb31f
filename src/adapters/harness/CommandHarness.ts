import { Clock, Context, Deferred, Duration, Effect, FileSystem, Layer, Queue, type Scope, Semaphore } from "effect"
import type { Agent } from "../../domain/Agent.ts"
import type { Outcome } from "../../domain/Outcome.ts"
import { type HarnessSpec, resultTools, type Role } from "../../domain/Role.ts"
import type { HarnessSession, TurnInput, TurnResult } from "../../services/Harness.ts"
import { homeVariable, ProcessRecords, runVariable } from "./ProcessRecords.ts"
import { endFamily, realSleep } from "./ProcessTree.ts"
import { type Program, startProgram } from "./Program.ts"
import { turnDocument, turnEnvironment } from "./TurnDocument.ts"
import { makeTurnOutput, type TurnOutput } from "./TurnOutput.ts"

/** How the harness meets its surroundings. */
export type CommandHarnessOptions = {
  /** Squadron's own address, for `SQUADRON_URL`. */
  readonly url?: string | undefined
  /** From SIGTERM to SIGKILL; 5 s unless told. */
  readonly killAfter?: Duration.Input | undefined
  /** The daemon's environment; that of this process unless told. Read once. */
  readonly hostEnv?: Readonly<Record<string, string | undefined>> | undefined
}

/** sysexits.h: try again later. */
const tempFail = 75
const tempFailWait = 60_000

/** How long output is awaited after the leader's end: a grandchild may hold the pipe for ever. */
const drainBound = "1 second"

/** How waiting for a program ended: by itself, or by us. */
type End =
  | { readonly _tag: "Exited"; readonly code: number | null; readonly signal: string | null }
  | { readonly _tag: "Cut"; readonly outcome: Outcome }

const closedEnd = { _tag: "Cut", outcome: { _tag: "Interrupted", reason: "its session was closed" } } satisfies End

/** Any program as an agent's mind: one process a turn, JSON in, lines out; see docs/command-harness.md. */
export class CommandHarness extends Context.Service<
  CommandHarness,
  {
    /** Of a role whose harness is `command`; any other is a defect. Closing the scope ends every process of the run. */
    open(agent: Agent, role: Role, run: string): Effect.Effect<HarnessSession, never, Scope.Scope>
  }
>()("squadron/adapters/harness/CommandHarness") {
  static readonly layer = (options: CommandHarnessOptions = {}) => Layer.effect(CommandHarness, make(options))
}

const ended = (
  outcome: Outcome,
  output?: TurnOutput,
  exit: number | null = null,
  actions: TurnResult["actions"] = []
): TurnResult => ({
  outcome,
  actions,
  transcript: output?.transcript ?? "",
  exit,
  stderr: output?.stderr ?? "",
  // A process a turn has no session, and cannot tell whether something changed.
  session: null,
  fingerprint: null
})

const crashed = (exit: number | null, ...lines: ReadonlyArray<string>): Outcome => ({
  _tag: "Crashed",
  exit,
  stderr: lines.filter((line) => line !== "").join("\n")
})

/** What the program's last word and its end come to. Actions count only if the turn ended well. */
const resultOf = (end: End, output: TurnOutput): TurnResult => {
  output.close(end._tag === "Exited" && end.code === 0)
  // A program that is cut off may print anything on its way out; the reason for the cut stands.
  if (end._tag === "Cut") return ended(end.outcome, output)
  const exit = end.code
  if (output.violation !== undefined) return ended({ _tag: "ProtocolError", message: output.violation }, output, exit)
  if (exit === null) return ended(crashed(null, `killed by ${end.signal ?? "a signal"}`, output.stderr), output)
  if (exit === tempFail) return ended({ _tag: "RateLimited", retryAfter: tempFailWait }, output, exit)
  if (exit !== 0) return ended(crashed(exit, output.stderr), output, exit)
  if (output.denied.length > 0) return ended({ _tag: "ToolsDenied", tools: [...output.denied] }, output, exit)
  return ended(output.outcome ?? { _tag: "TurnEnded" }, output, exit, output.actions)
}

const make = Effect.fnUntraced(function* (options: CommandHarnessOptions) {
  const records = yield* ProcessRecords
  const fs = yield* FileSystem.FileSystem
  const host = { ...(options.hostEnv ?? process.env) }
  const killAfter = options.killAfter ?? Duration.seconds(5)

  /** Why the turn cannot even start, or null. */
  const obstacle = Effect.fnUntraced(function* (spec: Extract<HarnessSpec, { readonly _tag: "command" }>) {
    const unset = spec.env.filter((name) => host[name] === undefined)
    if (unset.length > 0) {
      return {
        _tag: "NotAuthorized",
        reason: `the role needs ${unset.join(", ")}, which the daemon's environment does not have. Set it and start the daemon again, or take it out of the role's \`env\`.`
      } satisfies Outcome
    }
    const folder = yield* Effect.option(fs.stat(spec.cwd))
    if (folder._tag === "None" || folder.value.type !== "Directory") {
      return {
        _tag: "WorkspaceError",
        message: `there is no folder ${spec.cwd} to run \`${spec.run[0]}\` in. Create it, or correct the role's \`cwd\`.`
      } satisfies Outcome
    }
    return null
  })

  /** All of a program, the leader's group and who left it. */
  const endProgram = Effect.fnUntraced(function* ({ leader, release }: Program, run: string) {
    yield* endFamily(
      {
        leaders: [leader],
        marks: new Map([
          [homeVariable, records.home],
          [runVariable, run]
        ]),
        since: leader.order
      },
      killAfter
    )
    release()
    yield* records.forget(leader.pid)
  })

  /** Ends when it has been silent for too long; `heard` tells when it last said something. */
  const silence = Effect.fnUntraced(function* (limit: number, heard: () => number) {
    for (;;) {
      const left = heard() + limit - (yield* Clock.currentTimeMillis)
      if (left <= 0) return { _tag: "Stalled", silentFor: limit } satisfies Outcome
      yield* Effect.sleep(left)
    }
  })

  const open = Effect.fn("CommandHarness.open")(function* (_agent: Agent, role: Role, run: string) {
    const spec = role.harness
    if (spec._tag !== "command") return yield* Effect.die(new Error(`Role ${role.name} has no command to run`))
    const running = new Set<Program>()
    const closed = yield* Deferred.make<typeof closedEnd>()
    // Held while a program is being started: a session that is closed meanwhile has it ended too.
    const door = yield* Semaphore.make(1)
    // A turn that is interrupted ends its program itself; this is for one that runs on in a fiber of its own.
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        door.withPermit(Deferred.succeed(closed, closedEnd)),
        Effect.forEach(running, (program) => endProgram(program, run), { concurrency: "unbounded", discard: true })
      )
    )

    const turn = Effect.fn("CommandHarness.turn")(function* (input: TurnInput) {
      if (yield* Deferred.isDone(closed)) return ended(closedEnd.outcome)
      const refused = yield* obstacle(spec)
      if (refused !== null) return ended(refused)
      const progress = yield* Queue.sliding<string>(100)
      const violated = yield* Deferred.make<End>()
      const output = makeTurnOutput({
        limit: input.role.limits.output,
        repository: input.agent.subject.repository,
        tools: resultTools(input.role),
        onProgress: (text) => void Queue.offerUnsafe(progress, text),
        onViolation: (message) =>
          void Deferred.doneUnsafe(
            violated,
            Effect.succeed({ _tag: "Cut", outcome: { _tag: "ProtocolError", message } })
          )
      })
      const clock = yield* Clock.Clock
      let heardAt = clock.currentTimeMillisUnsafe()

      const program = startProgram({
        run: spec.run,
        cwd: spec.cwd,
        env: turnEnvironment(input, { host, names: spec.env, home: records.home, url: options.url }),
        onOutput: (bytes, source) => {
          heardAt = clock.currentTimeMillisUnsafe()
          output.push(bytes, source)
        }
      })
      const start = door.withPermit(
        Effect.gen(function* () {
          if (yield* Deferred.isDone(closed)) return yield* Effect.fail(closedEnd)
          const started = yield* program
          running.add(started)
          return started
        })
      )

      const logged = Effect.forever(Effect.flatMap(Queue.take(progress), (text) => Effect.logInfo(text)))

      const attend = Effect.fnUntraced(function* (program: Program) {
        // Before its input, so that a program that works has its record.
        yield* records.record({ pid: program.leader.pid, startTime: program.leader.startTime, run })
        yield* Effect.sync(() => program.input(turnDocument(input)))
        const exit: Effect.Effect<End> = Deferred.await(program.exited).pipe(
          Effect.tap(() => Effect.raceFirst(Deferred.await(program.drained), realSleep(drainBound))),
          Effect.map((exit) => ({ _tag: "Exited", ...exit }))
        )
        const limits = input.role.limits
        return yield* Effect.raceAllFirst([
          exit,
          Deferred.await(violated),
          Deferred.await(closed),
          Effect.map(
            silence(limits.stall, () => heardAt),
            (outcome): End => ({ _tag: "Cut", outcome })
          ),
          Effect.as(Effect.sleep(limits.wallClock), {
            _tag: "Cut",
            outcome: { _tag: "TimedOut", limit: limits.wallClock }
          } satisfies End),
          logged
        ])
      })

      return yield* Effect.acquireUseRelease(start, attend, (program) =>
        Effect.suspend(() => {
          running.delete(program)
          // Nobody listens any more: let it fail or block on its next word instead of reading it all.
          if (output.violation !== undefined) program.release()
          return endProgram(program, run)
        })
      ).pipe(
        // The end of the session ends its programs, so it explains how they ended.
        Effect.flatMap((end) =>
          Effect.map(Deferred.isDone(closed), (done) => resultOf(done ? closedEnd : end, output))
        ),
        Effect.catchTags({
          CannotStart: (error) => Effect.succeed(ended(crashed(null, error.message))),
          Cut: ({ outcome }) => Effect.succeed(ended(outcome)),
          PlatformError: (error) =>
            Effect.succeed(
              ended({ _tag: "WorkspaceError", message: `the program's record cannot be written: ${error.message}` })
            )
        }),
        Effect.tap(() =>
          Effect.flatMap(
            Queue.clear(progress),
            Effect.forEach((text) => Effect.logInfo(text))
          )
        ),
        Effect.annotateLogs({ agent: input.agent.id, run, turn: input.turn })
      )
    })

    return { turn }
  })

  return CommandHarness.of({ open })
})
