import { Layer } from "effect"
import * as Database from "../../../../src/adapters/sql/Database.ts"
import * as SqlStore from "../../../../src/adapters/sql/SqlStore.ts"
import { SqlWriter } from "../../../../src/adapters/sql/SqlWriter.ts"
import { EventBus } from "../../../../src/services/EventBus.ts"

/** A store in memory with its bus, without anybody who works on it. */
export const testStore = () =>
  EventBus.layer.pipe(
    Layer.provideMerge(SqlStore.layer),
    Layer.provideMerge(SqlWriter.layer),
    Layer.provideMerge(Database.layer({ filename: ":memory:" })),
    Layer.orDie
  )
