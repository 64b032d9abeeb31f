import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { assign, prompt } from "./Developer.ts"
import { survivors } from "./processes.ts"
import { stage } from "./Stage.ts"
import { spawnSync } from "node:child_process"

describe("loop", () => {
  for (let i = 0; i < 40; i++) {
    it.live(
      `loop ${i}`,
      () =>
        Effect.gen(function* () {
          const { model, openRun } = yield* assign
          model.write("Say one", [{ status: 400, message: "the heron is no model" }])
          model.write("Say two", [{ say: "Number two." }])
          const run = yield* openRun()
          const refused = yield* run.turn(prompt("Say one"))
          assert.strictEqual(refused.outcome._tag, "Crashed", JSON.stringify(refused.outcome))
          const t = yield* Effect.forkChild(
            Effect.gen(function* () {
              yield* Effect.sleep(12000)
              console.log(
                "HANG",
                i,
                JSON.stringify(
                  model.about("").map(({ body, ...r }) => ({ ...r, n: body.length, two: body.includes("Say two") }))
                )
              )
              const pids = yield* survivors
              for (const p of pids)
                console.log(
                  spawnSync(
                    "sh",
                    [
                      "-c",
                      `tr '\\0' ' ' < /proc/${p}/cmdline | cut -c1-150; echo; cat /proc/${p}/wchan; ls -l /proc/${p}/fd | grep socket`
                    ],
                    { encoding: "utf8" }
                  ).stdout
                )
              console.log(
                spawnSync(
                  "sh",
                  [
                    "-c",
                    `ss -anp | grep -v LISTEN; for p in ${pids.join(" ")}; do echo ns $p; nsenter -t $p -n ss -tanp; done`
                  ],
                  { encoding: "utf8" }
                ).stdout
              )
            })
          )
          const next = yield* run.turn(prompt("Say two"))
          assert.strictEqual(next.outcome._tag, "TurnEnded", next.stderr)
        }).pipe(Effect.provide(stage((process.env["SB"] ?? "required") as "off"))),
      100_000
    )
  }
})
