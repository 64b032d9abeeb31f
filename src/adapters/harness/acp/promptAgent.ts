import * as acp from "@agentclientprotocol/sdk"
import { Clock, Deferred, Effect } from "effect"
import type { Outcome } from "../../../domain/Outcome.ts"
import { unmeasured, type Usage } from "../../../domain/Usage.ts"
import type { Grant } from "../../../services/Capabilities.ts"
import type { TurnInput } from "../../../services/Harness.ts"
import type { AcpSession } from "./AcpSession.ts"
import { objectOf } from "./json.ts"
import { nobody, type OpenAgent } from "./OpenAgent.ts"
import { outcomeOfAnswer } from "./outcomes.ts"
import { allowedByPerson, makePermissions } from "./permissions.ts"
import type { AcpSpec } from "./surroundings.ts"
import { makeTurnTranscript } from "./TurnTranscript.ts"
import type { Answer, RpcFailed } from "./Wire.ts"

/** How many bytes an agent may send for each byte that a person may read of it: the rest is JSON and file contents. */
const overhead = 64

/** A turn that is about to be prompted. */
export type Prompted = {
  /** Runs it to its end. `cut`: Squadron ended it, so that the agent must not go on. Interrupting it cancels the turn. */
  readonly run: Effect.Effect<{ readonly outcome: Outcome; readonly cut: boolean }>
  readonly transcript: () => string
  readonly usage: () => Usage
  /** Whether the agent took the prompt: it answered or began to work. */
  readonly heard: () => boolean
}

/** Makes one turn of a session. The listener of the agent is the turn's as long as it runs. */
export const promptAgent = (options: {
  readonly agent: OpenAgent
  readonly session: AcpSession
  readonly input: TurnInput
  readonly text: string
  /** How the session came to be, where this is its first turn; else null. */
  readonly origin: string | null
  readonly policy: AcpSpec["permissions"]
  readonly grant: Grant | null
  /** Milliseconds. */
  readonly cancelWithin: number
  readonly errorOutcome: (error: RpcFailed, signIn: string) => Effect.Effect<Outcome>
  readonly onProgress: (line: string) => void
}): Prompted => {
  const { agent, grant, input, session } = options
  const { output, stall } = input.role.limits
  const transcript = makeTurnTranscript({
    limit: output,
    onProgress: options.onProgress,
    onViolation: agent.violate
  })
  const permissions = makePermissions({
    policy: options.policy,
    allowed: allowedByPerson(input.messages),
    onFlood: agent.violate
  })
  const ignored = new Map<string, number>()
  let heard = false
  let answered: unknown = null
  let usage = unmeasured

  /** Asks the agent to end the turn, and gives it a while to say that it has. */
  const cancel = (answer: Answer): Effect.Effect<void> =>
    Effect.suspend(() => {
      permissions.cancel()
      agent.wire.notify(acp.methods.agent.session.cancel, { sessionId: session.id })
      return Effect.raceAllFirst([
        Effect.exit(Deferred.await(answer)),
        agent.lost,
        Effect.sleep(options.cancelWithin)
      ]).pipe(Effect.asVoid)
    })

  const run = Effect.gen(function* () {
    const clock = yield* Clock.Clock
    let heardAt = clock.currentTimeMillisUnsafe()
    let received = 0
    session.usage.begin()
    if (options.origin !== null) transcript.note(options.origin)
    agent.onHeard = (bytes) => {
      heardAt = clock.currentTimeMillisUnsafe()
      received += bytes
      if (received > overhead * output) agent.violate(`sent more than ${overhead * output} bytes in one turn`)
    }
    agent.listener = {
      update: (of, update) => {
        if (of !== session.id) return
        heard = true
        if (update["sessionUpdate"] === "usage_update") session.usage.update(update)
        permissions.update(update)
        transcript.update(update)
      },
      permission: permissions.answer,
      ignored: (what) => {
        if (ignored.size < 50 || ignored.has(what)) ignored.set(what, (ignored.get(what) ?? 0) + 1)
      }
    }

    const silent = Effect.gen(function* () {
      for (;;) {
        const left = heardAt + stall - clock.currentTimeMillisUnsafe()
        if (left <= 0) return { _tag: "Stalled", silentFor: stall } satisfies Outcome
        yield* Effect.sleep(left)
      }
    })
    const answer = agent.wire.ask(acp.methods.agent.session.prompt, {
      sessionId: session.id,
      prompt: [{ type: "text", text: options.text }]
    })
    const finished = agent.answer(answer).pipe(
      Effect.map((value) => {
        answered = value
        // a prompt that was refused is not part of the conversation
        heard = objectOf(value)["stopReason"] !== "refusal"
        return outcomeOfAnswer(value, {
          reported: grant?.reported ?? null,
          denied: grant?.denied ?? [],
          question: permissions.question
        })
      }),
      Effect.catchTag("RpcFailed", (error) => options.errorOutcome(error, session.signIn)),
      Effect.catch((outcome) => Effect.succeed(outcome))
    )
    const outcome = yield* Effect.onInterrupt(Effect.raceFirst(finished, silent), () => cancel(answer))
    const cut = outcome._tag === "Stalled"
    if (cut) yield* cancel(answer)
    return { outcome, cut }
  }).pipe(
    Effect.ensuring(
      Effect.suspend(() => {
        agent.listener = nobody
        agent.onHeard = () => {}
        usage = session.usage.end(answered)
        const told = [...ignored].map(([what, count]) => `${what} (${count})`)
        return told.length === 0 ? Effect.void : Effect.logDebug(`Ignored of the agent: ${told.join(", ")}`)
      })
    )
  )

  return { run, transcript: () => transcript.text, usage: () => usage, heard: () => heard }
}
