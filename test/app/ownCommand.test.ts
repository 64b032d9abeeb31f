import { NodePath } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { ownCommand } from "../../src/app/ownCommand.ts"

const usual = "http://127.0.0.1:7700"
const cases: ReadonlyArray<readonly [title: string, Parameters<typeof ownCommand>[0], command: string]> = [
  [
    "in a clone it goes through npx",
    { home: "/clone", cwd: "/clone", root: "/clone/examples/first-squad", url: usual },
    "npx squadron"
  ],
  [
    "it names the folder where the address is not the usual one",
    { home: "/clone", cwd: "/clone", root: "/clone/examples/first-squad", url: "http://127.0.0.1:8080" },
    "npx squadron --dir examples/first-squad"
  ],
  [
    "in the squadron's own folder it needs no more",
    { home: "/shop/node_modules/squadron", cwd: "/shop/src", root: "/shop", url: "http://127.0.0.1:8080" },
    "npx squadron"
  ],
  [
    "outside of the clone it is called by its path",
    { home: "/my clone", cwd: "/shop", root: "/shop", url: usual },
    "node '/my clone/scripts/squadron.cjs'"
  ],
  [
    "installed for all it goes by its name",
    { home: "/usr/lib/node_modules/squadron", cwd: "/shop", root: "/it's", url: "http://127.0.0.1:8080" },
    "squadron --dir '../it'\\''s'"
  ]
]

for (const [title, options, command] of cases) {
  it.effect(title, () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* ownCommand(options), command)
    }).pipe(Effect.provide(NodePath.layer))
  )
}
