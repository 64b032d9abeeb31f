import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { fixer, routed, serve } from "../app/ServedSquadron.ts"
import { cli } from "./runCli.ts"

const head = "0123456789abcdef".repeat(4)
const whole = { lines: 1234, head, broken: null, noted: null }

describe("squadron journal list", () => {
  it.effect("shows the newest line last, and all of it as JSON", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      yield* Ref.set(state.written, [{ ...routed, id: 2, kind: "run.ended", agent: fixer.id, text: "done" }, routed])
      const { out } = yield* cli(["journal", "list", "--url", url])
      assert.deepStrictEqual(out.split("\n"), [
        "LINE  AGE       KIND          AGENT       TEXT",
        "1     just now  event.routed              routed to fixer",
        "2     just now  run.ended     fixer-7-e1  done"
      ])
      const json = yield* cli(["journal", "list", "--json", "--url", url])
      assert.deepStrictEqual(
        JSON.parse(json.out).map(({ id }: { readonly id: number }) => id),
        [1, 2]
      )
    })
  )

  it.effect("says where there is nothing", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      yield* Ref.set(state.written, [])
      assert.match((yield* cli(["journal", "list", "--url", url])).out, /^No lines yet\. /)
      assert.strictEqual((yield* cli(["journal", "list", "--agent", "a", "--url", url])).out, "No lines like that.")
      assert.strictEqual((yield* cli(["journal", "list", "--json", "--url", url])).out, "[]")
    })
  )
})

describe("squadron journal verify", () => {
  it.effect("tells how many lines are whole, and the head", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      const empty = yield* cli(["journal", "verify", "--url", url])
      assert.deepStrictEqual(empty, { out: "The journal has no lines yet.", err: "", exit: 0 })
      yield* Ref.set(state.verdict, whole)
      const text = yield* cli(["journal", "verify", "--url", url])
      assert.deepStrictEqual(text, {
        out: `The journal is whole: 1,234 lines, each as it was written.\nHead: ${head}`,
        err: "",
        exit: 0
      })
      const json = yield* cli(["journal", "verify", "--json", "--url", url])
      assert.deepStrictEqual(JSON.parse(json.out), { whole: true, ...whole })
      assert.deepStrictEqual(yield* Ref.get(state.heads), [null, null, null])
    })
  )

  it.effect("ends with 1 where it is broken, and says where and since when", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      const broken = { from: 4, to: 6, since: 0, until: 60_000, problem: "differs" } as const
      yield* Ref.set(state.verdict, { ...whole, lines: 3, broken })
      const { err, exit, out } = yield* cli(["journal", "verify", "--url", url])
      assert.strictEqual(exit, 1)
      assert.strictEqual(
        err,
        "The journal is broken. What lies in lines 4 to 6 (1970-01-01T00:00:00.000Z to 1970-01-01T00:01:00.000Z) is not what was written: a line or a seal was changed, removed or added."
      )
      assert.strictEqual(out, `3 lines before it are as they were written.\nHead: ${head}`)
      const json = yield* cli(["journal", "verify", "--json", "--url", url])
      assert.deepInclude(JSON.parse(json.out), { whole: false, broken })
      assert.strictEqual(json.exit, 1)
      yield* Ref.set(state.verdict, {
        ...whole,
        broken: { ...broken, from: 6, since: null, until: null, problem: "unsealed" }
      })
      assert.include((yield* cli(["journal", "verify", "--url", url])).err, "in line 6 (nothing is left there) has no")
    })
  )

  it.effect("ends with 1 where a head from before is no seal of it", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      yield* Ref.set(state.verdict, { ...whole, noted: 1200 })
      const args = ["journal", "verify", "--head", head, "--url", url]
      const found = yield* cli(args)
      assert.deepStrictEqual([found.exit, found.err], [0, ""])
      assert.include(found.out, "The head that you give closes line 1200.")
      assert.deepStrictEqual(yield* Ref.get(state.heads), [head])
      yield* Ref.set(state.verdict, whole)
      const strange = yield* cli(args)
      assert.strictEqual(strange.exit, 1)
      assert.include(strange.err, "is no seal of this journal")
      assert.strictEqual(JSON.parse((yield* cli([...args, "--json"])).out).whole, false)
      yield* Ref.set(state.verdict, { lines: 0, head: null, broken: null, noted: null })
      assert.include((yield* cli(args)).err, "The journal is empty")
    })
  )

  it.effect("is told what a head looks like, on the command line and over HTTP", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      const { err, exit } = yield* cli(["journal", "verify", "--head", "abc", "--url", url])
      assert.strictEqual(exit, 1)
      assert.include(err, "64 hexadecimal digits")
      const response = yield* Effect.promise((signal) => fetch(`${url}/api/v1/journal/verify?head=abc`, { signal }))
      assert.strictEqual(response.status, 400)
      assert.include(yield* Effect.promise(() => response.text()), '"field":"query.head"')
      assert.deepStrictEqual(yield* Ref.get(state.heads), [])
    })
  )
})
