import { Layer } from "effect"
import { localForgeLayer, engineLayer, sqliteStoreLayer } from "../../src/app/layers.ts"
import { makeRole, makeSquad, type Role, type Squad } from "../../src/domain/Role.ts"
import type { EventDraft } from "../../src/domain/Event.ts"
import * as Subject from "../../src/domain/Subject.ts"
import { type FunctionAgent, Harness } from "../../src/services/Harness.ts"
import { Squads } from "../../src/services/Squads.ts"

/** A whole squadron on SQLite, in memory unless a file is named, with the local forge and agents as functions. */
export const testSquadron = (options: {
  readonly agents: { readonly [Name in string]: FunctionAgent }
  readonly roles?: ReadonlyArray<Partial<Role> & { readonly name: string }>
  readonly squad?: Partial<Squad>
  readonly filename?: string
}) => {
  const roles = (options.roles ?? Object.keys(options.agents).map((name) => ({ name }))).map((role) =>
    makeRole({ harness: { _tag: "function", name: role.name }, on: [{ event: "custom" }], ...role })
  )
  return engineLayer({ drainTimeout: 1_000 }).pipe(
    Layer.provideMerge(Layer.mergeAll(
      Squads.layer(makeSquad({ roles, ...options.squad })),
      Harness.layerFunctions(options.agents),
      localForgeLayer
    )),
    Layer.provideMerge(sqliteStoreLayer({ filename: options.filename ?? ":memory:" })),
    Layer.orDie
  )
}

let drafts = 0

/** A custom event on an issue of `acme/widgets`, with a key of its own unless one is given. */
export const customEvent = (options: { readonly issue?: number; readonly key?: string; readonly name?: string } = {}): EventDraft => ({
  key: options.key ?? `test:${drafts++}`,
  source: "library",
  at: 0,
  actor: { login: "ada", kind: "person" },
  subject: Subject.issue("acme/widgets", options.issue ?? 1),
  causedBy: null,
  depth: 0,
  detail: { _tag: "custom", name: options.name ?? "ping", payload: null }
})

