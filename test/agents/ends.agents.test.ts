import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { defaultDeadlines } from "../../src/adapters/harness/acp/AcpSession.ts"
import { assertOutcome, assign, prompt } from "./Developer.ts"
import { longStory } from "./Model.ts"
import { leaders, running, survivors } from "./processes.ts"
import { stage } from "./Stage.ts"
import { agentTest } from "./underTest.ts"
import { eventually } from "./waiting.ts"

/** Milliseconds that a run's processes may take to end: they have 5 s after SIGTERM, and SIGKILL has 5 s. */
const endBound = 10_000

/** Interrupts it, and returns the milliseconds until that was done. */
const interruptTimed = Effect.fnUntraced(function* <A, E>(fiber: Fiber.Fiber<A, E>) {
  const since = yield* Clock.currentTimeMillis
  yield* Fiber.interrupt(fiber)
  return (yield* Clock.currentTimeMillis) - since
})

describe("an agent's turn that is cancelled", () => {
  agentTest("ends by itself in time while its model speaks, and its process takes the next turn", stage, () =>
    Effect.gen(function* () {
      const { model, openRun } = yield* assign
      model.write("Say one", [{ say: "Number one." }])
      model.write("Tell a story", [{ say: longStory, slowly: true }])
      model.write("Say three", [{ say: "Number three." }])
      yield* Effect.scoped(
        Effect.gen(function* () {
          const run = yield* openRun()
          const first = yield* run.turn(prompt("Say one"))
          assertOutcome(first, "TurnEnded")
          const before = yield* leaders
          const turn = yield* Effect.forkChild(run.turn(prompt("Tell a story")))
          yield* model.speaking("Tell a story")
          // for an agent that does not end its turn, the harness waits for all of its bound
          assert.isBelow(yield* interruptTimed(turn), defaultDeadlines.cancel - 1000)
          // what it asked besides, such as for a title, was answered
          yield* eventually("the agent to hang up", () => {
            const ends = new Set(model.about("Tell a story").map(({ end }) => end))
            return ends.has("cut") && !ends.has("open")
          })
          assert.deepStrictEqual(yield* leaders, before)

          const third = yield* run.turn(prompt("Say three"))
          assertOutcome(third, "TurnEnded")
          assert.include(third.transcript, "Number three.")
          assert.strictEqual(third.session, first.session)
          assert.deepStrictEqual(yield* leaders, before)
          assert.isNotEmpty(yield* survivors)
        })
      )
      assert.deepStrictEqual(yield* survivors, [])
    })
  )

  agentTest("leaves none of its commands running, not even those that went into the background", stage, () =>
    Effect.gen(function* () {
      const { model, openRun, recipe } = yield* assign
      // numbers that nothing else on this machine sleeps
      const naps = [1, 2].map((n) => `${process.pid}${n}.25`)
      const [short = "", long = ""] = naps
      const command = `(setsid sleep ${short} &) ; touch .git/started ; sleep ${long}`
      model.write("Wait for it", [{ call: recipe.shell(command) }, { say: longStory, slowly: true }])
      let folder = ""
      const work = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const run = yield* openRun()
            folder = run.workspace.path
            return yield* run.turn(prompt("Wait for it"))
          })
        )
      )
      const sleepers = () => naps.flatMap(running)
      yield* eventually(
        "two sleeping commands",
        () => folder !== "" && existsSync(join(folder, ".git", "started")) && sleepers().length >= 2,
        () => `${sleepers().length} sleep`
      )
      assert.isBelow(yield* interruptTimed(work), defaultDeadlines.cancel + endBound)
      assert.deepStrictEqual(sleepers(), [])
      assert.deepStrictEqual(yield* survivors, [])
      assert.deepStrictEqual(yield* leaders, [])
    })
  )
})

describe("an agent that is killed in the midst of a turn", () => {
  agentTest(
    "crashes, and a new run goes on with its session, the history and the news",
    stage,
    () =>
      Effect.gen(function* () {
        const { model, openRun } = yield* assign
        model.write("Remember the heron", [{ say: "The heron is remembered." }])
        model.write("Tell a story", [{ say: longStory, slowly: true }])
        model.write("Which bird", [{ say: "A heron." }])
        const session = yield* Effect.scoped(
          Effect.gen(function* () {
            const run = yield* openRun()
            const first = yield* run.turn(prompt("Remember the heron"))
            assertOutcome(first, "TurnEnded")
            assert.isNotNull(first.session)
            const turn = yield* Effect.forkChild(run.turn(prompt("Tell a story")))
            yield* model.speaking("Tell a story")
            const pids = yield* leaders
            assert.strictEqual(pids.length, 1)
            // the group: some agents' first process only starts the one that works
            for (const pid of pids) process.kill(-pid, "SIGKILL")
            const killed = yield* Fiber.join(turn)
            assertOutcome(killed, "Crashed")
            assert.include(killed.outcome._tag === "Crashed" ? killed.outcome.stderr : "", "SIGKILL")
            assert.strictEqual(killed.session, first.session)
            return killed.session
          })
        )
        assert.deepStrictEqual(yield* survivors, [])

        const run = yield* openRun(session)
        const next = yield* run.turn({ whole: "All of it anew. Which bird?", news: "Which bird?" })
        assertOutcome(next, "TurnEnded")
        assert.match(
          next.transcript,
          new RegExp(`^\\[session ${session} (?:resumed|loaded, [1-9]\\d* messages replayed)\\]`)
        )
        assert.include(next.transcript, "A heron.")
        assert.strictEqual(next.session, session)
        // what it asks besides, such as for a title, has no history
        const known = ["Remember the heron", "The heron is remembered.", "Tell a story"]
        const asked = model.about("Which bird?").map(({ body }) => body)
        assert.isTrue(
          asked.some((body) => known.every((text) => body.includes(text))),
          asked.join("\n")
        )
        assert.isFalse(asked.some((body) => body.includes("All of it anew")))
      }),
    "resume"
  )
})

describe("an agent whose model refuses the request", () => {
  agentTest(
    "has no success to tell of, and the next run is none the worse for it",
    stage,
    () =>
      Effect.gen(function* () {
        const { model, openRun } = yield* assign
        model.write("Say one", [{ status: 400, message: "the heron is no model" }])
        model.write("Say two", [{ say: "Number two." }])
        const refused = yield* Effect.scoped(Effect.flatMap(openRun(), (run) => run.turn(prompt("Say one"))))
        const statuses = model.about("Say one").map(({ status }) => status)
        assert.include(statuses, 400, JSON.stringify(refused))
        assertOutcome(refused, "Crashed")
        // as the pool does: a crash ends the run
        const run = yield* openRun(refused.session)
        const next = yield* run.turn(prompt("Say two"))
        assertOutcome(next, "TurnEnded")
        assert.include(next.transcript, "Number two.", JSON.stringify(next))
      }),
    "tell of refusals"
  )
})
