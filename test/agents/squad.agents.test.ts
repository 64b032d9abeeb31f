import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { hire, toolLines } from "./Developer.ts"
import { survivors } from "./processes.ts"
import { repository, squadron } from "./Stage.ts"
import { agentTest } from "./underTest.ts"

describe("an agent in a squadron", () => {
  agentTest("takes an issue to a pull request, and is gone when that is seen to be there", squadron, () =>
    Effect.gen(function* () {
      const { model, recipe } = yield* hire({ on: [{ event: "issue.opened" }], prompt: "You greet people in writing." })
      const forge = yield* LocalForge
      const store = yield* Store
      const commands = ["printf 'hello\\n' > hello.txt", "git add hello.txt", "git commit -q -m 'Say hello'"]
      model.write("You greet people in writing.", [
        { call: recipe.shell(commands.join(" && ")) },
        { call: recipe.tool("open_pull_request", { title: "Say hello", body: "As was asked." }) },
        { call: recipe.tool("report_done", { summary: "said hello" }) },
        { say: "It is done." }
      ])
      const asked = { title: "Greet", body: "Write hello.txt.", labels: [] }
      yield* forge.open({ repository, author: "ada", ...asked })
      yield* (yield* Squadron).idle

      const [pull, ...others] = yield* forge.pullRequests({ repository, state: "open", limit: 10 })
      assert.deepStrictEqual(others, [])
      assert.strictEqual(pull?.title, "Say hello")
      const [agent] = yield* store.agents({ limit: 10 })
      assert.strictEqual(agent?.status, "done", agent?.note)
      assert.strictEqual(agent?.pullRequest, pull?.number)
      const [run] = yield* store.runs(agent?.id ?? "")
      assert.strictEqual(run?.outcome?._tag, "Completed")
      const lines = yield* toolLines(agent?.id ?? "")
      assert.match(lines.join("; "), /^(?:tool\.called open_pull_request[^;]*; )+tool\.called report_done$/)
      assert.deepStrictEqual(yield* survivors, [])
    })
  )
})
