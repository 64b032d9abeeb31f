import { Effect, Layer } from "effect"
import { LocalForge, type LocalForgeOptions } from "../adapters/forge/local/LocalForge.ts"
import * as MarkdownMentions from "../adapters/markdown/MarkdownMentions.ts"
import * as Database from "../adapters/sql/Database.ts"
import { SqliteClient, type SqliteOptions } from "../adapters/sql/SqliteClient.ts"
import * as SqlStore from "../adapters/sql/SqlStore.ts"
import { SqlWriter } from "../adapters/sql/SqlWriter.ts"
import type { Squad } from "../domain/Role.ts"
import { AgentPool } from "../services/AgentPool.ts"
import { EventBus } from "../services/EventBus.ts"
import { Forge } from "../services/Forge.ts"
import { Outbox } from "../services/Outbox.ts"
import { Prompts } from "../services/Prompts.ts"
import { Router } from "../services/Router.ts"
import { Squadron } from "../services/Squadron.ts"
import { Squads } from "../services/Squads.ts"
import { Supervisor } from "../services/Supervisor.ts"
import { Timers } from "../services/Timers.ts"
import { version } from "./version.ts"

/** The store on any migrated `SqlClient`. */
export const storeLayer = SqlStore.layer.pipe(Layer.provideMerge(Layer.orDie(SqlWriter.layer)))

/** The store in a SQLite file, or in memory with `:memory:`. */
export const sqliteStoreLayer = (options: SqliteOptions) =>
  Layer.effectDiscard(SqliteClient.use((sqlite) => Effect.orDie(sqlite.cachePages))).pipe(
    Layer.provideMerge(storeLayer),
    Layer.provideMerge(Database.layer(options))
  )

/** What a crash cut off is closed before anybody runs. */
const recovery = Layer.effectDiscard(Supervisor.use((supervisor) => Effect.orDie(supervisor.recover)))

/** What makes a squadron run, given a store, a forge, a squad and a harness. */
export const engineLayer = (options: { readonly drainTimeout: number }) =>
  Squadron.layer({ version, drainTimeout: options.drainTimeout }).pipe(
    Layer.provideMerge(
      Layer.mergeAll(Router.layer, Timers.layer, Outbox.layer, AgentPool.layer.pipe(Layer.provide(recovery)))
    ),
    Layer.provideMerge(Layer.merge(Supervisor.layer, Prompts.layer)),
    Layer.provideMerge(EventBus.layer),
    Layer.provideMerge(MarkdownMentions.layer)
  )

/** The local forge in the store's own database, as the only one. Without a folder for repositories it has issues alone. */
export const localForgeLayer = (options: LocalForgeOptions = {}) =>
  LocalForge.layerForge.pipe(Layer.provideMerge(LocalForge.layer(options)))

/** The whole, for programs that bring their own harness: SQLite, no forge, the given squad. */
export const squadronLayer = (options: {
  readonly squad: Squad
  readonly filename: string
  readonly drainTimeout?: number
}) =>
  engineLayer({ drainTimeout: options.drainTimeout ?? 30_000 }).pipe(
    Layer.provideMerge(Layer.mergeAll(Squads.layer(options.squad), Forge.layerNone)),
    Layer.provideMerge(sqliteStoreLayer({ filename: options.filename }))
  )
