import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import * as Step from "../../../src/domain/Step.ts"
import { Store } from "../../../src/services/Store.ts"
import { connect, linesOf, pm, send, startRun, withRig } from "./Rig.ts"
import { someIssue } from "./TestForge.ts"

/** In which tables a text stands, whatever column. */
const tablesWith = Effect.fnUntraced(function* (text: string) {
  const sql = yield* SqlClient.SqlClient
  const tables = yield* sql<{ readonly name: string }>`SELECT name FROM sqlite_schema WHERE type = 'table'`
  const found = yield* Effect.filter(tables, ({ name }) =>
    Effect.map(sql`SELECT * FROM ${sql(name)}`, (rows) => JSON.stringify(rows).includes(text))
  )
  return found.map(({ name }) => name)
})

describe("the token of an agent's run", { timeout: 60_000 }, () => {
  it.live(
    "stands in no table of the database, neither while the run lasts nor after it",
    withRig((told) =>
      Effect.gen(function* () {
        someIssue(told, 7, { author: "ann", body: "Say hello" })
        const scope = yield* Scope.make()
        const grant = yield* Scope.provide(startRun(pm), scope)
        const token = Redacted.value(grant.token)
        const client = yield* connect(grant)
        assert.isFalse((yield* client.call("comment", { body: "Hello" })).isError)
        yield* client.call("label", { add: ["bug"], remove: [] })
        yield* client.call("push", {})
        yield* client.call("comment", { body: 5 })
        yield* client.call("no_such_tool", {})
        yield* send({ broken: true }, client.headers)
        yield* client.call("report_done", { summary: "Said hello." })
        assert.isNotEmpty(yield* linesOf(grant.agent.id))
        assert.deepStrictEqual(yield* tablesWith(token), [])
        yield* Scope.close(scope, Exit.void)
        yield* client.call("comment", { body: "too late" })
        assert.deepStrictEqual(yield* tablesWith(token), [])

        // it would be found
        const store = yield* Store
        const line = { kind: "tool.called", at: 0, event: null, agent: null, verdicts: [] } as const
        yield* store.commit(Step.make({ journal: [{ ...line, text: `with ${token}` }] }))
        assert.deepStrictEqual(yield* tablesWith(token), ["journal"])
        assert.includeMembers([...(yield* tablesWith(grant.agent.id))], ["agents", "actions", "journal"])
      })
    )
  )
})
