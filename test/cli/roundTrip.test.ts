import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Ref } from "effect"
import * as DaemonFile from "../../src/app/DaemonFile.ts"
import { acted, fixer, repository, serve } from "../app/ServedSquadron.ts"
import { cli } from "./runCli.ts"

describe("against a daemon", () => {
  it.effect("an issue is created, listed, shown, commented, labelled, closed and opened again", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      const environment = { SQUADRON_URL: url, USER: "ana" }
      assert.include((yield* cli(["issue", "list"], environment)).out, "squadron issue create")

      const created = yield* cli(
        ["issue", "create", "Totals are off", "--label", "bug", "-b", "By a cent"],
        environment
      )
      assert.strictEqual(created.out, "Opened acme/shop#1: Totals are off")
      const list = yield* cli(["issue", "list"], environment)
      assert.match(list.out, /^acme\/shop#1 {2}open {3}Totals are off {2}bug {5}0 {9}just now$/m)

      assert.include((yield* cli(["issue", "comment", "1", "@crew", "fix", "it"], environment)).out, "as ana")
      const shown = yield* cli(["issue", "show", "#1"], environment)
      assert.match(shown.out, /^acme\/shop#1: Totals are off\nopen, opened by ana just now\nlabels: bug\n\nBy a cent\n/)
      assert.match(shown.out, /--- ana, just now\n@crew fix it$/)

      const labelled = yield* cli(["issue", "label", "1", "--add", "urgent", "--remove", "bug"], environment)
      assert.strictEqual(labelled.out, "acme/shop#1 has labels urgent.")
      yield* cli(["issue", "close", "acme/shop#1"], environment)
      assert.strictEqual((yield* Ref.get(state.issues))[0]?.state, "closed")
      assert.include((yield* cli(["issue", "reopen", "1"], environment)).out, "open again")
    })
  )

  it.effect("data come as JSON where asked for, wherever the flag stands", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const status = yield* cli(["status", "--json", "--url", url])
      assert.strictEqual(JSON.parse(status.out).repository, repository)
      const agents = yield* cli(["--url", url, "--json", "agents"])
      assert.deepStrictEqual(JSON.parse(agents.out), [fixer])
    })
  )

  it.effect("the status names what needs a person", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const { out } = yield* cli(["status", "--url", url])
      assert.include(out, `acme/shop at ${url}, up 0s, takes new work`)
      assert.include(out, "Agents   1 asking")
      assert.match(out, /^fixer {2}1 of 4 {3}Fixes bugs$/m)
      assert.include(out, "squadron answer <agent>")
    })
  )

  it.effect("actions that wait or failed are listed with what to do, the newest last", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      const list = (...args: ReadonlyArray<string>) => cli(["actions", "list", ...args, "--url", url])
      assert.include((yield* list()).out, "Nothing waits and nothing has failed.")
      assert.notInclude((yield* cli(["status", "--url", url])).out, "Actions failed")
      yield* Ref.set(state.actions, acted("failed", "done", "queued", "failed"))
      assert.include((yield* cli(["status", "--url", url])).out, "squadron actions retry <action>")
      const { out } = yield* list()
      assert.deepStrictEqual(out.split("\n").slice(0, 4), [
        "ACTION  STATUS  TRIES  SUBJECT      WHAT                AGENT       ERROR",
        "1       failed  1      acme/shop#7  close as completed  fixer-7-e1  The forge refused: no permission",
        "3       queued  0      acme/shop#7  close as completed  fixer-7-e1",
        "4       failed  1      acme/shop#7  close as completed  fixer-7-e1  The forge refused: no permission"
      ])
      assert.include(out, "Queued ones need nobody")
      assert.include(out, "then: squadron actions retry 1 4")
      const newest = JSON.parse((yield* list("--limit", "2", "--json")).out)
      assert.deepStrictEqual(
        newest.map(({ id }: { readonly id: number }) => id),
        [3, 4]
      )
      const finished = (yield* list("--status", "done", "--agent", fixer.id)).out
      assert.match(finished, /^2 {7}done/m)
      assert.notInclude(finished, "retry")
      assert.strictEqual((yield* list("--agent", "nobody")).out, "No actions like that.")
    })
  )

  it.effect("failed actions are retried by number or all of them, and what cannot be is named", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      const retry = (...args: ReadonlyArray<string>) => cli(["actions", "retry", ...args, "--url", url])
      yield* Ref.set(state.actions, acted("failed", "done", "failed", "failed"))
      const some = yield* retry("99", "3", "2")
      assert.strictEqual(some.out, "Action 3 is queued again: close as completed on acme/shop#7")
      assert.deepStrictEqual(some.err.split("\n"), [
        "Action 2 is done; it is not done again. Only failed actions are retried.",
        "There is no action 99. `squadron actions list` lists those that are queued or failed."
      ])
      assert.strictEqual(some.exit, 1)
      const all = yield* retry("--all", "--json")
      assert.deepStrictEqual(
        JSON.parse(all.out).map(({ id, status }: { readonly id: number; readonly status: string }) => [id, status]),
        [
          [1, "queued"],
          [4, "queued"]
        ]
      )
      const none = yield* retry("--all")
      assert.deepStrictEqual([none.out, none.exit], ["No action has failed; there is nothing to retry.", 0])
      assert.strictEqual((yield* retry("--all", "--json")).out, "[]")
      for (const args of [[], ["1", "--all"]]) {
        const unclear = yield* retry(...args)
        assert.deepStrictEqual(
          [unclear.err, unclear.exit],
          ["Say which: the numbers of failed actions, or --all for every one.", 1]
        )
      }
    })
  )

  it.effect("--all finds more failed actions than one page holds", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      yield* Ref.set(state.actions, acted(...Array.from({ length: 201 }, () => "failed" as const)))
      const { out } = yield* cli(["actions", "retry", "--all", "--url", url])
      assert.strictEqual(out.split("\n").length, 201)
      assert.match(out, /^Action 1 is queued again/)
    })
  )

  it.effect("a refusal is one line on standard error and code 1", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const missing = yield* cli(["inbox", "nobody", "--url", url])
      assert.strictEqual(missing.err, "There is no agent nobody. `squadron agents` lists all.")
      assert.strictEqual(missing.exit, 1)
      assert.strictEqual(
        (yield* cli(["explain", "e9", "--url", url])).err,
        "There is no event 9. `squadron events` lists the latest."
      )
      yield* cli(["pause", fixer.id, "--reason", "lunch", "--url", url])
      const refused = yield* cli(["answer", fixer.id, "EUR", "--url", url])
      assert.strictEqual(refused.err, `Agent ${fixer.id} is paused; ready is not possible from there.`)
    })
  )

  it.effect("the token comes from the environment, or from the file that the daemon names", () =>
    Effect.gen(function* () {
      const { url } = yield* serve({ token: "secret" })
      const refused = yield* cli(["status", "--url", url])
      assert.strictEqual(refused.exit, 1)
      assert.include(refused.err, "SQUADRON_TOKEN")
      assert.strictEqual((yield* cli(["status", "--url", url], { SQUADRON_TOKEN: "secret" })).exit, 0)

      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const root = yield* fs.makeTempDirectoryScoped()
      const tokenFile = path.join(root, "token")
      yield* fs.writeFileString(tokenFile, "secret\n")
      const below = path.join(root, "src", "deep")
      yield* fs.makeDirectory(below, { recursive: true })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* DaemonFile.announce(root, { url, pid: 1, tokenFile })
          const mode = (yield* fs.stat(path.join(root, ".squadron-state", "daemon.json"))).mode
          assert.strictEqual(mode & 0o777, 0o600)
          assert.strictEqual((yield* cli(["status", "--dir", below])).exit, 0)
          const elsewhere = yield* cli(["status", "--dir", below, "--url", url])
          assert.include(elsewhere.err, "SQUADRON_TOKEN", "its token goes to no address that it does not name")
        })
      )
      assert.strictEqual((yield* DaemonFile.find(below))._tag, "None")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("publish tells the event's number, and the same key is accepted once", () =>
    Effect.gen(function* () {
      const { state, url } = yield* serve()
      const args = ["publish", "deploy.failed", '{"stage":2}', "--number", "7", "--key", "k", "--url", url]
      assert.include((yield* cli(args)).out, "Event 1 is stored.")
      assert.include((yield* cli(args)).out, "Event 1 has this key already.")
      assert.strictEqual((yield* Ref.get(state.events)).length, 1)
      assert.match(
        (yield* cli(["events", "--url", url])).out,
        /^1 {6}custom deploy\.failed {2}acme\/shop#7 {2}operator/m
      )
      assert.include((yield* cli(["explain", "1", "--url", url])).out, "label bug is not there")
      assert.strictEqual((yield* cli(["publish", "--url", url])).exit, 1)
    })
  )
})
