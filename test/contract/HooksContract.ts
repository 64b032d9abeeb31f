import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, type Layer } from "effect"
import { ProcessRecords } from "../../src/adapters/harness/ProcessRecords.ts"
import { processTable } from "../../src/adapters/harness/ProcessTable.ts"
import type { Hooks } from "../../src/adapters/workspace/hooks.ts"
import type { Sandbox } from "../../src/services/Sandbox.ts"
import { Workspaces } from "../../src/services/Workspaces.ts"
import { agent, daemon, git, Place, request, type RigOptions, test, text } from "../adapters/workspace/Rig.ts"

type Command = readonly [string, ...ReadonlyArray<string>]

const shell = (script: string, ...args: ReadonlyArray<string>): Command => ["sh", "-c", script, ...args]

/** Opens the agent's workspace and closes it. */
const visit = Effect.scoped(Workspaces.use((workspaces) => workspaces.open(request)))

/** Waits for a file that a hook makes. */
const made = Effect.fnUntraced(function* (file: string) {
  while (!existsSync(file)) yield* Effect.sleep(5)
})

/** What runs now of this state folder. */
const assertNoneRuns = Effect.map(ProcessRecords, ({ home }) =>
  assert.deepStrictEqual(
    processTable
      .list()
      .filter(({ alive, pid }) => alive && processTable.environment(pid)?.get("SQUADRON_HOME_ID") === home)
      .map(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, "utf8")),
    []
  )
)

/** What hooks promise, whatever shuts them in. */
export const suite = (
  name: string,
  sandbox: (stateDir: string) => Layer.Layer<Sandbox>,
  options: { readonly skip?: boolean } = {}
) => {
  const withHooks = (hooks: Hooks, further: RigOptions = {}) => Effect.provide(daemon({ hooks, sandbox, ...further }))

  describe.skipIf(options.skip === true)(`hooks, ${name}`, () => {
    test(
      "run in the clone at their moments, with little of the daemon's environment",
      Effect.gen(function* () {
        const { stateDir } = yield* Place
        const script = 'echo "$0 $SQUADRON_AGENT $(basename $PWD) $(basename $HOME) ${SECRET-none}" >> log'
        const hooks = {
          afterCreate: shell(script, "afterCreate"),
          beforeRun: shell(script, "beforeRun"),
          afterRun: shell(script, "afterRun"),
          beforeRemove: shell(script, "beforeRemove")
        }
        yield* Effect.gen(function* () {
          yield* visit
          yield* visit
          assert.isTrue(yield* Workspaces.use((workspaces) => workspaces.remove(agent)))
        }).pipe(withHooks(hooks, { env: { PATH: process.env["PATH"], SECRET: "told" } }))
        const names = ["afterCreate", "beforeRun", "afterRun", "beforeRun", "afterRun", "beforeRemove"]
        const mirror = join(stateDir, "mirrors/acme/shop.git")
        const saved = git(
          mirror,
          "for-each-ref",
          "--sort=-version:refname",
          "--format=%(refname)",
          "refs/squadron/saved"
        )
        assert.deepStrictEqual(
          git(mirror, "show", `${saved.split("\n")[0]}:log`).split("\n"),
          names.map((name) => `${name} ${agent} clone home none`)
        )
      })
    )

    test(
      "write to the clone and to the agent's HOME, and use git in the clone",
      Effect.gen(function* () {
        const script = `set -e; echo a > made; echo b > "$HOME/made"; git add made; git commit -qm made; git log --format=%s > seen`
        const { home, path } = yield* visit.pipe(withHooks({ afterCreate: shell(script) }))
        assert.deepStrictEqual([text(path, "made"), text(home, "made")], ["a\n", "b\n"])
        assert.strictEqual(text(path, "seen"), "made\nfirst\n")
      })
    )

    test(
      "that fail keep the workspace from being opened, and the end of what they print is told",
      Effect.gen(function* () {
        const { stateDir } = yield* Place
        const failing = shell("echo begin; head -c 5000 /dev/zero | tr '\\0' .; echo no network; exit 3")
        const create = yield* Effect.flip(visit).pipe(withHooks({ afterCreate: failing }))
        assert.deepInclude(create, { _tag: "WorkspaceFailed", step: "hook afterCreate", retryable: true })
        assert.match(create.message, /it ended with 3: \.+no network\. Correct `hooks\.afterCreate` \(/)
        assert.notInclude(create.message, "begin\n")
        assert.isFalse(existsSync(`${stateDir}/workspaces/${agent}`), "a fresh clone goes with it")
        const run = yield* Effect.flip(visit).pipe(withHooks({ beforeRun: failing }))
        assert.strictEqual(run.step, "hook beforeRun")
        assert.isTrue(existsSync(`${stateDir}/workspaces/${agent}/clone`))
        const workspace = yield* visit.pipe(withHooks({ afterRun: failing, beforeRemove: ["/nonexistent"] }))
        assert.isFalse(workspace.fresh)
        const missing = yield* Effect.flip(visit).pipe(withHooks({ beforeRun: ["/nonexistent"] }))
        assert.isFalse(missing.retryable)
        assert.match(missing.message, /annot start `\/nonexistent`.*Correct `hooks\.beforeRun` \(`\/nonexistent`\)/)
        assert.isTrue(
          yield* Workspaces.use((workspaces) => workspaces.remove(agent)).pipe(withHooks({ beforeRemove: failing }))
        )
      })
    )

    test(
      "that take too long are ended with all that they started",
      Effect.gen(function* () {
        const { stateDir } = yield* Place
        const script = `trap '' TERM; (trap '' TERM; echo one >> begun; exec sleep 600) & setsid sh -c 'echo two >> begun; exec sleep 600' & wait`
        yield* Effect.gen(function* () {
          const failure = yield* Effect.flip(visit)
          assert.include(failure.message, "it was not done after 2000 ms")
          assert.deepStrictEqual(text(stateDir, `workspaces/${agent}/clone/begun`).trimEnd().split("\n").toSorted(), [
            "one",
            "two"
          ])
          yield* assertNoneRuns
        }).pipe(withHooks({ beforeRun: shell(script) }, { hookTimeout: 2000 }))
      })
    )

    test(
      "leave nothing running when they are done",
      Effect.gen(function* () {
        yield* Effect.gen(function* () {
          const { path } = yield* visit
          assert.strictEqual(text(path, "begun"), "yes\n")
          yield* assertNoneRuns
        }).pipe(
          withHooks({
            beforeRun: shell(
              "setsid sh -c 'echo yes > begun; exec sleep 600' > /dev/null 2>&1 & while [ ! -s begun ]; do sleep 0.01; done"
            )
          })
        )
      })
    )

    test(
      "end where the run is interrupted, and a fresh clone goes with its first one",
      Effect.gen(function* () {
        const { stateDir } = yield* Place
        yield* Effect.gen(function* () {
          const opening = yield* Effect.forkScoped(visit)
          yield* made(join(stateDir, "workspaces", agent, "clone/begun"))
          yield* Fiber.interrupt(opening)
          yield* assertNoneRuns
          assert.isFalse(existsSync(join(stateDir, "workspaces", agent)))
        }).pipe(Effect.scoped, withHooks({ afterCreate: shell("sleep 600 & touch begun; wait") }))
      })
    )

    test(
      "are on record while they run, so that the next daemon finds what a killed one left",
      Effect.gen(function* () {
        const { stateDir } = yield* Place
        const records = join(stateDir, "processes")
        const clone = join(stateDir, "workspaces", agent, "clone")
        yield* Effect.gen(function* () {
          const opening = yield* Effect.forkScoped(visit)
          yield* made(join(clone, "begun"))
          // it may have begun before its record is written; until then its environment tells whose it is
          while (!readdirSync(records).some((name) => text(records, name) !== "")) yield* Effect.sleep(5)
          const [file = "none", ...others] = readdirSync(records)
          assert.deepStrictEqual(others, [])
          const { pid, run, startTime } = JSON.parse(text(records, file))
          assert.strictEqual(run, `${agent}/beforeRun`)
          assert.strictEqual(processTable.find(pid)?.startTime, startTime)
          writeFileSync(join(clone, "go"), "")
          yield* Fiber.join(opening)
          assert.deepStrictEqual(readdirSync(records), [])
        }).pipe(Effect.scoped, withHooks({ beforeRun: shell("touch begun; while [ ! -e go ]; do sleep 0.01; done") }))
      })
    )
  })
}
