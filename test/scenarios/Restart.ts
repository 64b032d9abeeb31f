/** Squadrons on a file, that are stopped, killed and started again. */
import { NodeServices } from "@effect/platform-node"
import { it } from "@effect/vitest"
import { Context, Effect, Exit, FileSystem, Layer, Scope } from "effect"
import type { LocalForge } from "../../src/adapters/forge/local/LocalForge.ts"
import type { Forge } from "../../src/services/Forge.ts"
import { type FunctionAgent, Harness } from "../../src/services/Harness.ts"
import { Squadron } from "../../src/services/Squadron.ts"
import { Store } from "../../src/services/Store.ts"
import { rolesOf, squadronWith } from "./Scenario.ts"

type Given = {
  readonly agents: { readonly [Name in string]: FunctionAgent }
  readonly roles?: Parameters<typeof rolesOf>[0]
  readonly forge?: Layer.Layer<Forge, never, LocalForge>
}

/** A squadron on a file, until `stop` closes it or the test ends. */
export const started = Effect.fnUntraced(function* (filename: string, given: Given) {
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => Scope.close(scope, exit))
  const layer = squadronWith({
    roles: rolesOf(given.roles ?? Object.keys(given.agents).map((name) => ({ name }))),
    harness: Harness.layerFunctions(given.agents),
    filename,
    ...(given.forge === undefined ? {} : { forge: given.forge })
  })
  const context = yield* Layer.buildWithScope(layer, scope)
  return {
    filename,
    squadron: Context.get(context, Squadron),
    store: Context.get(context, Store),
    stop: Scope.close(scope, Exit.void),
    within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provideContext(effect, context)
  }
})

/** The database as a power cut at this moment would leave it: a copy, while the squadron runs on. */
export const crashed = Effect.fnUntraced(function* (filename: string) {
  const fs = yield* FileSystem.FileSystem
  const copy = `${yield* fs.makeTempDirectoryScoped()}/squadron.db`
  for (const part of ["", "-wal"]) yield* fs.copyFile(`${filename}${part}`, `${copy}${part}`)
  return copy
})

/** Where a new database may be; the folder goes with the test. */
export const newFile = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.map(fs.makeTempDirectoryScoped(), (path) => `${path}/squadron.db`)
)

/** A test that may use files. */
export const test = (name: string, body: Effect.Effect<unknown, unknown, FileSystem.FileSystem | Scope.Scope>) =>
  it.effect(name, () => body.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
