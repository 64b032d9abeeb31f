import { assert, it, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { recipes } from "./recipes.ts"
import { leaders, setUp, stage, survivors, toolLines } from "./Stage.ts"

const name = process.env["SQUADRON_AGENT"] ?? ""
const program = process.env["SQUADRON_AGENT_PROGRAM"] ?? ""
const aimock = process.env["SQUADRON_AIMOCK"] ?? ""

describe("explore", () => {
  for (const sandbox of ["off", "required"] as const) {
    it.live(sandbox, () =>
      Effect.gen(function* () {
        const s = yield* setUp(recipes[name]!, program, aimock)
        s.model.write("TURN-ONE", [
          { call: s.recipe.shell("pwd; printf 'hello\\n' > hello.txt && git add hello.txt && git commit -q -m 'Say hello'; git status") },
          { call: s.recipe.tool("comment", { text: "I said hello." }) },
          { call: s.recipe.tool("report_done", { summary: "said hello" }) },
          { say: "All done." }
        ])
        const run = yield* s.openRun()
        const r = yield* run.turn("TURN-ONE please", (l) => console.log("listed", l))
        console.log(JSON.stringify(r, null, 1), yield* toolLines)
        for (const a of s.model.all) console.log(a.path, a.status, a.end, a.body.length)
        console.log(s.model.all.at(-1)?.body.slice(-3000))
        console.log(yield* s.workspaces.inspect(run.workspace))
        console.log(leaders(s.stateDir), yield* survivors)
      }).pipe(Effect.provide(stage(sandbox))), 120_000)
  }
})
