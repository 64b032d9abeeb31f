import { Clock, Context, Deferred, Duration, Effect, Exit, FileSystem, Layer, Queue, Scope } from "effect"
import type { Agent } from "../../../domain/Agent.ts"
import type { Outcome } from "../../../domain/Outcome.ts"
import type { Role } from "../../../domain/Role.ts"
import { unmeasured } from "../../../domain/Usage.ts"
import type { HarnessSession, Place, TurnInput, TurnResult } from "../../../services/Harness.ts"
import { Sandbox } from "../../../services/Sandbox.ts"
import { ProcessRecords } from "../ProcessRecords.ts"
import { type AcpSession, type Deadlines, defaultDeadlines, type Lacking, startSession } from "./AcpSession.ts"
import { type OpenAgent, openAgent } from "./OpenAgent.ts"
import { outcomeOfError } from "./outcomes.ts"
import { promptAgent, type Prompted } from "./promptAgent.ts"
import { enclosedOf, folderOf, unsetNames } from "./surroundings.ts"
import type { RpcFailed } from "./Wire.ts"

/** How the harness meets its surroundings. */
export type AcpHarnessOptions = {
  /** Where agents find Squadron's tools, and the port that a sandbox lets through to it; null for no tools. */
  readonly mcp: { readonly url: string; readonly port: number } | null
  /** The daemon's environment; that of this process unless told. Read once. */
  readonly hostEnv?: Readonly<Record<string, string | undefined>> | undefined
  /** From SIGTERM to SIGKILL; 5 s unless told. */
  readonly killAfter?: Duration.Input | undefined
  /** In milliseconds: 30 s to initialize, 60 s for a session, 20 s to list the tools, 10 s to cancel, unless told. */
  readonly deadlines?: Partial<Deadlines> | undefined
  /** Squadron's version, as agents are told it. */
  readonly version?: string | undefined
}

/** An agent's process that has its session. */
type Live = {
  readonly agent: OpenAgent
  readonly session: AcpSession
  readonly scope: Scope.Closeable
  /** Whether the agent has been told the whole, so that news are enough. */
  informed: boolean
}

const closedOutcome: Outcome = { _tag: "Interrupted", reason: "its session was closed" }

/**
 * Coding agents that speak the Agent Client Protocol: one process a run, started at its first turn, shut in by the
 * sandbox. One adapter for all of them; none is known by its name.
 */
export class AcpHarness extends Context.Service<
  AcpHarness,
  {
    /** Of a role whose harness is `acp`; any other is a defect. Closing the scope ends every process of the run. */
    open(agent: Agent, role: Role, run: string, place: Place): Effect.Effect<HarnessSession, never, Scope.Scope>
  }
>()("squadron/adapters/harness/acp/AcpHarness") {
  static readonly layer = (options: AcpHarnessOptions) => Layer.effect(AcpHarness, make(options))
}

const make = Effect.fnUntraced(function* (options: AcpHarnessOptions) {
  const records = yield* ProcessRecords
  const sandbox = yield* Sandbox
  const fs = yield* FileSystem.FileSystem
  const host = { ...(options.hostEnv ?? process.env) }
  const killAfter = options.killAfter ?? Duration.seconds(5)
  const deadlines: Deadlines = { ...defaultDeadlines, ...options.deadlines }
  const lacking: Lacking = new Set()

  const errorOutcome = (error: RpcFailed, signIn: string): Effect.Effect<Outcome> =>
    Effect.map(Clock.currentTimeMillis, (now) => outcomeOfError(error, now, signIn))

  const open = Effect.fn("AcpHarness.open")(function* (first: Agent, role: Role, run: string, place: Place) {
    const spec = role.harness
    if (spec._tag !== "acp") return yield* Effect.die(new Error(`Role ${role.name} has no coding agent to run`))
    const cwd = folderOf(spec, place)
    const closed = yield* Deferred.make<Outcome>()
    const scopes = new Set<Scope.Closeable>()
    let live: Live | null = null
    let lastSession = first.session
    let stderr = (): string => ""
    yield* Effect.addFinalizer((exit) =>
      // first, so that a turn in another fiber ends for this reason and not for the death of its agent
      Effect.andThen(
        Deferred.succeed(closed, closedOutcome),
        Effect.forEach(scopes, (scope) => Scope.close(scope, exit), { concurrency: "unbounded", discard: true })
      )
    )
    const quitScope = (scope: Scope.Closeable): Effect.Effect<void> =>
      Effect.andThen(
        Scope.close(scope, Exit.void),
        Effect.sync(() => scopes.delete(scope))
      )

    const workspaceError = (message: string): Outcome => ({ _tag: "WorkspaceError", message })

    /** Why the agent cannot even be started, or null. */
    const obstacle = Effect.gen(function* () {
      const unset = unsetNames(spec, host)
      if (unset.length > 0) {
        return {
          _tag: "NotAuthorized",
          reason: `the role needs ${unset.join(", ")}, which the daemon's environment does not have. Set it and start the daemon again, or take it out of the role's \`env\`.`
        } satisfies Outcome
      }
      const folder = yield* Effect.option(fs.stat(cwd))
      if (folder._tag === "Some" && folder.value.type === "Directory") return null
      return workspaceError(`there is no folder ${cwd} to run \`${spec.run[0]}\` in. Create it, or correct the role.`)
    })

    const start = Effect.fnUntraced(function* (): Effect.fn.Return<
      Omit<Live, "scope">,
      Outcome,
      Scope.Scope | ProcessRecords
    > {
      const refused = yield* obstacle
      if (refused !== null) return yield* Effect.fail(refused)
      const home =
        place.workspace?.home ??
        (yield* Effect.mapError(fs.makeTempDirectoryScoped({ prefix: "squadron-home-" }), (error) =>
          workspaceError(`no folder for the agent's HOME can be made: ${error.message}`)
        ))
      const tools = options.mcp === null || place.grant === null ? null : { url: options.mcp.url, grant: place.grant }
      const port = tools === null ? null : (options.mcp?.port ?? null)
      const enclosed = enclosedOf(spec, { place, host, home, port, homeId: records.home, run })
      const enclosure = yield* Effect.mapError(sandbox.enclose(enclosed), (error): Outcome => ({
        _tag: "NotAuthorized",
        reason: error.message
      }))
      const agent = yield* openAgent(enclosure, { run, killAfter }).pipe(
        Effect.catchTags({
          CannotStart: ({ message }) =>
            // the key that names it in the role's file
            Effect.fail<Outcome>({ _tag: "Crashed", exit: null, stderr: message.replaceAll("`run`", "`agent`") }),
          PlatformError: (error) =>
            Effect.fail(workspaceError(`the agent's process record cannot be written: ${error.message}`))
        })
      )
      stderr = agent.stderr
      const session = yield* startSession(agent, {
        command: spec.run,
        cwd,
        session: lastSession,
        mode: spec.mode,
        tools,
        deadlines,
        lacking,
        errorOutcome,
        version: options.version ?? "0"
      })
      return { agent, session, informed: session.continued }
    })

    /** The agent's process with its session, started where there is none. Whatever fails leaves nothing behind. */
    const ready = Effect.suspend(() =>
      live !== null
        ? Effect.succeed(live)
        : Effect.uninterruptibleMask((restore) =>
            Effect.gen(function* () {
              const scope = yield* Scope.make()
              scopes.add(scope)
              const begun = yield* Effect.onExit(restore(Scope.provide(start(), scope)), (exit) =>
                Exit.isSuccess(exit) ? Effect.void : quitScope(scope)
              )
              return (live = { ...begun, scope })
            })
          )
    ).pipe(Effect.provideService(ProcessRecords, records))

    const quit = Effect.suspend(() => {
      const ended = live
      live = null
      return ended === null ? Effect.void : quitScope(ended.scope)
    })

    const turn = Effect.fn("AcpHarness.turn")(
      function* (input: TurnInput) {
        const progress = yield* Queue.sliding<string>(1)
        const seen: { live: Live | null; prompted: Prompted | null } = { live: null, prompted: null }

        const work = Effect.gen(function* (): Effect.fn.Return<Outcome, Outcome> {
          if (place.grant !== null) {
            place.grant.reported = null
            place.grant.denied = []
          }
          const isFirst = live === null
          const current = yield* ready
          seen.live = current
          const { agent, session } = current
          const briefing = yield* input.briefing
          if (session.id !== input.agent.session) yield* input.remember?.(session.id) ?? Effect.void
          const prompted = promptAgent({
            agent,
            session,
            input,
            text: current.informed ? briefing.news : briefing.whole,
            origin: isFirst ? session.origin : null,
            policy: spec.permissions,
            grant: place.grant,
            cancelWithin: deadlines.cancel,
            errorOutcome,
            onProgress: (line) => void Queue.offerUnsafe(progress, line)
          })
          seen.prompted = prompted
          const ended = yield* prompted.run
          if (ended.cut) yield* quit
          return ended.outcome
        }).pipe(Effect.catch((outcome) => Effect.succeed(outcome)))

        // the newest line at a time, so that a talkative agent does not fill the log
        const logged = Effect.forever(
          Effect.flatMap(Queue.take(progress), (line) =>
            Effect.andThen(Effect.logInfo(line), Effect.sleep("5 seconds"))
          )
        )
        const { wallClock } = input.role.limits
        const timedOut = Effect.as(Effect.sleep(wallClock), { _tag: "TimedOut", limit: wallClock } satisfies Outcome)

        const outcome: Outcome = yield* Deferred.isDoneUnsafe(closed)
          ? Effect.succeed(closedOutcome)
          : Effect.raceAllFirst([work, timedOut, Deferred.await(closed), logged])
        if (outcome._tag === "TimedOut" || live?.agent.isLost() === true) yield* quit
        if (seen.live !== null && seen.prompted?.heard() === true) seen.live.informed = true
        // a session that was never told what this is about is of no use to anybody
        const known = seen.live?.informed === true ? seen.live.session.id : null
        lastSession = known ?? lastSession
        return {
          outcome,
          actions: [],
          transcript: seen.prompted?.transcript() ?? "",
          exit: outcome._tag === "Crashed" ? outcome.exit : null,
          stderr: stderr(),
          session: known,
          fingerprint: null,
          usage: seen.prompted?.usage() ?? unmeasured
        } satisfies TurnResult
      },
      (effect, input) => Effect.annotateLogs(effect, { agent: first.id, run, turn: input.turn })
    )

    return { turn }
  })

  return AcpHarness.of({ open })
})
