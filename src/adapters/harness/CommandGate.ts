import { Deferred, Duration, Effect, Layer } from "effect"
import type { Gate as Result } from "../../domain/evidence.ts"
import type { Role } from "../../domain/Role.ts"
import { Gate } from "../../services/Gate.ts"
import { Sandbox } from "../../services/Sandbox.ts"
import type { Workspace } from "../../services/Workspaces.ts"
import { homeVariable, ProcessRecords, runVariable } from "./ProcessRecords.ts"
import { endFamily, realSleep } from "./ProcessTree.ts"
import { startProgram } from "./Program.ts"

export type CommandGateOptions = {
  /** The daemon's environment; only PATH and the locale of it are passed on. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>
}

/** Bytes of output that are kept, the newest. */
const kept = 64 * 1024
const passedOn = ["PATH", "LANG", "LC_ALL", "TZ"]

/** Gates as programs, shut in like the agents whose work they look at; a role's `wallClock` is theirs too. */
export const layer = (options: CommandGateOptions): Layer.Layer<Gate, never, ProcessRecords | Sandbox> =>
  Layer.effect(
    Gate,
    Effect.gen(function* () {
      const records = yield* ProcessRecords
      const sandbox = yield* Sandbox
      const inherited = Object.fromEntries(
        passedOn.flatMap((name) => {
          const value = options.hostEnv[name]
          return value === undefined ? [] : [[name, value]]
        })
      )

      const runGate = Effect.fnUntraced(function* (
        command: readonly [string, ...ReadonlyArray<string>],
        role: Role,
        workspace: Workspace,
        agentRun: string,
        commit: string
      ) {
        // a mark of its own: what ends the gate's processes must not end the agent's
        const run = `${agentRun}/gate`
        const chunks: Array<Buffer> = []
        let size = 0
        const keep = (bytes: Buffer) => {
          chunks.push(bytes)
          size += bytes.length
          while (size - (chunks[0]?.length ?? 0) > kept) size -= chunks.shift()?.length ?? 0
        }
        const printed = () => Buffer.concat(chunks).subarray(-kept).toString("utf8")
        const failed = (why: string): Result => ({ commit, passed: false, output: `${printed()}\n${why}`.trim() })
        const enclosure = yield* sandbox.enclose({
          run: command,
          cwd: workspace.path,
          env: { ...inherited, HOME: workspace.home, CI: "true", [homeVariable]: records.home, [runVariable]: run },
          writable: [workspace.path, workspace.home],
          readable: [workspace.mirror],
          home: workspace.home,
          ports: [],
          hosts: []
        })
        const program = yield* Effect.acquireRelease(
          startProgram({ ...enclosure, onOutput: keep }),
          ({ leader, release }) =>
            endFamily(
              {
                leaders: [leader],
                marks: new Map([
                  [homeVariable, records.home],
                  [runVariable, run]
                ]),
                since: leader.order
              },
              Duration.seconds(5)
            ).pipe(Effect.andThen(Effect.sync(release)), Effect.andThen(records.forget(leader.pid)))
        )
        yield* records.record({ pid: program.leader.pid, startTime: program.leader.startTime, run })
        yield* Effect.sync(() => program.input(""))
        return yield* Effect.raceFirst(
          Deferred.await(program.exited).pipe(
            Effect.tap(() => Effect.raceFirst(Deferred.await(program.drained), realSleep("1 second"))),
            Effect.map(({ code, signal }): Result =>
              code === 0
                ? { commit, passed: true, output: printed() }
                : failed(code === null ? `ended by ${signal ?? "a signal"}` : `exit code ${code}`)
            )
          ),
          Effect.map(Effect.sleep(role.limits.wallClock), () =>
            failed(`still running after ${role.limits.wallClock} ms`)
          )
        )
      }, Effect.scoped)

      return Gate.of({
        run: Effect.fn("Gate.run")((role, workspace, run, commit) =>
          role.gate === null
            ? Effect.succeed<Result>({ commit, passed: true, output: "" })
            : Effect.catch(runGate(role.gate, role, workspace, run, commit), (error) =>
                Effect.succeed<Result>({ commit, passed: false, output: error.message })
              )
        )
      })
    })
  )
