import type { RequestPermissionOutcome } from "@agentclientprotocol/sdk"
import { Deferred, type Duration, Effect, type PlatformError, type Scope } from "effect"
import type { Outcome } from "../../../domain/Outcome.ts"
import type { Enclosure } from "../../../services/Sandbox.ts"
import { homeVariable, ProcessRecords, runVariable } from "../ProcessRecords.ts"
import { endFamily, realSleep } from "../ProcessTree.ts"
import type { CannotStart } from "../Program.ts"
import { type AgentProcess, startAgentProcess } from "./AgentProcess.ts"
import { type Json, objectOf, textOf } from "./json.ts"
import { makeTail } from "./Tail.ts"
import { type Answer, makeWire, type RpcFailed, type Wire } from "./Wire.ts"

/** Bytes of stderr that are kept: the newest. */
const stderrBytes = 16 * 1024

/** How long the last words of a process that has ended are awaited: a grandchild may hold the pipe for ever. */
const drainBound = "1 second"

/** How long a process that has closed its output may take to end. */
const endBound = "2 seconds"

/** Who listens to an agent; another one in each turn. */
export type Listener = {
  readonly update: (session: string, update: Json) => void
  readonly permission: (params: unknown) => RequestPermissionOutcome
  readonly ignored: (what: string) => void
}

/** Listens to nothing and permits nothing. */
export const nobody: Listener = {
  update: () => {},
  permission: () => ({ outcome: "cancelled" }),
  ignored: () => {}
}

/** An agent's process with the connection to it. */
export type OpenAgent = {
  readonly wire: Pick<Wire, "ask" | "notify">
  listener: Listener
  /** Called for each piece of its standard output. */
  onHeard: (bytes: number) => void
  /** Ends it for what it did; a sentence about the agent. */
  readonly violate: (sentence: string) => void
  /** Completes when the agent cannot be talked to any more, with the outcome that this is for a turn. */
  readonly lost: Effect.Effect<Outcome>
  /** An answer, or the outcome for which there will be none. */
  readonly answer: (answer: Answer) => Effect.Effect<unknown, RpcFailed | Outcome>
  /** Whether it is gone. */
  readonly isLost: () => boolean
  readonly stderr: () => string
}

/** Two lines or one, whichever is there. */
const lines = (...texts: ReadonlyArray<string>): string => texts.filter((text) => text !== "").join("\n")

/**
 * Starts an agent. Closing the scope ends all of it: the leader's group, who left it, and their descendants, by SIGTERM
 * and `killAfter` later by SIGKILL.
 */
export const openAgent = Effect.fnUntraced(function* (
  enclosure: Enclosure,
  options: { readonly run: string; readonly killAfter: Duration.Input }
): Effect.fn.Return<OpenAgent, CannotStart | PlatformError.PlatformError, Scope.Scope | ProcessRecords> {
  const records = yield* ProcessRecords
  const violated = Deferred.makeUnsafe<string>()
  const outputEnded = Deferred.makeUnsafe<void>()
  const stderr = makeTail(stderrBytes)
  const violate = (sentence: string): void => void Deferred.doneUnsafe(violated, Effect.succeed(sentence))

  // before the process, whose first word may come at any moment
  let started: AgentProcess | undefined
  const wire = makeWire({
    send: (bytes) => started?.send(bytes) ?? 0,
    onRoom: () => started?.resume(),
    onUpdate: (params) => {
      const { sessionId, update } = objectOf(params)
      heard.listener.update(textOf(sessionId), objectOf(update))
    },
    onPermission: (params) => heard.listener.permission(params),
    onIgnored: (what) => heard.listener.ignored(what),
    onClosed: () => void Deferred.doneUnsafe(outputEnded, Effect.void),
    onViolation: violate
  })
  const heard: Pick<OpenAgent, "listener" | "onHeard"> = { listener: nobody, onHeard: () => {} }

  const start = startAgentProcess({
    ...enclosure,
    onOutput: (bytes, source) => {
      if (source === "stderr") return stderr.add(bytes)
      heard.onHeard(bytes.length)
      if (!wire.push(bytes)) started?.pause()
    },
    onEnd: wire.end
  })
  const acquired = Effect.acquireRelease(
    Effect.tap(start, (process) => Effect.sync(() => (started = process))),
    ({ leader, release }) =>
      Effect.gen(function* () {
        wire.close()
        // nobody listens any more: it fails or blocks on its next word
        if (Deferred.isDoneUnsafe(violated)) release()
        const marks = new Map([
          [homeVariable, records.home],
          [runVariable, options.run]
        ])
        yield* endFamily({ leaders: [leader], marks, since: leader.order }, options.killAfter)
        release()
        yield* records.forget(leader.pid)
      })
  )
  // A scope that is closed during the start is closed when what was started has ended.
  const settled = Deferred.makeUnsafe<void>()
  let starting = false
  const process = yield* Effect.uninterruptible(
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => (starting ? Deferred.await(settled) : Effect.void))
      starting = true
      return yield* Effect.ensuring(acquired, Deferred.succeed(settled, undefined))
    })
  )
  yield* records.record({ pid: process.leader.pid, startTime: process.leader.startTime, run: options.run })

  const crashed = Effect.gen(function* () {
    const exit = yield* Deferred.await(process.exited)
    yield* Effect.raceFirst(Deferred.await(process.drained), realSleep(drainBound))
    const killed = exit.code === null ? `killed by ${exit.signal ?? "a signal"}` : ""
    const told = lines(killed, stderr.text().trimEnd()) || "it ended in the midst of a turn, without a word on stderr"
    return { _tag: "Crashed", exit: exit.code, stderr: told } satisfies Outcome
  })
  const lost: Effect.Effect<Outcome> = Effect.raceAllFirst([
    Effect.map(Deferred.await(violated), (sentence): Outcome => ({
      _tag: "ProtocolError",
      message: `the agent ${sentence}`
    })),
    crashed,
    Effect.andThen(
      Deferred.await(outputEnded),
      Effect.as(realSleep(endBound), {
        _tag: "ProtocolError",
        message: lines("the agent closed its standard output and runs on", stderr.text().trimEnd())
      } satisfies Outcome)
    )
  ])

  return Object.assign(heard, {
    wire,
    violate,
    lost,
    // an answer that came before the end counts; one that fails because of the end has the end as its reason
    answer: (answer: Answer) =>
      Effect.raceFirst(
        Effect.catchTag(Deferred.await(answer), "WireClosed", () => Effect.never),
        Effect.flatMap(lost, (outcome) => Effect.fail(outcome))
      ),
    isLost: () =>
      Deferred.isDoneUnsafe(process.exited) || Deferred.isDoneUnsafe(outputEnded) || Deferred.isDoneUnsafe(violated),
    stderr: () => stderr.text().trimEnd()
  })
})
