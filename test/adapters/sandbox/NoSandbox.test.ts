import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import * as NoSandbox from "../../../src/adapters/sandbox/NoSandbox.ts"
import { Sandbox } from "../../../src/services/Sandbox.ts"
import { suite } from "../../contract/SandboxContract.ts"
import { live, makeFolders, programOf } from "./Enclosures.ts"

suite("no sandbox", () => NoSandbox.layer)

describe("no sandbox", () => {
  live("gives command, folder and environment as they are", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      assert.strictEqual(sandbox.kind, "none")
      const program = programOf(yield* makeFolders, { run: ["tool", "a b"], env: { A: "1" }, hosts: ["example.com"] })
      const { cwd, env, run } = program
      assert.deepStrictEqual(yield* sandbox.enclose(program), { run, cwd, env })
    }).pipe(Effect.provide(NoSandbox.layer))
  )
})
